"""Waiting for a state: read again until it is there, and the last word when it does not come."""

from itertools import count

import pytest

from xenproof.run import waiting
from xenproof.run.waiting import wait_until


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "PAUSE_S", 0.0)


def test_the_state_that_was_waited_for_is_given() -> None:
    states = iter("aab")
    pauses: list[int] = []

    assert wait_until(lambda: next(states), lambda state: state == "b", 60, meanwhile=lambda: pauses.append(1)) == "b"
    assert len(pauses) == 2


def test_without_a_limit_it_is_read_once() -> None:
    states = count()

    assert wait_until(lambda: next(states), lambda _: False, 0.0) == 0


def test_the_last_state_is_given_when_time_is_up() -> None:
    states = count()

    last = wait_until(lambda: next(states), lambda _: False, 0.05)

    assert last > 0
    assert next(states) == last + 1


def test_a_pause_is_as_long_as_the_read_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    pauses: list[float] = []

    def read() -> str:
        now[0] += 3.0
        return "a"

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        now[0] += seconds

    monkeypatch.setattr("time.monotonic", lambda: now[0])
    monkeypatch.setattr("time.sleep", sleep)

    assert wait_until(read, lambda _: False, 10.0) == "a"
    assert pauses == [3.0, 3.0]
