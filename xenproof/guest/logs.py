"""Collects the logs and the state of one guest from its host, after a check of the guest failed."""

from collections.abc import Iterator

from xenproof.errors import XenproofError
from xenproof.guest.guest import Guest
from xenproof.source.connection import Connection, quoted
from xenproof.xen.toolstack import VIRSH, Xl

_TAIL = 65536


def guest_logs(guest: Guest) -> Iterator[tuple[str, bytes]]:
    """Yield the file name and content of each log; where a log cannot be read, the content is the error."""
    yield "console.txt", guest.console.data
    yield "guest.cfg", guest.config.text().encode()
    created = guest.created
    since = created.host_time if created else 0
    commands = {
        "xl-list.txt": "xl list",
        "as-xl-saw-it.json": quoted("xl", "list", "--long", guest.name),
        "qemu.txt": f"ps -ww -e -o pid=,lstart=,args= | grep -e '[-]xen-domid {created.domid if created else -1} '",
        "xenstore.txt": "xenstore-ls -f /",
        "xen-logs.txt": f"tail -c {_TAIL} /var/log/xen/*-{guest.name}.log /var/log/xen/xen-hotplug.log 2>/dev/null",
        "journal.txt": quoted("journalctl", "--no-pager", "-n", "1000", f"--since=@{since}"),
    }
    if not isinstance(guest.description.toolstack, Xl):
        xml = quoted(f"{guest.config_path}.xml")
        commands["libvirt.xml"] = f"cat {xml} 2>/dev/null || {quoted(*VIRSH, 'dumpxml', guest.name)}"
    for name, command in commands.items():
        yield name, _printed(guest.dom0, command)
    yield "xl-dmesg.txt", added_since(guest.hypervisor_before, _printed(guest.dom0, "xl dmesg"))


def log_sizes(guest: Guest) -> dict[str, int]:
    """The sizes in bytes of the guest's own logs in dom0, by file names such as "xl-NAME.log" (NAME is the guest's)."""
    # The name has no character that is special for a shell or for find.
    find = f"find /var/log/xen -maxdepth 1 -name '*-{guest.name}.log' -exec stat -c '%s %n' {{}} +"
    rows = [line.partition(" ") for line in guest.dom0.run(find).check().text.splitlines()]
    return {path.rpartition("/")[2].replace(guest.name, "NAME"): int(size) for size, _, path in rows}


def added_since(before: bytes, now: bytes) -> bytes:
    """The part of the hypervisor's log that follows `before`; `now` is the output of `xl dmesg`.

    The log is a ring, of 16 KiB unless Xen was started with conring_size.  Where `before` was overwritten since, all
    of `now` is returned, behind a line that says that some is missing.
    """
    if not before:
        return now
    _, found, since = now.partition(before)
    return since if found else b"xenproof: the beginning is gone, as the log of the hypervisor is full\n" + now


def _printed(dom0: Connection, command: str) -> bytes:
    try:
        done = dom0.run(command, limit_s=30)
    except XenproofError as error:
        return f"could not be read: {error}\n".encode()
    return done.stdout + done.stderr
