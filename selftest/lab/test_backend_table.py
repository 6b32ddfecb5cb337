"""The truth table of disk backends on a real dom0, and on one whose xl does something else."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from selftest.lab.guests import guest_host
from selftest.lab.suite import GRUB_XEN
from selftest.lab.test_guest_faults import HANGING_XL
from xenproof.errors import GuestError
from xenproof.guest.features import backend_table
from xenproof.guest.features.backend_table import BackendTable
from xenproof.guest.features.disk_rows import DiskRow, DiskTarget
from xenproof.guest.host.leftovers import Leftover, snapshot
from xenproof.source.connection import Connection
from xenproof.xlcfg.xl_series import load_series

# libxl's own list of the numbers that domains had, from 4.14 on.
HISTORY = Leftover("file", "/run/xen/domid-history")
ROWS = {
    row.name: row
    for row in (
        DiskRow("phy", "format=raw, vdev={vdev}, backendtype=phy, target={target}", DiskTarget.RAW),
        DiskRow("block", "format=raw, vdev={vdev}, target={target}", DiskTarget.BLOCK),
        DiskRow("volume", "format=raw, vdev={vdev}, target={target}", DiskTarget.VOLUME),
        DiskRow("drive", "vdev={vdev}, devtype=cdrom", DiskTarget.NONE),
        DiskRow("missing", "format=raw, vdev={vdev}, target={target}", DiskTarget.MISSING),
    )
}
# Hands over all that it is asked for, but for one word of the configuration.
OTHER_XL = """\
cat >/usr/local/sbin/xl <<'END'
#!/bin/sh
[ "$1 $2" != "create -p" ] || sed -i s/backendtype=phy/backendtype=qdisk/ "$3"
exec /usr/sbin/xl "$@"
END
chmod 755 /usr/local/sbin/xl
"""


@pytest.fixture
def table(dom0_shell: Connection, tmp_path: Path) -> Iterator[BackendTable]:
    """The table of a fresh host, which has to be left as it was."""
    host = guest_host(dom0_shell, tmp_path)
    before = snapshot(dom0_shell, "/var/lib/xen")
    host.enter()
    try:
        yield BackendTable(host, GRUB_XEN, load_series("4.17"), ROWS)
        assert dom0_shell.run(f"ls -A {host.folder.path}").text == ""
    finally:
        host.leave()
    assert snapshot(dom0_shell, "/var/lib/xen") - {HISTORY} == before


def test_an_xl_that_takes_another_backend_is_seen(table: BackendTable, dom0_shell: Connection) -> None:
    dom0_shell.run(OTHER_XL).check(0)

    assert {name: table.found(name) for name in ROWS} == {
        "phy": "qdisk, raw, writable",
        "block": "phy, raw, writable",
        "volume": "phy, raw, writable",
        "drive": "qdisk, empty, read only",
        "missing": "refused",
    }
    assert table.expected("phy") == "phy, raw, writable, on a loop device"


def test_a_refusal_that_was_not_predicted_is_told_from_the_disks_beside_it(
    table: BackendTable, dom0_shell: Connection
) -> None:
    dom0_shell.run(OTHER_XL.replace("backendtype=phy/backendtype=qdisk", "backendtype=phy/backendtype=bogus")).check(0)

    assert table.found("block") == "phy, raw, writable"
    assert table.found("phy").startswith("refused, but with ")
    assert "bogus" in table.found("phy")


def test_an_xl_that_hangs_is_an_error_of_each_row(
    table: BackendTable, dom0_shell: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    dom0_shell.run(HANGING_XL).check(0)
    monkeypatch.setattr(backend_table, "CREATE_LIMIT_S", 2.0)

    for row in ("block", "phy"):
        with pytest.raises(GuestError, match="did not end within 2 s"):
            table.found(row)
    assert dom0_shell.run("xl list | wc -l; losetup -a").text == "2\n"


def test_the_keeper_ends_what_xl_does_not_know_of_a_run_that_is_gone(dom0_shell: Connection, tmp_path: Path) -> None:
    host = guest_host(dom0_shell, tmp_path)
    before = snapshot(dom0_shell, "/var/lib/xen")
    host.enter()
    dom0_shell.run(f"truncate -s 1M {host.folder.path}/x.img; losetup -f {host.folder.path}/x.img").check(0)
    below = dom0_shell.run(f"losetup -j {host.folder.path}/x.img | cut -d: -f1").check(0).text.strip()
    dom0_shell.run(f"dmsetup create {host.run.prefix}-7-xvda --table '0 2048 linear {below} 0'").check(0)
    assert f"{host.folder.path}/x.img" in dom0_shell.run("losetup -a").text
    # As virt-install leaves it when it is killed.
    define = f"pool-define-as {host.run.prefix} dir --target {host.folder.path}"
    dom0_shell.run(f"virsh -c xen:///system {define}").check(0)
    # As the qemu of an xl create that was killed: no domain, and nothing in xenstore.
    own, moved = f"-name {host.run.prefix}-7 -machine xenpv", f"-name {host.run.prefix}-8--incoming -machine xenpv"
    others = f"-name my-{host.run.prefix}-7 -machine xenpv"
    for words in (own, moved, others):
        like_qemu = f"exec -a qemu-like sh -c 'sleep 600; :' sh {words}"
        dom0_shell.run(f"({like_qemu} >/dev/null 2>&1 </dev/null &)").check(0)

    host.leave()

    assert dom0_shell.run("virsh -c xen:///system pool-list --all --name").check(0).text.split() == []
    running = dom0_shell.run("ps -ww -e -o args=").text
    assert [words for words in (own, moved, others) if words in running] == [others]
    dom0_shell.run("pkill -f '^qemu-like'; pkill -x sleep").check(0)

    assert snapshot(dom0_shell, "/var/lib/xen") == before
