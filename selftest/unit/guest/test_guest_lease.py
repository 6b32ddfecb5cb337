"""Leases on memory and processors: whose turn it is, by what the host says.  That it keeps them is a lab test."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xenproof.errors import ParseError
from xenproof.guest.host.lease import OVERHEAD_MIB, RESERVE_MIB, VCPUS_PER_CPU, Capacity, LeaseRequest, parse_capacity
from xenproof.guest.host.shared_table import SharedTable
from xenproof.xen.domains import DomainRow

CORPUS = Path(__file__).parents[2] / "data/corpus/debian12"
# xl info there: 2 processors, 1886 MiB free.
TOLD = (
    "request xenproof-n5QuMbaI-1 1 136 1\nrequest xenproof-other-1 2 72 2\nxl list\n"
    + (CORPUS / "xl_list.out").read_text()
    + "xl info\n"
    + (CORPUS / "xl_info.out").read_text()
)


def capacity(usable_mib: int, *requests: LeaseRequest, domains: tuple[DomainRow, ...] = (), cpus: int = 2) -> Capacity:
    return Capacity(usable_mib + RESERVE_MIB, cpus, requests, domains)


def running(name: str, mib: int) -> DomainRow:
    return DomainRow(name, 7, mib, 1, "-b----")


def test_claims_domains_and_what_is_free_are_read() -> None:
    found = parse_capacity(TOLD)
    assert found.requests == (
        LeaseRequest("xenproof-n5QuMbaI-1", 1, 136, 1),
        LeaseRequest("xenproof-other-1", 2, 72, 2),
    )
    assert [row.name for row in found.domains] == ["Domain-0", "xenproof-n5QuMbaI-1"]
    assert (found.free_mib, found.cpus) == (1886, 2)
    assert found.all_mib == 1886 - RESERVE_MIB + 128 + OVERHEAD_MIB


@pytest.mark.parametrize("part", ["xl list\n", "xl info\n", "nr_cpus", "free_memory", "Domain-0", " 136 1"])
def test_what_is_missing_is_an_error(part: str) -> None:
    with pytest.raises(ParseError):
        parse_capacity(TOLD.replace(part, ""))


@given(st.text())
def test_any_text_is_refused(text: str) -> None:
    with pytest.raises(ParseError):
        parse_capacity(text)


def test_guests_that_fit_run_at_the_same_time() -> None:
    both = capacity(200, LeaseRequest("a", 1, 100, 1), LeaseRequest("b", 2, 100, 1))
    assert both.grants("a")
    assert both.grants("b")


def test_a_guest_waits_for_those_before_it_and_for_no_other() -> None:
    three = capacity(200, LeaseRequest("a", 1, 150, 1), LeaseRequest("b", 2, 100, 1), LeaseRequest("c", 3, 50, 1))
    assert three.grants("a")
    assert not three.grants("b")
    assert not three.grants("c")  # it would fit, but then a guest with much memory might wait for ever
    assert [request.name for request in three.before("c")] == ["a", "b"]


def test_memory_that_a_guest_has_already_is_not_counted_twice() -> None:
    # 300 MiB in all, of which the first has its own.
    later = capacity(
        200, LeaseRequest("a", 1, 100, 1), LeaseRequest("b", 2, 200, 1), domains=(running("a", 100 - OVERHEAD_MIB),)
    )
    assert later.all_mib == 300
    assert later.grants("b")


def test_memory_that_a_guest_gave_up_for_a_while_is_still_its_own() -> None:
    # It has 100 and was left 60: the other 40 are free, until it wants them again.
    ballooned = capacity(
        100, LeaseRequest("a", 1, 100, 1), LeaseRequest("b", 2, 100, 1), domains=(running("a", 60 - OVERHEAD_MIB),)
    )
    assert not ballooned.grants("b")


def test_guests_of_others_only_take_what_is_free() -> None:
    assert capacity(100, LeaseRequest("a", 1, 100, 1), domains=(running("vm", 4096),)).grants("a")


def test_processors_are_shared_by_so_many_and_no_more() -> None:
    many = [LeaseRequest(f"g{number}", number, 1, 1) for number in range(VCPUS_PER_CPU + 1)]
    assert capacity(1000, *many, cpus=1).grants(many[-2].name)
    assert not capacity(1000, *many, cpus=1).grants(many[-1].name)


@given(
    sizes=st.lists(st.tuples(st.integers(1, 400), st.integers(1, 4)), min_size=1, max_size=12),
    usable=st.integers(0, 1000), cpus=st.integers(1, 2), started=st.sets(st.integers(0, 11)),
)  # fmt: skip
def test_those_that_have_a_place_never_have_more_than_there_is(
    sizes: list[tuple[int, int]], usable: int, cpus: int, started: set[int]
) -> None:
    claims = [LeaseRequest(f"g{at}", at, mib + OVERHEAD_MIB, vcpus) for at, (mib, vcpus) in enumerate(sizes)]
    domains = tuple(running(claims[at].name, claims[at].mib - OVERHEAD_MIB) for at in started if at < len(claims))
    host = capacity(usable, *claims, domains=domains, cpus=cpus)
    placed = [claim for claim in claims if host.grants(claim.name)]
    assert sum(claim.mib for claim in placed) <= host.all_mib
    assert sum(claim.vcpus for claim in placed) <= cpus * VCPUS_PER_CPU
    assert placed == claims[: len(placed)]


def test_an_error_leaves_the_table_as_it_was(tmp_path: Path) -> None:
    shared = SharedTable(tmp_path, "host", "x")
    with shared.held() as table:
        table["a"] = {"b": "1"}
    with pytest.raises(ZeroDivisionError), shared.held() as table:
        table["a"] = {"b": str(1 // 0)}
    assert json.loads(next(tmp_path.glob("x-*.json")).read_text()) == {"a": {"b": "1"}}
