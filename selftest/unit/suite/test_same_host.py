"""A check during which its host was started anew is an error, whether it passed or failed."""

from collections.abc import Generator
from types import SimpleNamespace
from typing import cast

import pytest

from selftest.findings import a_finding
from xenproof.errors import NotEvaluable, SourceError
from xenproof.source.reconnecting import ReconnectingConnection
from xenproof.suite import same_host
from xenproof.suite.expect import Mismatch

MISMATCH = Mismatch("expected a, found b", a_finding("a", "b", "xl list"))
NEWS = "ssh://xen1: it was started anew"


class Watched(ReconnectingConnection):
    """A connection of which only the reconnections matter; one that is `late` is opened again when it is looked at."""

    def __init__(self, *, late: bool = False) -> None:
        self.reconnections: list[str] = []
        self._late = late

    def look(self) -> None:
        if self._late:
            self.reconnections.append(NEWS)
            self._late = False


def item_with(connection: Watched) -> pytest.Item:
    item = SimpleNamespace(stash=pytest.Stash(), config=SimpleNamespace(stash=pytest.Stash()))
    same_host.watch(cast(pytest.Config, item.config), connection)
    return cast(pytest.Item, item)


def started(item: pytest.Item) -> Generator[None, None, None]:
    """The call of a check, whose setup has ended."""
    setup = same_host.pytest_runtest_setup(item)
    next(setup)
    with pytest.raises(StopIteration):
        setup.send(None)
    call = same_host.pytest_runtest_call(item)
    next(call)
    return call


def test_a_check_that_passed_on_two_hosts_proves_nothing() -> None:
    connection = Watched()
    call = started(item_with(connection))
    connection.reconnections.append(NEWS)

    with pytest.raises(SourceError, match=NEWS):
        call.send(None)


@pytest.mark.parametrize("found", [MISMATCH, AssertionError("no domain")])
def test_a_check_that_failed_on_two_hosts_does_not_say_that_they_are_wrong(found: BaseException) -> None:
    connection = Watched()
    call = started(item_with(connection))
    connection.reconnections.append(NEWS)

    with pytest.raises(SourceError, match=NEWS):
        call.throw(found)


def test_what_a_check_found_on_one_host_stands() -> None:
    failed = started(item_with(Watched()))
    with pytest.raises(Mismatch):
        failed.throw(MISMATCH)
    passed = started(item_with(Watched()))
    with pytest.raises(StopIteration):
        passed.send(None)


def test_an_error_that_is_told_already_stays() -> None:
    connection = Watched()
    call = started(item_with(connection))
    connection.reconnections.append(NEWS)

    with pytest.raises(NotEvaluable, match="why"):
        call.throw(NotEvaluable("why"))


def test_what_broke_between_two_checks_is_none_of_the_second() -> None:
    connection = Watched(late=True)
    call = started(item_with(connection))

    assert connection.reconnections == [NEWS]
    with pytest.raises(StopIteration):
        call.send(None)
