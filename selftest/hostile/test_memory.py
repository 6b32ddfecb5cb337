"""The memory that our process takes, whatever a host sends."""

import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from selftest.hostile.commands import (
    exchanges_keys_for_ever,
    floods,
    floods_beyond_the_window,
    floods_both,
    huge_packets,
    opens_for_ever,
)
from selftest.hostile.logins import VERSION, greets_for_ever, packet, raw, says_for_ever
from selftest.hostile.server import Behaviour, Command, hostile
from selftest.lab.suite import REPOSITORY
from selftest.peak import BOUND_MIB

# Reads the host as the suite does, with long limits, and prints what it took of memory.
READER = """
import sys
from pathlib import Path
from selftest.peak import own_peak_mib
from xenproof.errors import XenproofError
from xenproof.source.gather import gather
from xenproof.source.host_keys import HostKeys
from xenproof.source.time_limits import TimeLimits
from xenproof.source.probe import Probe
from xenproof.source.ssh import SSHConnection

folder, port, seconds = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
probes = [Probe(f"p{n}", "echo x") for n in range(4)] + [Probe(f"b{n}", "echo x", beside=True) for n in range(4)]
limits = TimeLimits(answer_s=2, end_s=0.5, round_s=seconds, reading_s=seconds)
try:
    connection = SSHConnection(
        url="ssh://x", host="127.0.0.1", port=port, pins=HostKeys.read(folder / "known_hosts"),
        identity=folder / "id", connect_limit_s=3, limits=limits,
    )
    try:
        found = gather(connection, probes, {}, limits)
        found.to_json()
    finally:
        connection.close()
except XenproofError as error:
    print(error, file=sys.stderr)
print(own_peak_mib())
"""


def fills_each_probe(command: Command) -> None:
    """Each probe gives nearly all that is accepted, on both streams, and then cuts it."""
    command.announce()
    mark, count = command.read_script()
    rows = command.frames(mark, count)
    command.both(rows[0])
    for _ in range(480):
        command.both(b'"passwd":"' + b"y" * (32 << 10))
    command.both(rows[1])
    command.channel.sendall(b"y" * (4 << 20))
    command.finish()


FLOODS: dict[str, tuple[Behaviour, float]] = {
    "a flood on both streams and lanes": (Behaviour(floods_both), 4),
    "a flood in single bytes": (Behaviour(partial(floods, size=1)), 2),
    "a flood beyond the window": (Behaviour(floods_beyond_the_window), 2),
    "a flood of another stream": (Behaviour(partial(floods_beyond_the_window, kind=7)), 2),
    "a packet of 10 MB": (Behaviour(huge_packets), 2),
    "channels without end": (Behaviour(opens_for_ever), 2),
    "new keys without end": (Behaviour(exchanges_keys_for_ever), 2),
    "each probe all that is accepted": (Behaviour(fills_each_probe), 6),
    "banners without end": (Behaviour(login=greets_for_ever), 2),
    "a version without end": (raw(says_for_ever, b"x" * (1 << 16), 0.0), 2),
    "a packet of 4 GB": (raw(says_for_ever, VERSION + packet(b"\x14", 0xFFFFFFFC) + b"x" * (1 << 20), 0.0), 2),
}


@pytest.mark.parametrize("name", FLOODS)
def test_our_process_stays_below_500_mib(name: str, tmp_path: Path) -> None:
    behaviour, seconds = FLOODS[name]
    with hostile(tmp_path, behaviour) as server:
        command = [sys.executable, "-c", READER, str(tmp_path), str(server.port), str(seconds)]
        done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout.split()[-1]) < BOUND_MIB, done.stderr[-500:]
