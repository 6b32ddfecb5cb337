"""The time lines of guests, in percent of one common axis."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from xenproof.results.verdict import GuestTimeline, Verdict

COLOURS = 8  # as many as report.css names


@dataclass(frozen=True, slots=True)
class Segment:
    """The time from one step to the next: its place in percent of the axis, and its colour."""

    label: str
    until: str
    from_percent: float
    percent: float
    seconds: float
    colour: int


@dataclass(frozen=True, slots=True)
class Bar:
    """One guest: its segments, and each step in seconds since its first one."""

    verdict: Verdict
    guest: GuestTimeline
    segments: tuple[Segment, ...]
    steps: tuple[tuple[str, float, int], ...]
    began_s: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Chart:
    """The bars of all guests on an axis of `seconds`, with its marks as (percent, seconds)."""

    bars: tuple[Bar, ...]
    seconds: float
    marks: tuple[tuple[float, float], ...]


def chart(verdicts: Sequence[Verdict]) -> Chart | None:
    """The time lines of the guests of `verdicts`, each counted from its first step; None if there are none."""
    # Several checks report one guest at different times of its life: the longest time line is complete.
    longest: dict[tuple[str, str], tuple[Verdict, GuestTimeline]] = {}
    for verdict in verdicts:
        if (guest := verdict.guest) and guest.steps:
            kept = longest.get((verdict.host, guest.name))
            if kept is None or len(guest.steps) > len(kept[1].steps):
                longest[verdict.host, guest.name] = (verdict, guest)
    lines = longest.values()
    if not lines:
        return None
    axis = max(*(max(step.at_s for step in guest.steps) - guest.steps[0].at_s for _, guest in lines), 0.001)
    colours: dict[str, int] = {}
    bars = tuple(_bar(verdict, guest, axis, colours) for verdict, guest in lines)
    return Chart(bars, axis, _marks(axis))


def _bar(verdict: Verdict, guest: GuestTimeline, axis: float, colours: dict[str, int]) -> Bar:
    start = guest.steps[0].at_s
    steps = tuple(
        (step.label, max(step.at_s - start, 0.0), colours.setdefault(step.label, len(colours) % COLOURS))
        for step in guest.steps
    )
    segments = tuple(
        Segment(label, until, 100 * at / axis, 100 * max(end - at, 0.0) / axis, max(end - at, 0.0), colour)
        for (label, at, colour), (until, end, _) in pairwise(steps)
    )
    return Bar(verdict, guest, segments, steps, start, max(at for _, at, _ in steps))


def _marks(axis: float) -> tuple[tuple[float, float], ...]:
    """Four to nine round figures along the axis, such as 0, 5, 10, 15 seconds."""
    step = next(
        (base * 10**power for power in range(-4, 9) for base in (1, 2, 5) if axis / (base * 10**power) <= 8), axis
    )
    return tuple((100 * number * step / axis, number * step) for number in range(int(axis / step) + 1))
