"""What many guests cost, read from a host, and drawn."""

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xenproof.errors import ParseError
from xenproof.guest.features.many_guests import Arrival
from xenproof.suite.fixtures.crowd_plot import plot, table
from xenproof.xen.cost import Cost, parse_cost

SVG = "{http://www.w3.org/2000/svg}"
XL_INFO = (Path(__file__).parents[2] / "data/corpus/debian12/xl_info.out").read_text()
MEMORY = "MemTotal:  1016036 kB\nMemFree:  612340 kB\nMemAvailable:  767780 kB\nBuffers:  20480 kB\nCached:  81920 kB\n"
STAT = "cpu  1000 10 2000 90000 50 30 40 500 0 0\ncpu0 1 2 3 4 5 6 7 8 9 10\n"
EMPTY = Cost(240, 10.0, 1886)
ARRIVALS = [Arrival(1, 12.5, 15.0, Cost(250, 20.0, 1780)), Arrival(2, 13.0, 30.0, Cost(259, 31.0, 1676))]


def test_cost_is_memory_and_processor_time_of_dom0_and_what_xen_has_left() -> None:
    assert parse_cost(MEMORY + STAT + XL_INFO) == Cost((1016036 - 767780) >> 10, 30.8, 1886)


def test_a_kernel_that_does_not_say_what_is_available_is_read_all_the_same() -> None:
    old = MEMORY.replace("MemAvailable:  767780 kB\n", "")
    assert parse_cost(old + STAT + XL_INFO).dom0_mib == (1016036 - 612340 - 20480 - 81920) >> 10


@pytest.mark.parametrize("text", ["", MEMORY + STAT, STAT + XL_INFO, MEMORY + XL_INFO])
def test_what_is_missing_is_an_error(text: str) -> None:
    with pytest.raises(ParseError):
        parse_cost(text)


@given(st.text())
def test_any_text_is_refused(text: str) -> None:
    with pytest.raises(ParseError):
        parse_cost(text)


def test_table_has_a_line_for_the_empty_host_and_one_for_each_guest() -> None:
    header, *rows = table(EMPTY, ARRIVALS).splitlines()
    assert header.startswith("guests,seconds to ready")
    assert rows == ["0,0.0,0.0,240,10.0,1886", "1,12.5,15.0,250,20.0,1780", "2,13.0,30.0,259,31.0,1676"]


@pytest.mark.parametrize("arrivals", [[], ARRIVALS[:1], ARRIVALS])
def test_plot_is_an_svg_that_needs_nothing_else(arrivals: list[Arrival]) -> None:
    svg = plot(EMPTY, arrivals)
    assert svg.startswith(b"<?xml ")
    assert b"<script" not in svg
    assert b"href=" not in svg


def test_plot_has_a_point_for_each_value_of_each_guest() -> None:
    picture = ElementTree.fromstring(plot(EMPTY, ARRIVALS))  # noqa: S314  # written here
    assert len(list(picture.iter(f"{SVG}circle"))) == 3 * len(ARRIVALS)
    words = {text.text for text in picture.iter(f"{SVG}text")}
    curves = {"seconds from creation to ready", "seconds of dom0's processors for it", "MiB that dom0 uses more"}
    assert {"2 guests in 0.5 minutes", "guests that run", *curves} <= words


SECONDS = st.floats(0, 1e6)


@given(st.lists(st.tuples(SECONDS, SECONDS, st.integers(-1, 1 << 24), SECONDS), max_size=20))
def test_any_cost_can_be_drawn(rows: list[tuple[float, float, int, float]]) -> None:
    arrivals = [
        Arrival(at, took, at_s, Cost(mib, dom0_s, 0)) for at, (took, at_s, mib, dom0_s) in enumerate(rows, start=1)
    ]
    circles = plot(EMPTY, arrivals).count(b"<circle ")
    assert circles == 3 * (len(arrivals) or 1)


def test_a_plot_leaves_the_import_system_alone() -> None:
    script = (
        "import sys; finders = list(sys.meta_path)\n"
        "from xenproof.suite.fixtures.crowd_plot import plot; from xenproof.xen.cost import Cost\n"
        "plot(Cost(1, 1.0, 1), []); assert sys.meta_path == finders, sys.meta_path\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", script], check=True, timeout=60)
