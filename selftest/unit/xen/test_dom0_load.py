"""How busy dom0 is, by its own counters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xenproof.errors import ParseError
from xenproof.source.local import LocalConnection
from xenproof.xen.dom0_load import Dom0Clock, parse_dom0_clock, read_dom0_clock

PRESSURE = "some avg10=0.00 avg60=0.00 avg300=0.00 total=5000000\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"


def printed(
    uptime: str = "100.00", load: str = "0.50", ticks: str = "10 0 20 900 5 0 5 60", pressure: str = PRESSURE
) -> str:
    return (
        f"{uptime} 180.50\n{load} 0.18 0.12 1/80 11206\ncpu  {ticks} 0 0\ncpu0 5 0 10 450 2 0 2 30 0 0\n"
        "cpu1 5 0 10 450 2 0 2 30 0 0\n"
        f"intr 12 3\nctxt 9\n{pressure}"
    )


def test_the_counters_of_a_host() -> None:
    assert parse_dom0_clock(printed()) == Dom0Clock(100.0, 1000, 60, 0.5, 5.0, 2)


def test_a_kernel_without_pressure() -> None:
    assert parse_dom0_clock(printed(pressure="")).pressed_s is None


def test_the_load_is_that_of_the_span() -> None:
    before = parse_dom0_clock(printed())
    now = parse_dom0_clock(
        printed("110.00", "3.25", "110 0 520 1700 5 0 5 660", PRESSURE.replace("5000000", "9000000"))
    )
    load = now.since(before)
    assert (load.seconds, load.load) == (10.0, 3.25)
    assert load.pressure == pytest.approx(0.4)
    assert load.steal == pytest.approx(600 / 2000)
    assert (load.ran_s, load.denied, load.starved) == (None, 0.0, False)
    assert str(load) == (
        "30% of dom0's processor time was stolen; its load was 3.25; "
        "something waited for a processor in dom0 in 40% of the time"
    )


def test_a_host_that_was_started_anew_has_no_negative_load() -> None:
    load = parse_dom0_clock(printed("1.00", ticks="0 0 1 1 0 0 0 0")).since(parse_dom0_clock(printed()))
    assert (load.seconds, load.steal, load.pressure) == (0.0, None, None)


@pytest.mark.parametrize(
    "ticks",
    [
        "110 0 520 1700 5 0 5 10",  # kernels 4.4 to 4.8: what was stolen is counted backwards
        "110 0 520 1700 5 0 5 18446744073709551000",  # ... over the end
        "110 0 520 1700 5 0 5 1844674407370",
        "1 0 1 1 1 0 1 61",  # after a migration all counters are lower
    ],
)
def test_counters_that_cannot_be_right_say_nothing_about_steal(ticks: str) -> None:
    load = parse_dom0_clock(printed("110.00", "3.25", ticks)).since(parse_dom0_clock(printed()))
    assert (load.seconds, load.steal, load.load) == (10.0, None, 3.25)
    assert "stolen" not in str(load)


def test_a_host_with_hundreds_of_processors() -> None:
    def text(uptime: str, busy: int) -> str:
        ticks = f"{busy} 0 0 0 0 0 0 {busy}"
        rows = "".join(f"cpu{number} {ticks} 0 0\n" for number in range(480))
        total = " ".join(str(480 * int(tick)) for tick in ticks.split())
        return (
            f"{uptime} 9{'0' * 9}.00\n480.00 1.00 1.00 99/100000 4194304\ncpu  {total} 0 0\n{rows}intr {'7 ' * 50000}\n"
        )

    load = parse_dom0_clock(text("20.00", 1000)).since(parse_dom0_clock(text("10.00", 500)))
    assert load.steal == pytest.approx(0.5)


def test_a_kernel_without_guest_times() -> None:
    text = "100.00 180.50\n0.50 0.18 0.12 1/80 11206\ncpu  10 0 20 900 5 0 5 60\ncpu0 10 0 20 900 5 0 5 60\nintr 1\n"
    assert parse_dom0_clock(text) == Dom0Clock(100.0, 1000, 60, 0.5, None, 1)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "100.00 180.50\n",
        printed(uptime="up"),
        printed(load="-1"),
        printed(ticks="10 0 20"),
        printed(ticks="10 0 20 900 5 0 5 x"),
        printed(uptime="9" * 5000 + ".00"),
        printed().replace("cpu  ", "cpus "),
        printed(ticks=" ".join(["9" * 4999] * 8)),
    ],
)
def test_another_shape_is_an_error(text: str) -> None:
    with pytest.raises(ParseError, match="expected /proc/uptime"):
        parse_dom0_clock(text)


@given(st.lists(st.integers(0, 2**64 - 1), min_size=16, max_size=16), st.floats(1, 1e6))
def test_no_counters_make_a_share_that_is_none(ticks: list[int], uptime: float) -> None:
    before, now = (
        printed(at, ticks=" ".join(map(str, part))) for at, part in (("1.00", ticks[:8]), (f"{uptime:.2f}", ticks[8:]))
    )
    load = parse_dom0_clock(now).since(parse_dom0_clock(before))
    assert load.steal is None or 0 <= load.steal <= 1


@given(st.text(st.sampled_from("0123456789. /cpu\nsometotal="), max_size=300))
def test_no_text_breaks_the_parser(text: str) -> None:
    with pytest.raises(ParseError):
        parse_dom0_clock(text)


def test_this_machine_prints_what_is_expected() -> None:
    clock = read_dom0_clock(LocalConnection())
    assert clock.at_s > 0
    assert clock.all_ticks > clock.stolen_ticks >= 0
