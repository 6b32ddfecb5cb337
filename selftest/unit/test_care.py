"""What follows a check with guests."""

from pathlib import Path
from typing import cast

import pytest

from xenproof.guest.guest import Guest
from xenproof.results.verdict import GuestTimeline, Step
from xenproof.suite.care import Care
from xenproof.suite.evidence import Evidence
from xenproof.suite.items import ITEM


class Console:
    data = b"hello"

    def drain(self) -> None:
        pass


class SomeGuest:
    """As much of a guest as is looked after."""

    def __init__(self, name: str, *, news: bool = True) -> None:
        self.name, self.console = name, Console()
        self._news = GuestTimeline(name, "a disk", (Step("created", 1.0),)) if news else None

    def news(self) -> GuestTimeline | None:
        return self._news


@pytest.fixture
def care(request: pytest.FixtureRequest, tmp_path: Path) -> Care:
    return Care(request.node, Evidence(tmp_path, "check"), lambda guest: guest.name == "kept")


def guest(name: str, *, news: bool = True) -> Guest:
    return cast(Guest, SomeGuest(name, news=news))


def test_the_time_line_and_the_console_of_a_guest_are_kept_where_something_happened(
    care: Care, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    care.take(guest("g1"))
    care.close()

    assert request.node.stash[ITEM].guest.name == "g1"
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"hello"]


def test_nothing_is_said_of_a_guest_to_which_nothing_happened(
    care: Care, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    care.take(guest("g1", news=False))
    care.close()

    assert request.node.stash[ITEM].guest is None
    assert list(tmp_path.iterdir()) == []


def test_what_is_done_afterwards_is_told_whether_the_guest_is_kept(care: Care, request: pytest.FixtureRequest) -> None:
    told: list[bool] = []
    care.take(guest("kept"), told.append)
    care.take(guest("not"), told.append)
    care.close()

    assert sorted(told) == [False, True]


def test_a_guest_that_cannot_be_removed_does_not_keep_another_one_there(
    care: Care, request: pytest.FixtureRequest
) -> None:
    def fails(kept: bool) -> None:
        raise RuntimeError(f"kept: {kept}")

    told: list[bool] = []
    care.take(guest("g1"), told.append)
    care.take(guest("g2"), fails)
    with pytest.raises(RuntimeError):
        care.close()

    assert told == [False]


def test_what_is_kept_holds_no_secret_and_a_picture_is_kept_as_it_is(tmp_path: Path) -> None:
    evidence = Evidence(tmp_path, "check")
    secret = b'spicepasswd = "hunter2"'

    assert evidence.save("guest.cfg", secret).read_bytes() == b"spicepasswd = [redacted]"
    assert evidence.save("screen.png", secret).read_bytes() == secret
