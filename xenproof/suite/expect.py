"""How a check compares what it found with what its profile promises."""

from collections.abc import Callable, Collection
from typing import Any

from xenproof.plain import shortened
from xenproof.profile.expectation import Expectation
from xenproof.results.verdict import Finding

MOST_CHARACTERS = 4000


class Mismatch(AssertionError):
    """A host does not have what its profile promises; `finding` holds both sides."""

    def __init__(self, claim: str, finding: Finding) -> None:
        lines = [
            claim,
            f"  expected  {finding.expected}",
            f"            from {finding.where}: {finding.source} ({finding.status})",
            f"  found     {finding.found}".replace("\n", "\n            "),
            f"            by {finding.by}",
        ]
        if finding.hint:
            lines.append(f"  try       {finding.hint}")
        super().__init__("\n".join(lines))
        self.finding = finding


class Expect:
    """Compares values and stores the findings, so that a report can show passes, too.

    A check that compared nothing proves nothing; the suite reports an error for it.
    """

    def __init__(self, claim: str) -> None:
        self.claim = claim
        self.findings: list[Finding] = []

    def __call__(
        self,
        expected: Expectation,
        found: object,
        *,
        by: str,
        matches: Callable[[Any, Any], bool] = lambda want, have: bool(want == have),
        wanted: str | None = None,
        hint: str = "",
    ) -> None:
        """Raise Mismatch unless `matches(expected.value, found)`.

        `by` names the command or file from which `found` was read, `wanted` is the expected value in
        words where its plain form is not clear, `hint` is what an administrator can do.
        """
        finding = Finding(
            _bounded(wanted if wanted is not None else readable(expected.value)),
            _bounded(readable(found)),
            by,
            expected.key,
            expected.level,
            expected.status,
            _bounded(expected.source),
            expected.where,
            hint,
        )
        self.findings.append(finding)
        if not matches(expected.value, found):
            raise Mismatch(self.claim, finding)


def _bounded(text: str) -> str:
    """`text`, shortened for the report: hundreds of checks may quote the same megabytes of a host."""
    return shortened(text, MOST_CHARACTERS, "too long for a report")


def readable(value: object) -> str:
    """A value as text for people: "yes" for True, "none" for an empty list, "a, b" for two texts."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "nothing"
    if isinstance(value, str):
        return str(value) if value else "(empty)"  # a member of an enumeration as a plain string
    if isinstance(value, Collection):
        return ", ".join(map(readable, value)) if value else "none"
    return str(value)
