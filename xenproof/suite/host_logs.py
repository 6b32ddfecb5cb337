"""The logs of a host with a failure or an error, stored beside the report."""

from collections.abc import Sequence
from pathlib import Path

from xenproof.errors import XenproofError
from xenproof.hosts.opening import OpenHost
from xenproof.results.verdict import PROBLEMS, Verdict
from xenproof.suite.evidence import Evidence

# The limit of each command; where a host hangs, a probe has already waited for its own limit.
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
    """Write the host's logs to `folder` if any of its verdicts is a failure or an error; returns the files' names.

    For a log that cannot be read, the file holds the error, which never replaces the failure itself.
    """
    if not any(verdict.host == opened.target.url and verdict.outcome in PROBLEMS for verdict in verdicts):
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
