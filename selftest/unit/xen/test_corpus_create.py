"""xl ends with status 0 though it failed, and the other way round: what was created is known from xenstore alone."""

import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from selftest.corpus import Transcript, transcripts
from xenproof.source.connection import Completed
from xenproof.source.local import LocalConnection
from xenproof.xen.domain_control import CreatedDomain, create_paused

CREATED = [row for row in transcripts("xen-4.4.1") if row.plain_command.startswith("xl create ")]
(NO_DOMID,) = (row for row in transcripts("xen-4.4.1") if row.name == "xl_domid_nosuch")
UUID = "450a1ffe-b4b2-4d55-b9f6-04fc591bc09b"


class Dom0(LocalConnection):
    """This machine with an xl and a xenstore-read in front of its PATH that print transcripts."""

    def __init__(self, folder: Path, create: Transcript, domid: Transcript, store: str) -> None:
        super().__init__()
        self._folder = folder
        self._write("xl", f"case $1 in create) {_says(create)} ;; domid) {_says(domid)} ;; *) exit 99 ;; esac")
        self._write("xenstore-read", f"printf %s {shlex.quote(store)}")

    def _write(self, name: str, text: str) -> None:
        (self._folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (self._folder / name).chmod(0o755)

    def run(self, command: str, *, limit_s: float = 30.0, stdin: bytes = b"", max_bytes: int = 16 << 20) -> Completed:
        path = f"PATH={shlex.quote(str(self._folder))}:$PATH\n"
        return super().run(path + command, limit_s=limit_s, stdin=stdin, max_bytes=max_bytes)


def _says(row: Transcript) -> str:
    return f"printf %s {shlex.quote(row.out)}; printf %s {shlex.quote(row.err)} >&2; exit {row.exit_status or 0}"


def test_there_are_failures_of_both_kinds() -> None:
    assert {row.exit_status for row in CREATED} >= {0, 3, 255}


@pytest.mark.parametrize("row", CREATED, ids=lambda row: row.name)
def test_what_xl_create_says_of_itself_is_never_a_success(tmp_path: Path, row: Transcript) -> None:
    """Whatever it prints and however it ends: without a domain of that name there is none."""
    created = create_paused(Dom0(tmp_path, row, NO_DOMID, ""), "x", "/x.cfg", 30)
    assert created.domid == -1
    assert created.problem
    # What it said is what the user is told; its standard output goes the same way.
    assert set((row.out + row.err).split()) <= set(created.problem.split())


# As Xen 4.17 printed it where libxl's time limit for a disk's script passed.
_TIMED_OUT = """\
Parsing config from /var/lib/xen/xenproof-x/xenproof-x-1.cfg
libxl: warning: libxl_domain.c:1: Domain 3:something else
libxl: error: libxl_aoutils.c:519:async_exec_timeout: killing execution of /etc/xen/scripts/block add because of timeout
libxl: error: libxl_exec.c:1:report_child_exitstatus: /etc/xen/scripts/block add [7] died due to fatal signal Killed
libxl: error: libxl_create.c:1643:domcreate_launch_dm: Domain 3:unable to add disk devices
"""


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("xl_create_missing_bridge", "libxl_report_child_exitstatus: /etc/xen/scripts/vif-bridge online [-1] exited"),
        ("xl_create_bad_kernel", "xc: error: panic: xc_dom_core.c:643"),
        ("xl_create_hvm", "xc: error: Could not open kernel image"),
        ("xl_create_bad_memory", "parameter `memory' is not a valid number"),
        ("xl_create_nofile", "Failed to read config file: /root/nofile.cfg"),
    ],
)
def test_the_first_line_is_the_cause(tmp_path: Path, name: str, first: str) -> None:
    (row,) = (row for row in CREATED if row.name == name)
    assert first in create_paused(Dom0(tmp_path, row, NO_DOMID, ""), "x", "/x.cfg", 30).problem.splitlines()[0]


def test_what_xl_says_besides_comes_behind_the_cause(tmp_path: Path) -> None:
    row = replace(CREATED[0], stdout=b"", stderr=_TIMED_OUT.encode())
    problem = create_paused(Dom0(tmp_path, row, NO_DOMID, ""), "x", "/x.cfg", 30).problem
    assert "because of timeout" in problem.splitlines()[0]
    assert sorted(problem.splitlines()) == sorted(_TIMED_OUT.splitlines())


@pytest.mark.parametrize("row", CREATED[::8], ids=lambda row: row.name)
@pytest.mark.parametrize(
    ("store", "domid"),
    [
        (f"x\n7\n/vm/{UUID}\n/dev/pts/3\n", 7),
        (f"another\n7\n/vm/{UUID}\n/dev/pts/3\n", -1),
        (f"x\n7\n/vm/{UUID}\n", -1),
        ("x\n", -1),
        ("", -1),
    ],
)
def test_a_domain_is_there_if_xenstore_has_all_of_it(tmp_path: Path, row: Transcript, store: str, domid: int) -> None:
    seven = Transcript("x", "x", "xl domid x", 0, b"7\n", b"")
    created = create_paused(Dom0(tmp_path, row, seven, store), "x", "/x.cfg", 30)
    assert created.domid == domid
    if domid == 7:
        assert created == CreatedDomain(7, UUID, "/dev/pts/3", created.host_time, "")
