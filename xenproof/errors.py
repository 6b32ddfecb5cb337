"""Errors that a user sees: what was expected, what was found, what to do.

Every error has the exit status that it means for a whole run: 4 if the call or the profile is wrong,
6 if something could not be evaluated.  A host that does not conform is not an error: it is a verdict.
"""

from typing import ClassVar

from xenproof.plain import shortened


class XenproofError(Exception):
    """Something could not be evaluated, and that does not make the host non-conforming.

    A message may quote text of a host or a file, and hundreds of checks may repeat it, so it is cut here to its
    beginning and its end.
    """

    exit_status: ClassVar[int] = 6
    most_characters: ClassVar[int] = 4000

    def __init__(self, message: object = "") -> None:
        super().__init__(shortened(str(message), self.most_characters, "too long for a message"))


class UsageError(XenproofError):
    """The call is wrong: an unknown URL scheme, an unknown profile, a bad option."""

    exit_status = 4


class ProfileError(UsageError):
    """A profile cannot be used; the message states file, line and what was expected, for each mistake in it."""

    most_characters = 32_000


class SourceError(XenproofError):
    """A host cannot be read: unreachable, refused, wrong key, no such user."""


class HostKeyError(SourceError):
    """The host's key is unknown or differs from the pinned one."""


class NotADom0(SourceError):
    """The host answers but is not a Xen dom0, so no check can be evaluated."""


class CommandFailed(SourceError):
    """A command on a host ended with a status that its caller does not allow."""


class CommandTimedOut(SourceError):
    """A command on a host did not end within its limit."""


class OutputTooLarge(SourceError):
    """A command printed more than xenproof accepts from a host."""


class ParseError(XenproofError):
    """The output of a probe does not have the form that its parser expects, so it proves nothing."""


class NotEvaluable(XenproofError):
    """The source cannot determine what a check needs; the message is the reason."""


class LabError(XenproofError):
    """A lab host could not be built, booted or reached."""


class GuestError(XenproofError):
    """A guest could not be brought to the state that a test needs."""
