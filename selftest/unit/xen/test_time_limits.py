"""How programs say that a time limit of theirs passed."""

import pytest

from selftest.corpus import EXPECTED_FOLDERS, transcripts
from xenproof.xen.time_limits import time_limit_in

BY_LIMIT = (
    "libxl: error: async_exec_timeout: killing execution of /etc/xen/scripts/block add because of timeout",
    "libxl: error: /etc/xen/scripts/block add [7] died due to fatal signal Killed",
    "libxl: error: device_backend_callback: unable to add device with path /local/domain/0/backend/vbd/3/51712",
    "libxl: error: device_backend_callback: Domain 3:unable to add device with path /local/0 - rc -9",
    "libxl: error: Device Model not ready: startup timed out",
    "libxl: error: libxl_domain.c:1: Domain 3:timed out while waiting for /local/domain/0/backend to be removed",
    "libxl: error: libxl_create.c:1022:domcreate_rebuild_done: cannot (re-)build domain: -9",
    "error: Timed out during operation: cannot acquire state change lock (held by monitor=remoteDispatchDomainCreate)",
    "Job for libvirtd.service failed because a timeout was exceeded.",
    "error: Failed to start domain: Timeout was reached",
    "xenstored.service: Failed with result 'timeout'.",
    "/etc/xen/scripts/block: line 12: 1234 Killed                  losetup -f",
    "was still not ready after 600 s: it reached 'kernel started'; its console closes with ''",
    "'xl create -p' on lab://debian12 did not end within 120 s; its last output: ''",
)
NOT_BY_LIMIT = (
    "libxl: error: /etc/xen/scripts/vif-bridge online [-1] exited with error status 1",
    "libxl: error: device_backend_callback: Domain 3:unable to add device with path /local/0 - rc -3",
    "libxl: error: libxl_create.c:1022:domcreate_rebuild_done: cannot (re-)build domain: -3",
    "qemu: died due to fatal signal Broken pipe",
    "GRUB_TIMEOUT=0",
    "expected timeout=5, found timeout=0",
    "Domain 9 is not there",
)


@pytest.mark.parametrize("line", BY_LIMIT)
def test_the_line_is_found_whole(line: str) -> None:
    assert time_limit_in(f"first: something else\n  {line}\nlast: something else") == line


@pytest.mark.parametrize("line", NOT_BY_LIMIT)
def test_another_failure_is_none(line: str) -> None:
    assert time_limit_in(line) == ""


def test_one_failure_of_the_corpus_was_by_a_time_limit() -> None:
    """A guest that is paused does not give back its disk within libxl's limit; all other failures have other causes."""
    found = {
        row.name: limit
        for folder in EXPECTED_FOLDERS
        for row in transcripts(folder)
        if row.plain_command.startswith(("xl ", "virsh ")) and (limit := time_limit_in(row.err))
    }
    assert list(found) == ["xl_block-detach_p1"]
