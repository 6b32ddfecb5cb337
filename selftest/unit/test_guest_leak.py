"""The leak check, on a dom0 of Xen 4.17 with guest 27 on qdisk and guest 28 on blkback."""

from pathlib import Path

import pytest

from xenproof.errors import ParseError
from xenproof.guest.leak import Thing, Traces, parse_snapshot

TEXT = (Path(__file__).parents[1] / "data" / "guest_snapshot.txt").read_text()
FOLDER = "/var/lib/xen/xenproof-4aMEVhmw"
QDISK = Traces(
    "xenproof-4aMEVhmw-2", 27, "1cdc6a62-f5dc-4621-9b12-6ed1b9c9f0fb", (f"{FOLDER}/xenproof-4aMEVhmw-2.raw",)
)
BLKBACK = Traces(
    "xenproof-4aMEVhmw-1", 28, "e724e870-dae9-4414-95e0-b756188228da", (f"{FOLDER}/xenproof-4aMEVhmw-1.raw",)
)


def kinds(traces: Traces, text: str = TEXT) -> set[str]:
    return {thing.kind for thing in parse_snapshot(text) if traces.has(thing)}


def test_everything_of_a_guest_on_qdisk_is_seen() -> None:
    assert kinds(QDISK) == {"domain", "xenstore", "process", "file"}


def test_everything_of_a_guest_on_blkback_is_seen() -> None:
    assert kinds(BLKBACK) == {"domain", "xenstore", "process", "file", "loop device", "volume"}


def test_guests_do_not_see_each_other() -> None:
    things = parse_snapshot(TEXT)
    assert not [thing for thing in things if QDISK.has(thing) and BLKBACK.has(thing)]


def test_a_guest_that_is_gone_has_left_nothing() -> None:
    assert kinds(Traces("xenproof-4aMEVhmw-3", 29, "0", (f"{FOLDER}/xenproof-4aMEVhmw-3.raw",))) == set()


def test_guest_1_is_not_guest_10() -> None:
    assert not BLKBACK.has(Thing("domain", "xenproof-4aMEVhmw-10 (40)"))
    assert not BLKBACK.has(Thing("xenstore", "/local/domain/280"))


@pytest.mark.parametrize(
    "thing",
    [
        Thing("loop device", f"/dev/loop3 {FOLDER}/xenproof-4aMEVhmw-1.raw (deleted)"),
        Thing("volume", "xenproof-4aMEVhmw-1-xvdc"),
        Thing("network device", "vif28.0"),
        Thing("xenstore", "/libxl/28"),
        Thing("process", "99 [28.xvda-0]"),
        Thing("process", "99 [blkback.28.xvda]"),
        Thing("file", "/run/xen/qmp-libxl-28"),
        Thing("file", "/run/xen/empty-cdrom.28"),
    ],
)
def test_a_thing_that_a_guest_left_is_its_own(thing: Thing) -> None:
    assert BLKBACK.has(thing)
    assert not QDISK.has(thing)


@pytest.mark.parametrize(
    "text",
    ["", TEXT[: len(TEXT) // 2], TEXT.replace("=xenproof= loops 0", ""), TEXT.replace("processes 0", "processes 1"),
     TEXT.replace("/local/domain/0\n", "")],
)  # fmt: skip
def test_a_snapshot_that_is_not_whole_is_an_error(text: str) -> None:
    with pytest.raises(ParseError, match=r"leak check|xl list"):
        parse_snapshot(text)
