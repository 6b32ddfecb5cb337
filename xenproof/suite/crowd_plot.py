"""The picture of a crowd of guests: how long each took to come, and what all of them cost."""

import sys
from collections.abc import Sequence
from types import ModuleType
from xml.etree import ElementTree

from xenproof.guest.crowd import Arrival
from xenproof.xen.cost import Cost

SVG = "http://www.w3.org/2000/svg"
HEADER = (
    "guests,seconds to ready,seconds since the first,"
    "MiB that dom0 uses,seconds of dom0's processors,MiB that Xen has free\n"
)


def table(empty: Cost, arrivals: Sequence[Arrival]) -> str:
    """The numbers as CSV, a line for each guest; the first line of numbers is of the empty host."""
    rows = [(0, 0.0, 0.0, empty), *((one.number, one.seconds, one.at_s, one.cost) for one in arrivals)]
    lines = [
        f"{number},{seconds:.1f},{at_s:.1f},{cost.dom0_mib},{cost.dom0_s:.1f},{cost.free_mib}\n"
        for number, seconds, at_s, cost in rows
    ]
    return HEADER + "".join(lines)


def plot(empty: Cost, arrivals: Sequence[Arrival]) -> bytes:
    """An SVG over the number of guests: seconds from creation to ready, and dom0's cost since the host was empty."""
    more = [(one.number, one.cost.dom0_mib - empty.dom0_mib) for one in arrivals]
    chart = _pygal().XY(
        dots_size=2, legend_at_bottom=True, x_title="guests that run", y_title="seconds",
        range=(0, max((one.seconds for one in arrivals), default=1.0) * 1.1),
        secondary_range=(0, max(1, *(mib for _, mib in more), 1)),
        value_formatter="{:.0f}".format,
        title=f"{len(arrivals)} guests in {arrivals[-1].at_s / 60:.1f} minutes" if arrivals else "no guest",
    )  # fmt: skip
    before = [empty, *(one.cost for one in arrivals)]
    chart.add("seconds from creation to ready", [(one.number, one.seconds) for one in arrivals])
    used = [(one.number, one.cost.dom0_s - cost.dom0_s) for one, cost in zip(arrivals, before, strict=False)]
    chart.add("seconds of dom0's processors for it", used)
    chart.add("MiB that dom0 uses more (right)", more, secondary=True)
    return _without_scripts(chart.render())


def _pygal() -> ModuleType:
    """pygal, loaded when it is needed, and without the finder of modules that it adds: Python warns of its like."""
    import pygal

    module: ModuleType = pygal
    sys.meta_path[:] = [finder for finder in sys.meta_path if hasattr(finder, "find_spec")]
    return module


def _without_scripts(svg: bytes) -> bytes:
    """The picture alone: pygal adds a script for what reacts to a pointer, which a file in a report must not have."""
    ElementTree.register_namespace("", SVG)
    root = ElementTree.fromstring(svg)  # noqa: S314  # pygal's own
    for parent in root.iter():
        for script in parent.findall(f"{{{SVG}}}script"):
            parent.remove(script)
    picture: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return picture
