"""How programs say that a time limit of theirs passed."""

import pytest

from selftest.corpus import EXPECTED_FOLDERS, transcripts
from xenproof.xen.time_limits import time_limit_in

BY_LIMIT = (
    "libxl: error: async_exec_timeout: killing execution of /etc/xen/scripts/block add because of timeout",
    "libxl: error: killing bootloader because of timeout",
    # Xen 4.2 to 4.4 say no more of a script that they kill.
    "libxl: error: libxl_exec.c:129:libxl_report_child_exitstatus: /etc/xen/scripts/block add [7] died due to "
    "fatal signal Killed",
    "libxl: error: /opt/own-script online [-1] died due to fatal signal Killed",
    "libxl: error: device_backend_callback: unable to add device with path /local/domain/0/backend/vbd/3/51712",
    "libxl: error: device_backend_callback: Domain 3:unable to add device with path /local/0 - rc -9",
    "2026-03-17 15:14:45.762+0000: libxl: libxl_device.c:1224:device_backend_callback: Domain 115:unable to add device "
    "with path /local/domain/3/backend/vif/115/0 - rc -9",
    "libxl: error: libxl_device.c:1215:libxl__wait_for_backend: Backend /local/domain/0/backend/pci/1/0 not ready",
    "libxl: error: libxl_exec.c:227:libxl__wait_for_offspring: Device Model not ready",
    "libxl: error: libxl_dm.c:2857:stubdom_xswait_cb: Domain 5:stubdom 6 for 5 startup: startup timed out",
    "libxl: error: libxl_create.c:1975:domcreate_devmodel_started: Domain 5:device model did not start: -9",
    "libxl: error: libxl_dm.c:3098:dm_spawn: Domain 5:QEMU did not start properly, rc=-9",
    "libxl: error: libxl_pci.c:1764:device_pci_add_done: Domain 42:libxl__device_pci_add failed (rc -9)",
    "libxl: error: libxl_domain.c:852:control_request: guest didn't acknowledge control request: -9",
    "libxl: error: libxl_domain.c:1: Domain 3:timed out while waiting for /local/domain/0/backend to be removed",
    "libxl: error: libxl_create.c:1022:domcreate_rebuild_done: cannot (re-)build domain: -9",
    "libxl: error: libxl_qmp.c:443:qmp_next: timeout",
    "libxl: error: libxl_qmp.c:419:qmp_next: Domain 3:timeout",
    "libxl: error: libxl_dom.c:1095:guest_suspend: guest didn't acknowledge suspend, cancelling request",
    "libxl: error: libxl_dom.c:1147:guest_suspend: guest did not suspend",
    "libxl: error: script: timeout waiting for iSCSI disk to settle",
    "error: Timed out during operation: cannot acquire state change lock (held by monitor=remoteDispatchDomainCreate)",
    "error: internal error: connection closed due to keepalive timeout",
    "error: Disconnected from xen:///system due to keepalive timeout",
    "error: Did not receive a reply. Possible causes include: the remote application did not send a reply, the reply "
    "timeout expired",
    "Job for libvirtd.service failed because a timeout was exceeded.",
    "error: Failed to start domain: Timeout was reached",
    "xenstored.service: Failed with result 'timeout'.",
    "   Active: failed (Result: timeout) since Sun 2026-11-29 10:00:00 UTC; 3s ago",
    "Result=timeout",
    "was still not ready after 600 s: it reached 'kernel started'; its console closes with ''",
    "'xl create -p' on lab://debian12 did not end within 120 s; its last output: ''",
)
NOT_BY_LIMIT = (
    "libxl: error: /etc/xen/scripts/vif-bridge online [-1] exited with error status 1",
    "libxl: error: device_backend_callback: Domain 3:unable to add device with path /local/0 - rc -3",
    "libxl: error: libxl_create.c:1022:domcreate_rebuild_done: cannot (re-)build domain: -3",
    "libxl: error: libxl_create.c:1676:domcreate_devmodel_started: Domain 4:device model did not start: -3",
    "libxl: error: libxl_device.c:1388:wait_for_backend: Backend /local/domain/0/backend/pci/43/0 does not exist",
    "libxl: error: libxl_pci.c:1764:device_pci_add_done: Domain 42:libxl__device_pci_add failed for 0:2:0.0 (rc -3)",
    "libxl: error: libxl_aoutils.c:589:start: unable to register timeout for executing: /etc/xen/scripts/block",
    # libxl says this of each failure to save before the guest was asked, and returns -8 then.
    "libxl: error: libxl_stream_write.c:355:save_done: Domain 1:saving domain: domain did not respond to suspend "
    "request: No space left on device",
    "Failed to save domain: -8",
    # What xl does as a rule, in a log of every detail
    "libxl: debug: libxl_exec.c:127:libxl_report_child_exitstatus: domain 1 device model (dying as expected) [300] "
    "died due to fatal signal Killed",
    "libxl: debug: libxl_device.c:1123:device_backend_callback: Domain 1:Timeout reached, initiating forced remove",
    "libxl: debug: libxl_event.c:861:devstate_callback: backend /local/0 wanted state 6 timed out",
    "libxl: debug: libxl_pci.c:218:add: pci backend at /local/domain/0/backend/pci/1/0 is not ready",
    # Programs that crash or run out of memory
    "qemu: died due to fatal signal Broken pipe",
    "libxl: error: domain 3 device model [812] died due to fatal signal Killed",
    "libxl: error: libxl_exec.c:129: bootloader [-1] died due to fatal signal Killed",
    "xenconsoled killed by signal 11",
    "/etc/xen/scripts/block: line 12: 1234 Killed                  losetup -f",
    "Out of memory: Killed process 1234 (qemu-system-i38)",
    "GRUB_TIMEOUT=0",
    "expected timeout=5, found timeout=0",
    "expected -9, found: -9",
    "Domain 9 is not there",
)


@pytest.mark.parametrize("line", BY_LIMIT)
def test_the_line_is_found_whole(line: str) -> None:
    assert time_limit_in(f"first: something else\n  {line}\nlast: something else") == line.strip()


@pytest.mark.parametrize("line", NOT_BY_LIMIT)
def test_another_failure_is_none(line: str) -> None:
    assert time_limit_in(line) == ""


def test_the_failures_of_the_corpus_that_a_time_limit_made() -> None:
    """A guest that is paused does not give back its disk, and one that crashed does not suspend, within libxl's limits.

    All other failures have other causes.
    """
    found = {
        row.name: limit
        for folder in EXPECTED_FOLDERS
        for row in transcripts(folder)
        if row.plain_command.startswith(("xl ", "virsh ")) and (limit := time_limit_in(row.err))
    }
    assert {name.partition("_guest_")[0] for name in found} == {"xl_block-detach_p1", "xl_migrate_CRASHED"}
