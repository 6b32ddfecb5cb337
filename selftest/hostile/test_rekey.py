"""A real OpenSSH server that exchanges new keys every megabyte, and our own end doing so."""

from pathlib import Path
from typing import Any

import pytest

from selftest.sshd import starter
from xenproof.source.gather import gather
from xenproof.source.patience import Patience
from xenproof.source.probe import Probe

MEGABYTES = 5
# Compressible or not, both streams, and more than a window at a time.
PRINT = f"head -c {MEGABYTES << 20} /dev/zero | tr '\\0' x; echo e >&2"
# No limit is what this is about, and the machine may be busy with other work: an exchange then takes long.
LIMIT_S = 600
PATIENT = Patience(300.0, 300.0, 60.0, 60.0, 60.0, LIMIT_S, LIMIT_S)
PROBES = [
    Probe("first", PRINT, LIMIT_S),
    Probe("stderr", f"({PRINT}) >&2", LIMIT_S),
    Probe("last", "echo 3", LIMIT_S),
    Probe("beside", PRINT, LIMIT_S, beside=True),
    Probe("next", "echo 5", LIMIT_S, beside=True),
]


@pytest.mark.parametrize("ours", [False, True], ids=["by the host", "by us"])
def test_a_host_is_read_through_many_exchanges_of_keys(ours: bool, tmp_path: Path) -> None:
    options = () if ours else ("RekeyLimit 1M",)
    with starter(tmp_path, *options) as begin:
        server = begin()
        server.wait_until_it_listens()
        connection = server.connect(patience=PATIENT)
        exchanged = 0
        packetizer: Any = connection.transport.packetizer
        renewed = packetizer.set_inbound_cipher

        def counted(*arguments: object, **named: object) -> None:
            nonlocal exchanged
            exchanged += 1
            renewed(*arguments, **named)

        packetizer.set_inbound_cipher = counted
        # So does paramiko: it gives up a write that waits for an exchange.
        connection.transport.clear_to_send_timeout = 300.0
        if ours:
            packetizer.REKEY_BYTES = 1 << 20
        recording = gather(connection, PROBES, {}, PATIENT)
        data = bytes(range(256)) * (MEGABYTES << 12)
        given = connection.run("cat", stdin=data, limit_s=LIMIT_S)
        connection.close()
    assert len(recording.output(PROBES[0]).stdout) == MEGABYTES << 20
    assert len(recording.output(PROBES[1]).stderr) == (MEGABYTES << 20) + 2
    assert len(recording.output(PROBES[3]).stdout) == MEGABYTES << 20
    assert [recording.output(PROBES[number]).text for number in (2, 4)] == ["3\n", "5\n"]
    assert "cut" not in recording.about
    assert given.stdout == data
    assert exchanged >= 5
