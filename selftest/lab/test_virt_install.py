"""A guest that virt-install describes: one that boots, and one whose XML is another than virt-install's."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from selftest.lab.guests import described, guest_host
from xenproof.guest.actions.virt_install import by_virt_install
from xenproof.guest.boot_progress import READY
from xenproof.guest.guest import Guest
from xenproof.lab.host import LabHost
from xenproof.source.connection import Connection
from xenproof.xen.backend import DiskBackend
from xenproof.xen.toolstack import virsh

pytestmark = pytest.mark.releases
OTHER = """\
cat >/usr/local/bin/virt-install <<'END'
#!/bin/sh
/usr/bin/virt-install "$@" | sed 's#<kernel>.*#<kernel>/nosuch</kernel>#'
END
chmod 755 /usr/local/bin/virt-install
"""


@pytest.fixture
def guest(lab_host: LabHost, dom0_shell: Connection, tmp_path: Path) -> Iterator[Guest]:
    """A guest for virt-install, of which the host has nothing at the end, nor a pool of its folder."""
    host = guest_host(dom0_shell, tmp_path)
    host.enter()
    made = Guest(host, by_virt_install(described(lab_host, DiskBackend.QDISK)))
    try:
        made.define()
        yield made
        made.remove()
        assert virsh(dom0_shell, "list", "--all", "--name").text.split() == ["Domain-0"]
        assert virsh(dom0_shell, "pool-list", "--all", "--name").check().text.split() == []
        assert dom0_shell.run("ls -A ~/.cache/virt-manager").exit_code
    finally:
        made.remove()
        host.leave()


def test_a_guest_of_virt_install_boots(guest: Guest) -> None:
    assert guest.boot(300).reached == READY
    assert guest.witness.token == guest.token


def test_xml_with_another_kernel_is_seen(guest: Guest, dom0_shell: Connection) -> None:
    dom0_shell.run(OTHER).check(0)

    assert guest.boot(300).reached.startswith("xl created no domain: ")
    assert "/nosuch" in virsh(dom0_shell, "dumpxml", guest.name).check().text
