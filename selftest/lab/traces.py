"""All that a run could leave on a host, be it a guest's or the run's own."""

from xenproof.guest.host.leftovers import Leftover, snapshot
from xenproof.run.waiting import wait_until
from xenproof.source.connection import Connection

# Beyond the things of guests: each path of xenstore, the programs that run, and what bears the name of a run.
# Without threads of the kernel, which come and go, but for those of blkback, which the snapshot knows.
_MORE = r"""
xenstore-ls -f | sed 's/ = ".*//; s/^/path /' | grep -v '^path /local/domain/0/data'
ps -ww -e -o pid=,ppid=,args= | while read -r pid parent args; do
    [ "$pid" = 2 ] || [ "$parent" = 2 ] || [ "$pid" = $$ ] || [ "$parent" = $$ ] || echo "program $args"
done
find /var/lib/xen* /var/log/xen /var/log/libvirt /etc/libvirt /run/xenproof /run/xen /tmp /var/tmp -name '*xenproof*' \
    -printf 'named %p\n'
ls -A /run/xenproof 2>/dev/null | sed 's/^/lease /'
xl cpupool-list | sed '1d; s/ .*//; s/^/pool /'
losetup -a | sed 's/^/loop /'
cat /proc/mounts | sed 's/^/mount /'
"""


def traces(dom0: Connection, folder: str = "/var/lib/xen") -> frozenset[Leftover]:
    """All of it that is on the host now; raises what `snapshot` raises."""
    more = dom0.run(_MORE, limit_s=90).check(0, 1).text
    found: dict[str, int] = {}
    for line in more.splitlines():
        found[line] = found.get(line, 0) + 1
    # Two of the same are not one.
    counted = (Leftover(*line.split(" ", 1)) if at == 1 else Leftover(*f"{line} ({at})".split(" ", 1))
               for line, most in found.items() for at in range(1, most + 1))  # fmt: skip
    return snapshot(dom0, folder) | frozenset(counted)


def left_on(dom0: Connection, before: frozenset[Leftover], limit_s: float) -> list[str]:
    """What is on the host and was not there `before`, after at most `limit_s` for things to settle."""
    left = wait_until(lambda: sorted(traces(dom0) - before), lambda things: not things, limit_s)
    return [str(thing) for thing in left]
