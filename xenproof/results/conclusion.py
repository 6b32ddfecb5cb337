"""The conclusion of a run about its hosts, in one sentence."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from xenproof.profile.expectation import Level
from xenproof.results.exit_status import ExitStatus
from xenproof.results.results import Results
from xenproof.results.verdict import Outcome, Verdict

_ENDED = {
    ExitStatus.INTERRUPTED: "the run was interrupted",
    ExitStatus.INTERNAL_ERROR: "xenproof or pytest had an internal error",
    ExitStatus.WRONG_CALL: "the call or the profile is wrong",
    ExitStatus.NO_CHECK: "no check was selected",
}


class Kind(StrEnum):
    """Which of three statements a conclusion makes."""

    CONFORMS = "conforms"
    DIFFERS = "differs"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Conclusion:
    """One sentence about one host or a whole run; `asides` are further sentences that a reader needs."""

    kind: Kind
    text: str
    asides: tuple[str, ...] = ()


def host_conclusion(profile: str, verdicts: Sequence[Verdict]) -> Conclusion:
    """The conclusion from the `verdicts` about a host: if nothing passed, nothing was proved."""
    fails = _count(v.outcome is Outcome.FAIL and v.level is Level.MUST for v in verdicts)
    new = _count(v.outcome is Outcome.NEW for v in verdicts)
    advice = _count(v.outcome is Outcome.FAIL and v.level is not Level.MUST for v in verdicts)
    errors = _count(v.outcome is Outcome.ERROR for v in verdicts)
    silent = _count(v.outcome is Outcome.NOT_EVALUABLE for v in verdicts)
    asides = [
        f"{_checks(errors)} could not be evaluated" if errors and fails else "",
        f"{silent} not evaluable from this source" if silent else "",
        f"{new} {'value is' if new == 1 else 'values are'} new: not as in the release from which the profile starts"
        if new
        else "",
        f"{advice} of its recommendations {'is' if advice == 1 else 'are'} not met" if advice else "",
    ]
    kept = tuple(filter(None, asides))
    if fails:
        noun = f"{_checks(len(verdicts))} {'fails' if fails == 1 else 'fail'}"
        return Conclusion(Kind.DIFFERS, f"does not conform to {profile}: {fails} of {noun}", kept)
    if errors:
        return Conclusion(
            Kind.UNKNOWN, f"could not be evaluated: {errors} of {_checks(len(verdicts))} ended in error", kept
        )
    if not any(v.outcome is Outcome.PASS for v in verdicts):
        return Conclusion(Kind.UNKNOWN, "could not be evaluated: no check passed and none failed", kept)
    return Conclusion(Kind.CONFORMS, f"conforms to {profile}", kept)


def conclusion(results: Results) -> Conclusion:
    """The conclusion of the whole run.  It never claims "conforms" if the exit status means something else."""
    overall = host_conclusion(results.profile, results.verdicts)
    empty = [host for host, verdicts in by_host(results).items() if not verdicts]
    why = _ENDED.get(results.exit_status, f"the run ended with exit status {int(results.exit_status)}")
    if overall.kind is not Kind.CONFORMS:
        ended = (why,) if results.exit_status in _ENDED else ()
        return Conclusion(overall.kind, overall.text, (*overall.asides, *ended))
    if results.exit_status is ExitStatus.DIFFERS:
        return Conclusion(Kind.DIFFERS, f"does not conform to {results.profile}: {why}", overall.asides)
    if results.exit_status is not ExitStatus.CONFORMS:
        return Conclusion(Kind.UNKNOWN, f"could not be evaluated: {why}", overall.asides)
    if empty:
        return Conclusion(Kind.UNKNOWN, f"could not be evaluated: no check ran on {', '.join(empty)}", overall.asides)
    return overall


def by_host(results: Results) -> dict[str, list[Verdict]]:
    """The verdicts of each host: first the hosts of the run in their order, then those that only verdicts name."""
    found: dict[str, list[Verdict]] = {host.url: [] for host in results.hosts}
    for verdict in results.verdicts:
        found.setdefault(verdict.host, []).append(verdict)
    return found


def _checks(number: int) -> str:
    return f"{number} check" if number == 1 else f"{number} checks"


def _count(hits: Iterable[bool]) -> int:
    return sum(hits)
