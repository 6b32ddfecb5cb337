"""The time line of a guest, as the report gets it."""

import time

import pytest

from xenproof.guest.time_line import TimeLine
from xenproof.results.verdict import Step


def test_steps_come_in_order_from_the_begin_of_the_run_and_once() -> None:
    began = time.time() - 100
    line = TimeLine(began)
    assert line.fresh("g", "a disk", {}) is None
    line.note("created")
    line.note("created")  # the first time counts

    found = line.fresh("g", "a disk", {"grub.xen": began + 50})

    assert found is not None
    assert (found.name, found.title) == ("g", "a disk")
    assert found.steps[0] == Step("grub.xen", 50)
    assert found.steps[1].label == "created"
    assert 99 < found.steps[1].at_s < 200


def test_nothing_is_said_twice_and_all_of_it_when_more_came() -> None:
    line = TimeLine(0.0)
    line.note("created")
    assert line.fresh("g", "", {}) is not None
    assert line.fresh("g", "", {}) is None
    line.note("gone")
    found = line.fresh("g", "", {})
    assert found is not None
    assert [step.label for step in found.steps] == ["created", "gone"]


def test_a_guest_that_is_created_anew_was_created_then(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter((10.0, 20.0, 30.0, 40.0))
    monkeypatch.setattr(time, "time", lambda: next(clock))
    line = TimeLine(0.0)
    line.note("created")
    line.note("created", anew=True)
    line.note("gone")
    line.note("gone")
    found = line.fresh("g", "", {})
    assert found is not None
    assert found.steps == (Step("created", 20.0), Step("gone", 30.0))
