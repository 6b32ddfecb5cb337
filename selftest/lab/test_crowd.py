"""Guests of a crowd on a real dom0: who answers when all of them are there, and who does not."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from selftest.lab.guests import guest_host, new_guest
from xenproof.guest.features import crowd as crowd_module
from xenproof.guest.features.crowd import Crowd
from xenproof.lab.host import LabHost
from xenproof.source.connection import Connection
from xenproof.xen.domain_control import run_xl


@pytest.fixture
def crowd(lab_host: LabHost, dom0_shell: Connection, tmp_path: Path) -> Iterator[Crowd]:
    host = guest_host(dom0_shell, tmp_path)
    host.enter()
    made = Crowd(lambda: new_guest(lab_host, host), dom0_shell)
    try:
        yield made
    finally:
        made.close()
        host.leave()


def test_each_guest_of_a_crowd_answers_but_one_that_does_not_run(
    crowd: Crowd, dom0_shell: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (crowd.fill(2), crowd.problem, len(crowd.arrivals)) == (2, "", 2)
    assert crowd.answering() == crowd.names

    run_xl(dom0_shell, "pause", crowd.names[0])
    monkeypatch.setattr(crowd_module, "_ANSWER_LIMIT_S", 10)

    assert crowd.answering() == crowd.names[1:]
