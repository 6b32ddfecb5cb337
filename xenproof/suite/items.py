"""Data about one pytest item: the host and the expectation that it checks, and its verdict."""

import re
import time
from collections.abc import Callable, Iterable
from dataclasses import fields
from typing import Any

import pytest

from xenproof.plain import shortened
from xenproof.profile.expectation import Expectation, Level
from xenproof.results.host_load import HostLoad
from xenproof.results.verdict import About, Finding, GuestTimeline, Role, TableCell, Verdict, examined
from xenproof.suite.expect import Expect, readable
from xenproof.suite.host_load import LoadMeter
from xenproof.suite.outcome import End, of_phases

ITEM = pytest.StashKey["ItemData"]()
MOST_TITLE = 1000  # characters
MOST_FINDINGS_CHARACTERS = 16_000
"""The limit for all findings of one check except the last; a user's own check may compare in a loop."""


class ItemData:
    """The data that one test produces while it runs."""

    def __init__(self, claim: str) -> None:
        self.expect = Expect(claim)
        self.compares = False
        self.attachments: list[str] = []
        self.guest: GuestTimeline | None = None
        self.cell: TableCell | None = None
        self.meter: LoadMeter | None = None
        self.load: HostLoad | None = None
        self.ran: list[str] = []
        self.ends: dict[str, End] = {}
        self.began = time.time()
        self.seconds = 0.0


def verdict_of(item: pytest.Item, data: ItemData, urls: Iterable[str], run_began: float) -> Verdict:
    """The verdict of a test so far; `urls` are the hosts of the run."""
    end = of_phases(data.ran, data.ends)
    if not judges(item):
        return Verdict(
            item.nodeid, (), "suite", item.nodeid, end.outcome, reason=end.reason, details=end.details,
            started_s=data.began - run_began, seconds=data.seconds,
        )  # fmt: skip
    expected = expected_of(item)
    findings, left_out = _bounded(data.expect.findings)
    details = end.details
    if left_out:
        details = f"{left_out} comparisons are left out: too long for a report\n{details}".strip()
    # The mark of a check names the requirements of the whole family, the expectation only its own: so that counts.
    ids = (
        set(expected.req) if expected is not None else {str(name) for m in item.iter_markers("req") for name in m.args}
    )
    return Verdict(
        id=_id(item),
        hosts=_about(item, urls),
        family=_family(item, expected, findings),
        title=data.expect.claim,
        outcome=end.outcome,
        level=expected.level if expected is not None else Level.MUST,
        req=tuple(sorted(ids)),
        findings=findings,
        reason=end.reason,
        details=details,
        started_s=data.began - run_began,
        seconds=data.seconds,
        attachments=tuple(data.attachments),
        guest=data.guest,
        cell=data.cell,
        load=data.load,
    )


def judges(item: pytest.Item) -> bool:
    """Whether a test examines a host."""
    return "target" in getattr(item, "fixturenames", ())


def params_of(item: pytest.Item) -> dict[str, Any]:
    """The parameters of a test by name."""
    params: dict[str, Any] = getattr(getattr(item, "callspec", None), "params", {})
    return params


def expected_of(item: pytest.Item) -> Expectation | None:
    """The expectation that a check with `each` is about, None for any other."""
    found = params_of(item).get("expected")
    return found if isinstance(found, Expectation) else None


def host_of(item: pytest.Item) -> str:
    """The URL of the host that a test examines, "" if it examines none."""
    return str(params_of(item).get("target", ""))


def title_of(item: pytest.Item) -> str:
    """The docstring of a test, with the expectation that it is about filled in."""
    text = " ".join((getattr(getattr(item, "obj", None), "__doc__", None) or item.name).split())
    if (expected := expected_of(item)) is not None:
        text = text.replace("{name}", str(expected.name)).replace("{value}", readable(expected.value))
    for key, value in params_of(item).items():
        text = text.replace(f"{{{key}}}", str(value))
    return shortened(text, MOST_TITLE, "too long for a title")


def deselect(config: pytest.Config, items: list[pytest.Item], drops: Callable[[pytest.Item], bool]) -> None:
    """Remove the tests for which `drops` holds from `items`, and report that to pytest."""
    dropped = [item for item in items if drops(item)]
    if dropped:
        config.hook.pytest_deselected(items=dropped)
        gone = set(dropped)
        items[:] = [item for item in items if item not in gone]


def is_empty(item: pytest.Item) -> bool:
    """Whether pytest made this item only as a placeholder, as `each` selected no expectation."""
    return item.get_closest_marker("each") is not None and expected_of(item) is None


def _id(item: pytest.Item) -> str:
    """The nodeid without the host, so that the same check has one name on all hosts."""
    host = host_of(item)
    # The nodeid holds the file only if that is in the repository.
    name = item.path.name if item.nodeid.startswith("::") else ""
    # xdist adds @GROUP to the names of tests that it keeps on one worker.
    return name + re.sub(r"\]@.*$", "]", item.nodeid).replace(f"[{host}-", "[").replace(f"[{host}]", "")


def _about(item: pytest.Item, urls: Iterable[str]) -> tuple[About, ...]:
    host = host_of(item)
    if "peers" not in getattr(item, "fixturenames", ()):
        return examined(host)
    return (*examined(host), *(About(url, Role.PEER) for url in urls if url != host))


def _family(item: pytest.Item, expected: Expectation | None, findings: tuple[Finding, ...]) -> str:
    """The family of the check's expectation; for a check that ended before it compared, the name of its file."""
    if expected is not None:
        return expected.family
    if findings:
        return findings[0].expectation.partition(".")[0]
    return item.path.stem.removeprefix("test_")


def _bounded(findings: list[Finding]) -> tuple[tuple[Finding, ...], int]:
    """The findings for the report, always with the last one, and the number of those left out."""
    if not findings:
        return (), 0
    kept, left = [], MOST_FINDINGS_CHARACTERS
    for finding in findings[:-1]:
        left -= sum(len(str(getattr(finding, field.name))) for field in fields(finding))
        if left < 0:
            break
        kept.append(finding)
    return (*kept, findings[-1]), len(findings) - 1 - len(kept)
