"""Leases on memory and processors: whose turn it is, by what the host says.  That it keeps them is a lab test."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xenproof.errors import ParseError
from xenproof.guest.lease import OVERHEAD_MIB, RESERVE_MIB, VCPUS_PER_CPU, Claim, Room, parse_room
from xenproof.guest.shared import Shared
from xenproof.xen.domains import DomainRow

CORPUS = Path(__file__).parents[1] / "data/corpus/debian12"
# xl info there: 2 processors, 1886 MiB free.
TOLD = (
    "claim xenproof-n5QuMbaI-1 1 136 1\nclaim xenproof-other-1 2 72 2\nxl list\n"
    + (CORPUS / "xl_list.out").read_text()
    + "xl info\n"
    + (CORPUS / "xl_info.out").read_text()
)


def room(usable_mib: int, *claims: Claim, domains: tuple[DomainRow, ...] = (), cpus: int = 2) -> Room:
    return Room(usable_mib + RESERVE_MIB, cpus, claims, domains)


def running(name: str, mib: int) -> DomainRow:
    return DomainRow(name, 7, mib, 1, "-b----")


def test_claims_domains_and_what_is_free_are_read() -> None:
    found = parse_room(TOLD)
    assert found.claims == (Claim("xenproof-n5QuMbaI-1", 1, 136, 1), Claim("xenproof-other-1", 2, 72, 2))
    assert [row.name for row in found.domains] == ["Domain-0", "xenproof-n5QuMbaI-1"]
    assert (found.free_mib, found.cpus) == (1886, 2)
    assert found.all_mib == 1886 - RESERVE_MIB + 128 + OVERHEAD_MIB


@pytest.mark.parametrize("part", ["xl list\n", "xl info\n", "nr_cpus", "free_memory", "Domain-0", " 136 1"])
def test_what_is_missing_is_an_error(part: str) -> None:
    with pytest.raises(ParseError):
        parse_room(TOLD.replace(part, ""))


@given(st.text())
def test_any_text_is_refused(text: str) -> None:
    with pytest.raises(ParseError):
        parse_room(text)


def test_guests_that_fit_run_at_the_same_time() -> None:
    both = room(200, Claim("a", 1, 100, 1), Claim("b", 2, 100, 1))
    assert both.has_place("a")
    assert both.has_place("b")


def test_a_guest_waits_for_those_before_it_and_for_no_other() -> None:
    three = room(200, Claim("a", 1, 150, 1), Claim("b", 2, 100, 1), Claim("c", 3, 50, 1))
    assert three.has_place("a")
    assert not three.has_place("b")
    assert not three.has_place("c")  # it would fit, but then a guest with much memory might wait for ever
    assert [claim.name for claim in three.before("c")] == ["a", "b"]


def test_memory_that_a_guest_has_already_is_not_counted_twice() -> None:
    # 300 MiB in all, of which the first has its own.
    later = room(200, Claim("a", 1, 100, 1), Claim("b", 2, 200, 1), domains=(running("a", 100 - OVERHEAD_MIB),))
    assert later.all_mib == 300
    assert later.has_place("b")


def test_memory_that_a_guest_gave_up_for_a_while_is_still_its_own() -> None:
    # It has 100 and was left 60: the other 40 are free, until it wants them again.
    ballooned = room(100, Claim("a", 1, 100, 1), Claim("b", 2, 100, 1), domains=(running("a", 60 - OVERHEAD_MIB),))
    assert not ballooned.has_place("b")


def test_guests_of_others_only_take_what_is_free() -> None:
    assert room(100, Claim("a", 1, 100, 1), domains=(running("vm", 4096),)).has_place("a")


def test_processors_are_shared_by_so_many_and_no_more() -> None:
    many = [Claim(f"g{number}", number, 1, 1) for number in range(VCPUS_PER_CPU + 1)]
    assert room(1000, *many, cpus=1).has_place(many[-2].name)
    assert not room(1000, *many, cpus=1).has_place(many[-1].name)


@given(
    sizes=st.lists(st.tuples(st.integers(1, 400), st.integers(1, 4)), min_size=1, max_size=12),
    usable=st.integers(0, 1000), cpus=st.integers(1, 2), started=st.sets(st.integers(0, 11)),
)  # fmt: skip
def test_those_that_have_a_place_never_have_more_than_there_is(
    sizes: list[tuple[int, int]], usable: int, cpus: int, started: set[int]
) -> None:
    claims = [Claim(f"g{at}", at, mib + OVERHEAD_MIB, vcpus) for at, (mib, vcpus) in enumerate(sizes)]
    domains = tuple(running(claims[at].name, claims[at].mib - OVERHEAD_MIB) for at in started if at < len(claims))
    host = room(usable, *claims, domains=domains, cpus=cpus)
    placed = [claim for claim in claims if host.has_place(claim.name)]
    assert sum(claim.mib for claim in placed) <= host.all_mib
    assert sum(claim.vcpus for claim in placed) <= cpus * VCPUS_PER_CPU
    assert placed == claims[: len(placed)]


def test_an_error_leaves_the_table_as_it_was(tmp_path: Path) -> None:
    shared = Shared(tmp_path, "host", "x")
    with shared.held() as table:
        table["a"] = {"b": "1"}
    with pytest.raises(ZeroDivisionError), shared.held() as table:
        table["a"] = {"b": str(1 // 0)}
    assert json.loads(next(tmp_path.glob("x-*.json")).read_text()) == {"a": {"b": "1"}}
