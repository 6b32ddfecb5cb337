"""The load of a host in one sentence, for the terminal and the page."""

from collections.abc import Sequence

from xenproof.results.host_load import STARVED, HostLoad, added
from xenproof.results.verdict import PROBLEMS, Verdict


def load_of_host(verdicts: Sequence[Verdict]) -> str:
    """How the processors of a host were while its guests were checked; "" if that was not measured."""
    loads = [verdict.load for verdict in verdicts if verdict.load is not None]
    if not loads:
        return ""
    if (total := added(loads)).ran_s:
        worst = max(load.denied for load in loads)
        return (
            f"while its guests were checked, its QEMU was denied {total.denied:.0%} of the processor time that it "
            f"wanted, {worst:.0%} in the worst check"
        )
    steal, load = (max((getattr(each, name) or 0.0 for each in loads), default=0.0) for name in ("steal", "load"))
    return f"while its guests were checked, at most {steal:.0%} of dom0's time was stolen, and its load was {load:.2f}"


def starvation(verdicts: Sequence[Verdict]) -> str:
    """The sentence that a reader needs where checks failed while their lab host was starved; "" where none did."""
    bad = [v.load for v in verdicts if v.outcome in PROBLEMS and v.load is not None and v.load.starved]
    if not bad:
        return ""
    checks = (
        "1 check that failed or has an error" if len(bad) == 1 else f"{len(bad)} checks that failed or have an error"
    )
    return (
        f"starved: in {checks}, its QEMU was denied {added(bad).denied:.0%} of the processor time that it wanted (more "
        f"than {STARVED:.0%} is starved): give this machine less other work, and run them again"
    )


def worst_load(verdicts: Sequence[Verdict]) -> HostLoad | None:
    """The load of the check whose host got least, None if none was measured."""
    loads = [verdict.load for verdict in verdicts if verdict.load is not None]
    return max(loads, key=lambda load: (load.denied, load.steal or 0.0, load.load or 0.0), default=None)
