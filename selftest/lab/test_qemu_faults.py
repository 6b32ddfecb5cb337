"""A qemu, and a disk below it, that do not do what they promise: each turns the checks red that are there for it."""

import pytest

from selftest.lab.suite import Suite
from xenproof.lab.host import LabHost
from xenproof.source.connection import Connection

pytestmark = pytest.mark.releases

QEMU = "/usr/libexec/xen-qemu-system-i386"
# Takes the place of qemu; its own name ends in .real then.
OTHER_QEMU = f"""\
set -e
mv {QEMU} {QEMU}.real
cat >{QEMU} <<'END'
#!/bin/bash
{{}}
END
chmod 755 {QEMU}
"""
NO_TICKET = f'exec {QEMU}.real "${{@/password=*,agent/disable-ticketing=on,agent}}"'
# Killed as soon as the guest has written to its second disk.  Only builtins, so that it is seen before the next block.
DIES_WHILE_WRITING = f"""\
exec 3<> <(:)
{QEMU}.real "$@" &
qemu=$!
trap 'kill $qemu' TERM
while kill -0 $qemu 2>/dev/null; do
    read -rt 0.03 -u 3
    for disk in /var/lib/xen/xenproof-*/*-xvdc.raw; do
        first=
        [ ! -e "$disk" ] || IFS= read -r -d '' -n 1 first <"$disk"
        [ -z "$first" ] || kill -KILL $qemu
    done
done
wait $qemu"""
# A file system on a disk that from the guest's start on says that it wrote, and does not.
LYING_DISK = """\
set -e
modprobe dm-flakey
truncate -s 500M /var/lie.raw
mkfs.ext4 -q /var/lie.raw
loop=$(losetup -f --show /var/lie.raw)
size=$(blockdev --getsz "$loop")
dmsetup create lie --table "0 $size linear $loop 0"
mount /dev/mapper/lie /var/lib/xen
(
    until xl list | grep -q '^xenproof-'; do sleep 1; done
    dmsetup suspend lie
    dmsetup load lie --table "0 $size flakey $loop 0 0 3600 1 drop_writes"
    dmsetup resume lie
) >/dev/null 2>&1 </dev/null &
"""
MEDIUM = "test_synced_blocks_are_on_the_medium"


def test_a_spice_server_that_takes_any_password_is_seen(
    lab_host: LabHost, dom0_shell: Connection, suite: Suite
) -> None:
    dom0_shell.run(OTHER_QEMU.format(NO_TICKET)).check(0)

    run = suite.against(lab_host, "tests/guest/test_spice.py", "-k", "password and spice")

    refused = {f"test_spice_refuses_another_password[{word}]" for word in ("none", "another one")}
    assert run.ids("fail") == refused, run.output
    assert run.ids("pass") >= {"test_spice_lets_in_whoever_has_the_password"}, run.output
    assert run.exit_status == 1


def test_a_qemu_that_is_killed_while_its_guest_writes_is_seen(
    lab_host: LabHost, dom0_shell: Connection, suite: Suite
) -> None:
    dom0_shell.run(OTHER_QEMU.format(DIES_WHILE_WRITING)).check(0)

    run = suite.against(lab_host, "tests/guest/test_durability.py", "-k", MEDIUM)

    assert run.ids("fail") == {f"{MEDIUM}[qdisk, raw]"}, run.output
    assert run.ids("pass") == {f"{MEDIUM}[blkback, raw]"}, run.output
    assert run.exit_status == 1


def test_a_disk_that_only_says_that_it_wrote_is_seen(lab_host: LabHost, dom0_shell: Connection, suite: Suite) -> None:
    dom0_shell.run(LYING_DISK, limit_s=60).check(0)

    run = suite.against(lab_host, "tests/guest/test_durability.py", "-k", MEDIUM)

    assert run.ids("fail") == {f"{MEDIUM}[{disk}]" for disk in ("blkback, raw", "qdisk, raw")}, run.output
    assert run.exit_status == 1
