"""Many guests on a real dom0: which ones answer while all of them run, and which one does not."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from selftest.lab.guests import guest_host, new_guest
from xenproof.guest.features import many_guests as module
from xenproof.guest.features.many_guests import ManyGuests
from xenproof.lab.host import LabHost
from xenproof.source.connection import Connection
from xenproof.xen.domain_control import run_xl


@pytest.fixture
def many_guests(lab_host: LabHost, dom0_shell: Connection, tmp_path: Path) -> Iterator[ManyGuests]:
    host = guest_host(dom0_shell, tmp_path)
    host.enter()
    made = ManyGuests(lambda: new_guest(lab_host, host), dom0_shell)
    try:
        yield made
    finally:
        made.close()
        host.leave()


def test_each_of_many_guests_answers_but_one_that_does_not_run(
    many_guests: ManyGuests, dom0_shell: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (many_guests.fill(2), many_guests.problem, len(many_guests.arrivals)) == (2, "", 2)
    assert many_guests.answering() == many_guests.names

    run_xl(dom0_shell, "pause", many_guests.names[0])
    monkeypatch.setattr(module, "_ANSWER_LIMIT_S", 10)

    assert many_guests.answering() == many_guests.names[1:]
