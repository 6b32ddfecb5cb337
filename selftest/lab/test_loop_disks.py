"""Guests where blkback takes no files, as before Xen 4.6: their disks are on loop devices, and those go with them."""

from pathlib import Path

import pytest

from selftest.lab.guests import guest_host, new_guest
from xenproof.guest.boot_progress import READY
from xenproof.guest.description import VDEV
from xenproof.guest.guest import GONE
from xenproof.lab.host import LabHost
from xenproof.source.connection import Connection
from xenproof.xen.backend import DiskBackend, disk_workers, read_vbd

pytestmark = pytest.mark.releases  # a minute and more, of which CI has none to spare


def test_a_guest_runs_from_a_loop_device_of_its_own(lab_host: LabHost, dom0_shell: Connection, tmp_path: Path) -> None:
    host = guest_host(dom0_shell, tmp_path, devices=True)
    host.enter()
    guest = new_guest(lab_host, host)
    try:
        guest.define()
        assert guest.boot(300).reached == READY
        assert read_vbd(dom0_shell, guest.domid, VDEV).params.startswith("/dev/loop")
        assert disk_workers(dom0_shell, guest.domid, VDEV, guest.disk).backend is DiskBackend.BLKBACK
        assert guest.files.blocks_of_witness() == guest.witness.pattern_sha256
        assert guest.shut_down(60) == GONE
        assert guest.leftovers(20, with_files=False) == []
        guest.remove()
        assert dom0_shell.run("losetup -a").text == ""
    finally:
        guest.remove()
        host.leave()
