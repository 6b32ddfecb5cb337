"""A host that is started anew in the middle of a run: what it breaks is an error, the rest goes on, nothing is left."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from selftest.lab.suite import REPOSITORY, Suite, SuiteRun, clean_environment, options
from xenproof.lab.host import LabHost
from xenproof.lab.qmp import monitor
from xenproof.source.connection import Connection
from xenproof.xen.domains import list_domains

pytestmark = pytest.mark.releases

LIMIT_S = 600.0


@contextmanager
def running(suite: Suite, host: LabHost, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """The suite against `host` while it runs."""
    process = subprocess.Popen(
        suite.command(*options(host), *arguments), cwd=REPOSITORY, env=clean_environment(), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.terminate()
        process.wait(60)


def wait_for_guest(dom0: Connection) -> None:
    deadline = time.monotonic() + LIMIT_S
    while len(list_domains(dom0)) < 2:
        assert time.monotonic() < deadline, "no guest was created"
        time.sleep(0.5)  # a poll with the deadline above


def test_the_rest_of_the_run_goes_on(lab_host: LabHost, dom0_shell: Connection, suite: Suite) -> None:
    with running(suite, lab_host, "-k", "blkback", "tests/guest/test_grub_xen.py") as process:
        wait_for_guest(dom0_shell)
        with monitor(lab_host.run.folder / "qmp.sock") as qmp:
            qmp.command("system_reset")
        output, _ = process.communicate(timeout=LIMIT_S)
    run = SuiteRun(process.returncode, output, suite.report)

    first, *others = run.verdicts
    assert first.outcome == "error", output
    assert "was started anew, so the guests of this run are gone" in str(first), output
    assert {verdict.outcome for verdict in others} == {"pass"}, output
    again = lab_host.connect()
    try:
        assert [row.name for row in list_domains(again)] == ["Domain-0"]
        assert again.run("ls -d /var/lib/xen*/xenproof-* /var/lib/xen/images /run/xenproof 2>/dev/null").text == ""
    finally:
        again.close()
