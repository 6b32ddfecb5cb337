"""CPUs, nodes, pools and affinity, as `xl` of real hosts prints them."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selftest.corpus import folders, transcripts
from xenproof.errors import ParseError
from xenproof.xen.processors import parse_affinity, parse_cpus, parse_nodes, parse_pools

DATA = Path(__file__).parents[2] / "data/corpus"
BOTH = frozenset({0, 1})
# The host of Xen 4.14, 4.17 and 4.20: two CPUs, a guest beside dom0.
LAB_HOSTS = ("debian11", "debian12", "debian13")
VCPU_LIST = (DATA / "debian12/xl_vcpu-list.out").read_text()
INFO = (DATA / "debian12/xl_info_-n.out").read_text()
POOLS = (DATA / "debian12/xl_cpupool-list_-c.out").read_text()
cpus = st.frozensets(st.integers(0, 300), min_size=1)


@pytest.mark.parametrize("host", LAB_HOSTS)
def test_lab_hosts_have_two_cpus_in_one_node_and_one_pool(host: str) -> None:
    assert parse_nodes((DATA / host / "xl_info_-n.out").read_text()) == {0: BOTH}
    assert parse_pools((DATA / host / "xl_cpupool-list_-c.out").read_text()) == {"Pool-0": BOTH}
    assert parse_affinity((DATA / host / "xl_vcpu-list.out").read_text(), BOTH) == [BOTH, BOTH, BOTH]


def test_xen_4_4_shows_its_nodes_the_same_way() -> None:
    assert parse_nodes((DATA / "xen-4.4.1/xl_info_-n.out").read_text()) == {0: BOTH}


def test_affinity_is_read_where_it_is_not_all() -> None:
    text = VCPU_LIST.replace("45.8  all / all", "45.8  1,3-4 / 0")
    assert parse_affinity(text, BOTH)[2] == {1, 3, 4}


def test_affinity_of_xen_4_4_has_one_column() -> None:
    text = (DATA / "xen-4.4.1/xl_vcpu-list_after_vcpu-pin.out").read_text()
    assert parse_affinity(text, BOTH) == [frozenset({1}), BOTH]


def test_a_pool_without_cpus_has_none() -> None:
    assert parse_pools(POOLS + "empty               \n")["empty"] == frozenset()


def test_nodes_are_told_apart() -> None:
    assert parse_nodes(INFO.replace("1:       1        0        0", "1:       1        0        1")) == {
        0: frozenset({0}),
        1: frozenset({1}),
    }


@given(cpus)
def test_cpus_are_read_as_ranges_or_one_by_one(wanted: frozenset[int]) -> None:
    rows = sorted(wanted)
    assert parse_cpus(",".join(map(str, rows))) == wanted
    ranges: list[list[int]] = []
    for cpu in rows:
        if ranges and ranges[-1][1] == cpu - 1:
            ranges[-1][1] = cpu
        else:
            ranges.append([cpu, cpu])
    assert parse_cpus(",".join(f"{first}-{last}" for first, last in ranges)) == wanted


@pytest.mark.parametrize("text", ["1-", "3-1", "all", "0-99999", "^1", "0 1"])
def test_another_shape_of_list_is_an_error(text: str) -> None:
    with pytest.raises(ParseError, match="CPUs"):
        parse_cpus(text)


PARSERS: list[tuple[str, Callable[[str], object]]] = [
    ("xl vcpu-list", lambda text: parse_affinity(text, BOTH)),
    ("xl info -n", parse_nodes),
    ("xl cpupool-list -c", parse_pools),
]


@pytest.mark.parametrize(("command", "parse"), PARSERS, ids=[command for command, _ in PARSERS])
@pytest.mark.parametrize("folder", folders())
def test_what_is_no_output_of_the_command_is_refused(folder: str, command: str, parse: Callable[[str], object]) -> None:
    read = []
    for row in transcripts(folder):
        try:
            parse(row.out)
        except ParseError:
            continue
        read.append(row.command)
    assert [other for other in read if command not in other] == []


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    for _, parse in PARSERS:
        with pytest.raises(ParseError):
            parse(text)
