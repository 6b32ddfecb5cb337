"""Guests that go wrong on a real dom0: each fault is seen, named, and cleaned up after."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from selftest.lab.suite import GRUB_XEN
from xenproof.guest.filesystem import MIB
from xenproof.guest.guest import GONE, READY, Guest
from xenproof.guest.place import HostFolder
from xenproof.lab.guest_images import ensure_guest_image
from xenproof.lab.host import LabHost
from xenproof.source.connection import Connection, quoted
from xenproof.xen.backend import DiskBackend
from xenproof.xen.config import Start
from xenproof.xen.domains import list_domains


@pytest.fixture
def guest(shared_host: LabHost, shared_shell: Connection, tmp_path: Path) -> Iterator[Guest]:
    """A guest on blkback that is defined; the test may leave it in any state, and its host as it was."""
    folder = HostFolder(shared_shell, tmp_path)
    folder.enter()
    made = Guest(
        shared_shell, folder, ensure_guest_image(shared_host.image), DiskBackend.BLKBACK, Start(GRUB_XEN), time.time()
    )
    try:
        made.define()
        yield made
    finally:
        made.remove()
        folder.leave()
    assert [row.name for row in list_domains(shared_shell)] == ["Domain-0"]
    assert shared_shell.run("ls -d /var/lib/xen*/xenproof-* /var/lib/xen/images 2>/dev/null").text == ""


def test_a_loop_device_that_stays_is_a_leak(guest: Guest, tmp_path: Path) -> None:
    assert guest.boot(tmp_path, 300).reached == READY
    assert guest.shut_down(60) == GONE
    assert guest.leaked(20, with_files=False) == []

    loop = guest.dom0.run(quoted("losetup", "-f", "--show", guest.disk)).check().text.strip()

    try:
        assert [str(thing) for thing in guest.leaked(2, with_files=False)] == [f"loop device {loop} {guest.disk}"]
    finally:
        guest.dom0.run(quoted("losetup", "-d", loop)).check()


def test_a_guest_that_never_answers_ends_at_its_limit_with_its_console(guest: Guest, tmp_path: Path) -> None:
    # Without a file system GRUB finds no menu: it waits for somebody to type.
    guest.dom0.run(quoted("dd", "if=/dev/zero", f"of={guest.disk}", f"bs={MIB}", "count=2", "conv=notrunc")).check()
    begin = time.monotonic()

    boot = guest.boot(tmp_path, 30)

    assert time.monotonic() - begin < 60
    assert "still not ready" in boot.reached
    assert "neither GRUB's menu nor a kernel spoke" in boot.reached
    assert b"GRUB" in guest.console.data


def test_a_guest_that_xl_cannot_create_says_what_xl_said(guest: Guest, tmp_path: Path) -> None:
    guest.dom0.run(quoted("rm", guest.disk)).check()

    boot = guest.boot(tmp_path, 60)

    assert boot.reached.startswith("xl created no domain")
    assert guest.disk in boot.reached
