"""When a guest reached each step of its life, for the report."""

import time
from collections.abc import Mapping

from xenproof.results.verdict import GuestTimeline, Step


class TimeLine:
    """The steps of one guest by the clock of this machine; the report counts from `began`, the start of the run."""

    def __init__(self, began: float) -> None:
        self._began = began
        self._steps: dict[str, float] = {}
        self._reported: set[str] = set()

    def note(self, step: str, *, anew: bool = False) -> None:
        """Note that the guest reached `step` now; a step that was noted before is changed only if `anew`."""
        if anew or step not in self._steps:
            self._steps[step] = time.time()

    def fresh(self, name: str, title: str, marks: Mapping[str, float]) -> GuestTimeline | None:
        """All steps so far with the `marks` of its console, in order; None where none was added since the last call."""
        seen = self._steps | dict(marks)
        if self._reported == set(seen):
            return None
        self._reported = set(seen)
        in_order = sorted(seen.items(), key=lambda item: item[1])
        return GuestTimeline(name, title, tuple(Step(label, at - self._began) for label, at in in_order))
