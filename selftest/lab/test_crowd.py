"""Guests of a crowd on a real dom0: who answers when all of them are there, and who does not."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from selftest.lab.suite import GRUB_XEN
from xenproof.guest import crowd as crowd_module
from xenproof.guest.crowd import Crowd
from xenproof.guest.guest import Guest
from xenproof.guest.place import HostFolder
from xenproof.lab.guest_images import ensure_guest_image
from xenproof.lab.host import LabHost
from xenproof.source.connection import Connection
from xenproof.xen.acting import act
from xenproof.xen.backend import DiskBackend
from xenproof.xen.config import Start


@pytest.fixture
def crowd(lab_host: LabHost, dom0_shell: Connection, tmp_path: Path) -> Iterator[Crowd]:
    folder = HostFolder(dom0_shell, tmp_path)
    folder.enter()
    image = ensure_guest_image(lab_host.image)
    made = Crowd(
        lambda: Guest(dom0_shell, folder, image, DiskBackend.BLKBACK, Start(GRUB_XEN), time.time()), dom0_shell
    )
    try:
        yield made
    finally:
        made.close()
        folder.leave()


def test_each_guest_of_a_crowd_answers_but_one_that_does_not_run(crowd: Crowd, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (crowd.fill(2), crowd.problem, len(crowd.arrivals)) == (2, "", 2)
    assert crowd.answering() == crowd.names

    act(crowd._dom0, "pause", crowd.names[0])
    monkeypatch.setattr(crowd_module, "_ANSWER_LIMIT_S", 10)

    assert crowd.answering() == crowd.names[1:]
