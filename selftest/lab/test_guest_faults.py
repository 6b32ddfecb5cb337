"""Guests that go wrong on a real dom0: each fault is seen, named, and cleaned up after."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from selftest.lab.guests import guest_host, new_guest
from xenproof.errors import CommandFailed, SourceError
from xenproof.guest.boot_progress import READY
from xenproof.guest.console import MAX_BYTES
from xenproof.guest.guest import GONE, Guest
from xenproof.guest.image.filesystem import MIB
from xenproof.guest.logs import guest_logs
from xenproof.lab.host import LabHost
from xenproof.source.connection import Connection, quoted
from xenproof.xen.domains import list_domains

# What GRUB runs in place of the guest's own menu.
CHANGE_MENU = """
set -e
mkdir {disk}.mount
mount -o loop,offset={offset} {disk} {disk}.mount
sed -i {change} {disk}.mount/boot/grub/grub.cfg
umount {disk}.mount
rmdir {disk}.mount
"""
HANGING_XL = """
cat >/usr/local/sbin/xl <<'END'
#!/bin/sh
[ "$1" != create ] || exec sleep 600
exec /usr/sbin/xl "$@"
END
chmod 755 /usr/local/sbin/xl
"""


def change_menu(guest: Guest, change: str) -> None:
    """Change the menu on the guest's disk by a command of sed."""
    words = {"disk": quoted(guest.disk), "offset": str(MIB), "change": quoted(change)}
    guest.dom0.run(CHANGE_MENU.format(**words)).check(0)


@pytest.fixture
def guest(shared_host: LabHost, shared_shell: Connection, tmp_path: Path) -> Iterator[Guest]:
    """A guest on blkback that is defined; the test may leave it in any state, and its host as it was."""
    host = guest_host(shared_shell, tmp_path)
    host.enter()
    made = new_guest(shared_host, host)
    try:
        made.define()
        yield made
    finally:
        made.remove()
        host.leave()
    assert [row.name for row in list_domains(shared_shell)] == ["Domain-0"]
    assert shared_shell.run("ls -d /var/lib/xen*/xenproof-* /var/lib/xen/images 2>/dev/null").text == ""


def test_a_loop_device_that_stays_is_a_leak(guest: Guest) -> None:
    assert guest.boot(300).reached == READY
    assert guest.shut_down(60) == GONE
    assert guest.leftovers(20, with_files=False) == []

    loop = guest.dom0.run(quoted("losetup", "-f", "--show", guest.disk)).check().text.strip()

    try:
        assert [str(thing) for thing in guest.leftovers(2, with_files=False)] == [f"loop device {loop} {guest.disk}"]
    finally:
        guest.dom0.run(quoted("losetup", "-d", loop)).check()


def test_a_guest_that_never_answers_ends_at_its_limit_with_its_console(guest: Guest) -> None:
    # Without a file system GRUB finds no menu: it waits for somebody to type.
    guest.dom0.run(quoted("dd", "if=/dev/zero", f"of={guest.disk}", f"bs={MIB}", "count=2", "conv=notrunc")).check()
    begin = time.monotonic()

    boot = guest.boot(30)

    assert time.monotonic() - begin < 60
    assert "still not ready" in boot.reached
    assert "neither GRUB's menu nor a kernel printed anything" in boot.reached
    assert b"GRUB" in guest.console.data


def test_a_guest_that_xl_cannot_create_says_what_xl_said(guest: Guest) -> None:
    guest.dom0.run(quoted("rm", guest.disk)).check()

    boot = guest.boot(60)

    assert boot.reached.startswith("xl created no domain")
    assert guest.disk in boot.reached


@pytest.mark.releases
def test_a_guest_that_floods_its_console_ends_at_its_limit(guest: Guest) -> None:
    change_menu(guest, "s/^set timeout=.*/while true; do echo a guest that says it again and again; done/")
    begin = time.monotonic()

    boot = guest.boot(60)

    assert time.monotonic() - begin < 90
    assert "still not ready" in boot.reached
    assert "again and again" in guest.console.text
    assert len(guest.console.data) < MAX_BYTES + 100


@pytest.mark.releases
def test_a_guest_that_crashes_at_once_says_how_far_it_came(guest: Guest) -> None:
    change_menu(guest, "s/rdinit=.init/rdinit=nosuch root=nosuch/")

    boot = guest.boot(200)

    assert boot.reached.startswith("ended after")
    assert "it reached 'kernel started'" in boot.reached
    assert "Kernel panic" in guest.console.text


@pytest.mark.releases
def test_a_guest_on_a_missing_bridge_says_so(guest: Guest) -> None:
    text = guest.config.text().replace("vif = [ ]", 'vif = [ "bridge=nosuchbr" ]')
    guest.dom0.run(f"cat >{quoted(guest.config_path)}", stdin=text.encode()).check()

    boot = guest.boot(120)

    assert boot.reached.startswith("xl created no domain")
    assert "nosuchbr" in boot.reached or "vif" in boot.reached


def test_what_the_hypervisor_said_since_then_is_kept(guest: Guest) -> None:
    guest.dom0.run("xl debug-keys h").check(0)

    said = dict(guest_logs(guest))["xl-dmesg.txt"].decode()

    assert said.startswith("(XEN)")
    assert "'h' pressed" in said
    assert "Bootloader" not in said


def test_an_xl_that_hangs_is_killed_and_said(guest: Guest) -> None:
    guest.dom0.run(HANGING_XL).check(0)
    try:
        with pytest.raises(SourceError, match=r"xl create -p .* did not end within 5 s .* killed"):
            guest.boot(5)
        assert guest.dom0.run("ps -ww -e -o args= | grep -c '[s]leep 600'").text == "0\n"
    finally:
        guest.dom0.run("rm /usr/local/sbin/xl").check(0)


@pytest.mark.releases
def test_a_full_image_directory_is_said(shared_host: LabHost, shared_shell: Connection, tmp_path: Path) -> None:
    shared_shell.run("mkdir /mnt/small && mount -t tmpfs -o size=8m small /mnt/small").check(0)
    try:
        host = guest_host(shared_shell, tmp_path, "/mnt/small")
        host.enter()
        try:
            guest = new_guest(shared_host, host)
            with pytest.raises(CommandFailed, match="No space left"):
                guest.define()
            guest.remove()
        finally:
            host.leave()
        assert shared_shell.run("ls -A /mnt/small").text == ""
    finally:
        shared_shell.run("umount /mnt/small; rmdir /mnt/small").check(0)
