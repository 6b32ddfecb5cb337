"""What the report says of a host before its checks."""

from collections.abc import Callable

from xenproof.errors import XenproofError
from xenproof.facts.identity import PROBE, parse_identity
from xenproof.report.verdict import HostSummary
from xenproof.source.probe import Recording


def host_summary(url: str, recording: Recording) -> HostSummary:
    """The host's system, versions and, for a lab host, its accelerator; what cannot be read is left out."""
    facts: dict[str, str] = {}
    for add in _ROWS:
        try:
            facts.update(add(recording))
        except XenproofError:
            continue  # the checks say what is wrong with it
    return HostSummary(url, facts | {"recorded": recording.taken} | dict(recording.about))


def _identity(recording: Recording) -> dict[str, str]:
    seen = parse_identity(recording.output(PROBE))
    return {"system": seen.system, "kernel": seen.kernel}


_ROWS: tuple[Callable[[Recording], dict[str, str]], ...] = (_identity,)
