"""The logs of a host on which something went wrong, kept beside the report."""

from collections.abc import Sequence
from pathlib import Path

from xenproof.errors import XenproofError
from xenproof.hosts.opening import OpenHost
from xenproof.results.verdict import Outcome, Verdict
from xenproof.suite.evidence import Evidence

# Of each; one that hangs has cost a probe its own limit already.
LIMIT_S = 10
# name: command; %d is the time at which the run began, in seconds since the epoch.
_LOGS = {
    "xl-dmesg.log": "xl dmesg",
    "journal.log": "journalctl --no-pager --output=short-precise --since=@%d",
    "xen-logs.log": (
        "for f in /var/log/xen/xl-*.log /var/log/xen/qemu-dm-*.log /var/log/xen/qemu-xen-*.log "
        "/var/log/xen/xen-hotplug.log /var/log/libvirt/libxl/*.log; do "
        '[ -e "$f" ] && { printf "==> %%s <==\\n" "$f"; tail -c 65536 "$f"; }; done; true'
    ),
}


def keep_host_logs(opened: OpenHost, verdicts: Sequence[Verdict], folder: Path, began: float) -> list[str]:
    """Keep the host's logs in `folder` if any of its verdicts is a failure or an error; the files' names.

    A log that cannot be had is named in its file: what is missing never hides what failed.
    """
    wrong = (Outcome.FAIL, Outcome.ERROR)
    if not any(verdict.host == opened.target.url and verdict.outcome in wrong for verdict in verdicts):
        return []
    evidence = Evidence(folder, opened.target.url)
    if opened.connection is not None and not opened.target.blocked:
        for name, command in _LOGS.items():
            try:
                done = opened.connection.run(command % int(began) if "%d" in command else command % (), limit_s=LIMIT_S)
                evidence.save(name, done.stdout + done.stderr)
            except XenproofError as error:
                evidence.save(name, f"this log could not be read: {error}\n".encode())
    if opened.lab_host is not None and opened.lab_host.serial.is_file():
        evidence.save("serial.log", opened.lab_host.serial.read_bytes()[-(256 << 10) :])
    return evidence.names
