"""A real OpenSSH server that exchanges new keys every megabyte."""

from pathlib import Path
from typing import Any

from selftest.sshd import starter
from xenproof.source.gather import gather
from xenproof.source.probe import Probe
from xenproof.source.time_limits import TimeLimits

MEGABYTES = 5
# Compressible or not, both streams, and more than a window at a time.
PRINT = f"head -c {MEGABYTES << 20} /dev/zero | tr '\\0' x; echo e >&2"
# No limit is what this is about, and the machine may be busy with other work: an exchange then takes long.
LIMIT_S = 600
LONG = TimeLimits(300.0, 300.0, 60.0, 60.0, 60.0, LIMIT_S, LIMIT_S)
PROBES = [
    Probe("first", PRINT, LIMIT_S),
    Probe("stderr", f"({PRINT}) >&2", LIMIT_S),
    Probe("last", "echo 3", LIMIT_S),
    Probe("beside", PRINT, LIMIT_S, beside=True),
    Probe("next", "echo 5", LIMIT_S, beside=True),
]


def test_a_host_is_read_through_many_exchanges_of_keys(tmp_path: Path) -> None:
    with starter(tmp_path, "RekeyLimit 1M") as begin:
        server = begin()
        server.wait_until_it_listens()
        connection = server.connect(limits=LONG)
        exchanged = 0
        packetizer: Any = connection.transport.packetizer
        renewed = packetizer.set_inbound_cipher

        def counted(*arguments: object, **named: object) -> None:
            nonlocal exchanged
            exchanged += 1
            renewed(*arguments, **named)

        packetizer.set_inbound_cipher = counted
        # paramiko gives up a write that waits for an exchange, by default after 30 s.
        connection.transport.clear_to_send_timeout = LIMIT_S
        recording = gather(connection, PROBES, {}, LONG)
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


def test_new_keys_are_left_to_the_host(tmp_path: Path) -> None:
    # By more than a whole release's matrix of guests moves: see REKEY_BYTES.
    with starter(tmp_path) as begin:
        server = begin()
        server.wait_until_it_listens()
        connection = server.connect()
        packetizer: Any = connection.transport.packetizer
        connection.close()
    assert packetizer.REKEY_BYTES >= 64 << 30


def test_a_connection_is_kept_alive_while_keys_are_exchanged(tmp_path: Path) -> None:
    with starter(tmp_path, "RekeyLimit 1M") as begin:
        server = begin()
        server.wait_until_it_listens()
        connection = server.connect(limits=LONG)
        transport: Any = connection.transport
        parse = transport._parse_kex_init

        def slowly(message: object) -> None:
            # What paramiko's thread does where the exchange takes longer than the interval of its keepalives.
            transport.global_request("keepalive@lag.net", wait=False)
            parse(message)

        transport._parse_kex_init = slowly
        printed = connection.run(PRINT, limit_s=LIMIT_S)
        last = connection.run("echo 3", limit_s=LIMIT_S)
        connection.close()
    assert len(printed.stdout) == MEGABYTES << 20
    assert last.text == "3\n"
