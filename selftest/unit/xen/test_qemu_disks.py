"""What qemu's monitor says of its disks."""

from hypothesis import given
from hypothesis import strategies as st

from xenproof.xen.qemu_disks import QemuDisk, parse_info_block

# As the qemu of Debian 13 printed it for a disk of a paused guest, and an empty drive of its manual.
SAID = """\
xvdb-raw: /var/lib/xen/xenproof-0K6wDX71/xenproof-0K6wDX71-3-xvdb-63bbae4a.img (raw)
    Attached to:      /machine/unattached/device[2]
    Cache mode:       writeback

ide1-cd0: [not inserted]
    Attached to:      /machine/unattached/device[9]
    Removable device: not locked, tray closed

xvdd-qcow2 (#block345): /x (1): y.qcow2 (qcow2, read-only)
    Attached to:      /machine/unattached/device[3]
    Cache mode:       writeback, direct
"""


def test_each_disk_has_its_file_its_format_and_its_cache_mode() -> None:
    assert parse_info_block(SAID.replace("\n", "\r\n")) == (
        QemuDisk("/var/lib/xen/xenproof-0K6wDX71/xenproof-0K6wDX71-3-xvdb-63bbae4a.img", "raw", "writeback"),
        QemuDisk("/x (1): y.qcow2", "qcow2", "writeback, direct"),
    )


@given(st.text())
def test_any_text_names_disks_or_none(text: str) -> None:
    assert all(disk.path.startswith("/") for disk in parse_info_block(text))
