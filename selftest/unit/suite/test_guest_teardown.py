"""The teardown of guests after a check."""

from pathlib import Path
from typing import cast

import pytest

from xenproof.guest.guest import Guest
from xenproof.results.verdict import GuestTimeline, Step
from xenproof.suite.evidence import Evidence
from xenproof.suite.fixtures.guest_teardown import GuestTeardown
from xenproof.suite.items import ITEM


class Console:
    data = b"hello"

    def drain(self) -> None:
        pass


class SomeGuest:
    """As much of a guest as is looked after."""

    def __init__(self, name: str, *, happened: bool = True) -> None:
        self.name, self.console = name, Console()
        self._line = GuestTimeline(name, "a disk", (Step("created", 1.0),)) if happened else None

    def time_line(self) -> GuestTimeline | None:
        return self._line


@pytest.fixture
def teardown(request: pytest.FixtureRequest, tmp_path: Path) -> GuestTeardown:
    return GuestTeardown(request.node, Evidence(tmp_path, "check"), lambda guest: guest.name == "kept")


def guest(name: str, *, happened: bool = True) -> Guest:
    return cast(Guest, SomeGuest(name, happened=happened))


def test_the_time_line_and_the_console_of_a_guest_are_kept_where_something_happened(
    teardown: GuestTeardown, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    teardown.take(guest("g1"))
    teardown.close()

    assert request.node.stash[ITEM].guest.name == "g1"
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"hello"]


def test_nothing_is_said_of_a_guest_to_which_nothing_happened(
    teardown: GuestTeardown, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    teardown.take(guest("g1", happened=False))
    teardown.close()

    assert request.node.stash[ITEM].guest is None
    assert list(tmp_path.iterdir()) == []


def test_what_is_done_afterwards_is_told_whether_the_guest_is_kept(
    teardown: GuestTeardown, request: pytest.FixtureRequest
) -> None:
    told: list[bool] = []
    teardown.take(guest("kept"), told.append)
    teardown.take(guest("not"), told.append)
    teardown.close()

    assert sorted(told) == [False, True]


def test_a_guest_that_cannot_be_removed_does_not_keep_another_one_there(
    teardown: GuestTeardown, request: pytest.FixtureRequest
) -> None:
    def fails(kept: bool) -> None:
        raise RuntimeError(f"kept: {kept}")

    told: list[bool] = []
    teardown.take(guest("g1"), told.append)
    teardown.take(guest("g2"), fails)
    with pytest.raises(RuntimeError):
        teardown.close()

    assert told == [False]


def test_what_is_kept_holds_no_secret_and_a_picture_is_kept_as_it_is(tmp_path: Path) -> None:
    evidence = Evidence(tmp_path, "check")
    secret = b'spicepasswd = "hunter2"'

    assert evidence.save("guest.cfg", secret).read_bytes() == b"spicepasswd = [redacted]"
    assert evidence.save("screen.png", secret).read_bytes() == secret
