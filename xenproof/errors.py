"""Errors that a user sees: what was expected, what was found, what to do.

Every error of xenproof knows the exit status that it means for a whole run: 4 where the call or
the profile is wrong, 6 where something could not be evaluated.  A host that does not conform is no
error: it is a verdict.
"""

from typing import ClassVar

from xenproof.plain import shortened


class XenproofError(Exception):
    """Something could not be said about a host, through no fault of the host's conformance.

    A message may quote what a host or a file says, so it is cut here to its beginning and its end: hundreds of checks
    may repeat it.
    """

    exit_status: ClassVar[int] = 6
    most_characters: ClassVar[int] = 4000

    def __init__(self, message: object = "") -> None:
        super().__init__(shortened(str(message), self.most_characters, "too long for a message"))


class UsageError(XenproofError):
    """The call is wrong: an unknown URL scheme, an unknown profile, a bad option."""

    exit_status = 4


class ProfileError(UsageError):
    """A profile cannot be used; the message names file, line and what was expected, for each mistake in it."""

    most_characters = 32_000


class SourceError(XenproofError):
    """A host cannot be read: unreachable, refused, wrong key, no such user."""


class HostKeyError(SourceError):
    """The host's key is unknown or differs from the pinned one."""


class NotADom0(SourceError):
    """The host answers but is not a Xen dom0, so none of the checks can say anything."""


class CommandFailed(SourceError):
    """A command on a host ended in a way that its caller does not allow."""


class CommandTimedOut(SourceError):
    """A command on a host did not end within its limit."""


class OutputTooLarge(SourceError):
    """A command printed more than is accepted from a host."""


class ParseError(XenproofError):
    """The output of a probe is not of the shape that its parser knows, so it proves nothing."""


class NotEvaluable(XenproofError):
    """The source cannot know what a check asks for; the message is the reason."""


class LabError(XenproofError):
    """A lab host could not be built, booted or reached."""


class GuestError(XenproofError):
    """A guest could not be brought to the state that a test asked for."""
