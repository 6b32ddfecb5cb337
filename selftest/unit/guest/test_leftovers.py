"""The leak check, on a dom0 of Xen 4.17 with guest 27 on qdisk and guest 28 on blkback."""

from pathlib import Path

import pytest

from xenproof.errors import ParseError
from xenproof.guest.host.leftovers import GuestIdentity, Leftover, parse_snapshot

TEXT = (Path(__file__).parents[2] / "data" / "guest_snapshot.txt").read_text()
FOLDER = "/var/lib/xen/xenproof-4aMEVhmw"
QDISK = GuestIdentity(
    "xenproof-4aMEVhmw-2", 27, "1cdc6a62-f5dc-4621-9b12-6ed1b9c9f0fb", (f"{FOLDER}/xenproof-4aMEVhmw-2.raw",)
)
BLKBACK = GuestIdentity(
    "xenproof-4aMEVhmw-1", 28, "e724e870-dae9-4414-95e0-b756188228da", (f"{FOLDER}/xenproof-4aMEVhmw-1.raw",)
)


def kinds(identity: GuestIdentity, text: str = TEXT) -> set[str]:
    return {thing.kind for thing in parse_snapshot(text) if identity.owns(thing)}


def test_everything_of_a_guest_on_qdisk_is_seen() -> None:
    assert kinds(QDISK) == {"domain", "xenstore", "process", "file"}


def test_everything_of_a_guest_on_blkback_is_seen() -> None:
    assert kinds(BLKBACK) == {"domain", "xenstore", "process", "file", "loop device", "volume"}


def test_guests_do_not_see_each_other() -> None:
    things = parse_snapshot(TEXT)
    assert not [thing for thing in things if QDISK.owns(thing) and BLKBACK.owns(thing)]


def test_a_guest_that_is_gone_has_left_nothing() -> None:
    assert kinds(GuestIdentity("xenproof-4aMEVhmw-3", 29, "0", (f"{FOLDER}/xenproof-4aMEVhmw-3.raw",))) == set()


def test_guest_1_is_not_guest_10() -> None:
    assert not BLKBACK.owns(Leftover("domain", "xenproof-4aMEVhmw-10 (40)"))
    assert not BLKBACK.owns(Leftover("xenstore", "/local/domain/280"))


@pytest.mark.parametrize(
    "thing",
    [
        Leftover("loop device", f"/dev/loop3 {FOLDER}/xenproof-4aMEVhmw-1.raw (deleted)"),
        Leftover("volume", "xenproof-4aMEVhmw-1-xvdc"),
        Leftover("network device", "vif28.0"),
        Leftover("xenstore", "/libxl/28"),
        Leftover("process", "99 [28.xvda-0]"),
        Leftover("process", "99 [blkback.28.xvda]"),
        Leftover("file", "/run/xen/qmp-libxl-28"),
        Leftover("file", "/run/xen/empty-cdrom.28"),
    ],
)
def test_a_thing_that_a_guest_left_is_its_own(thing: Leftover) -> None:
    assert BLKBACK.owns(thing)
    assert not QDISK.owns(thing)


@pytest.mark.parametrize(
    "text",
    ["", TEXT[: len(TEXT) // 2], TEXT.replace("=xenproof= loops 0", ""), TEXT.replace("processes 0", "processes 1"),
     TEXT.replace("/local/domain/0\n", "")],
)  # fmt: skip
def test_a_snapshot_that_is_not_whole_is_an_error(text: str) -> None:
    with pytest.raises(ParseError, match=r"leak check|xl list"):
        parse_snapshot(text)
