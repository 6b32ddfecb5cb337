"""The time limits for a live host: each wait has its limit here."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TimeLimits:
    """The time limits for a live host, in seconds; tests pass shorter ones."""

    answer_s: float = 30.0
    """To open a channel, and again to confirm that a command was started."""
    login_s: float = 120.0
    """For all identities together, as long as OpenSSH's server waits; each has its own limit besides."""
    end_s: float = 5.0
    """For each step of ending a command: its process id, the kill, the close."""
    last_word_s: float = 10.0
    """To send an exit code after the end of the output."""
    next_session_s: float = 10.0
    """To end a session, if the host allows one at a time and another is to begin."""
    round_s: float = 240.0
    """For one round trip of probes: more than the sum of the limits in each of the two lanes, 155 s and 215 s."""
    reading_s: float = 300.0
    """For all round trips: a probe that nothing can end leaves a fifth of it to the probes after it.

    An emulated dom0 takes 5 s to 60 s.  A host on which every probe reaches its limit, and that runs no two at a time,
    would take 340 s and is not read completely.
    """


TIME_LIMITS = TimeLimits()
