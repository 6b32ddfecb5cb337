"""How long a live host may take: each wait for one has its limit here."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Patience:
    """The limits of what a live host may take, in seconds; tests give shorter ones."""

    answer_s: float = 30.0
    """To open a channel, and again to answer that a command was started."""
    login_s: float = 120.0
    """For all identities that are tried, as long as OpenSSH's own server waits; each has its limit besides."""
    end_s: float = 5.0
    """For each step by which a command is ended: its process id, the kill, the close."""
    last_word_s: float = 10.0
    """To tell an exit code after the end of the output."""
    next_session_s: float = 10.0
    """To end a session, where it allows one at a time and another is to begin."""
    round_s: float = 240.0
    """For one round trip of probes: more than the limits of all that run one after the other, 215 s of 155 and 215."""
    reading_s: float = 300.0
    """For all round trips: a probe that nothing can end leaves a fifth of it to those behind.

    An emulated dom0 takes 5 s to 60 s.  One on which every probe runs to its limit, and no two at a time, would take
    340 s and is not read whole.
    """


PATIENCE = Patience()
