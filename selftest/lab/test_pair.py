"""Two lab hosts as a pair: who they are, what they share, and what of it can be broken."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from selftest.lab.suite import Suite, clean_environment
from xenproof.lab import host as lab
from xenproof.lab import wire
from xenproof.lab.machine import SHARED_DISK
from xenproof.run.progress import Silent
from xenproof.source.connection import Connection

# What a host of a pair must not share with the other one.
IDENTITY = {
    "name": "uname -n",
    "machine id": "cat /etc/machine-id",
    "address": "ip -o -4 addr show dev xenbr0",
    "link-local address": "ip -o -6 addr show dev xenbr0 scope link",
    "MAC": "cat /sys/class/net/xenbr0/address /sys/class/net/wire0/address",
    "host keys": "cat /etc/ssh/ssh_host_*_key.pub",
    "root's key": "cat /root/.ssh/id_ed25519",
    "libvirt's id": "virsh -c xen:///system uri >/dev/null && grep ^host_uuid /etc/libvirt/libvirtd.conf",
}


class Pair:
    """A pair that is up, and root's shells on it."""

    def __init__(self, hosts: list[lab.LabHost], shells: list[Connection], seconds: float) -> None:
        self.hosts = hosts
        self.shells = shells
        self.seconds = seconds
        members = [host.run.member for host in hosts]
        assert members[0] is not None
        assert members[1] is not None
        self.id = members[0].pair
        self.names = [members[0].name, members[1].name]
        self.addresses = [members[0].address, members[1].address]

    def both_ways(self) -> list[tuple[Connection, str]]:
        """Each host's shell with the name of the other host."""
        return list(zip(self.shells, reversed(self.names), strict=True))


def xenproof_lab(*words: str) -> str:
    """What `xenproof lab` prints, which ends well."""
    done = subprocess.run(
        [sys.executable, "-m", "xenproof.cli", "lab", *words], capture_output=True, text=True, timeout=600, check=False,
        env=clean_environment(),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    """Two hosts of one release, from one snapshot, started by hand."""
    lab.ensure_built("debian12", Silent())
    began = time.monotonic()
    with ExitStack() as undo:
        for name in ("debian12", "debian12#2"):
            undo.callback(xenproof_lab, "down", name)
        xenproof_lab("up", "debian12", "debian12")
        hosts = [host for name in ("debian12", "debian12#2") if (host := lab.find(name)) is not None]
        shells = list[Connection]()
        for host in hosts:
            shells.append(host.connect())
            undo.callback(shells[-1].close)
        yield Pair(hosts, shells, time.monotonic() - began)


def eventually(holds: Callable[[], bool], limit_s: float = 60) -> None:
    deadline = time.monotonic() + limit_s
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.5)  # a poll with the deadline above


def test_a_pair_is_ready_in_a_minute(pair: Pair) -> None:
    assert pair.seconds < 600  # 10 s usually


@pytest.mark.parametrize("what", IDENTITY)
def test_each_host_has_an_identity_of_its_own(pair: Pair, what: str) -> None:
    one, two = (shell.run(IDENTITY[what], limit_s=120).text.strip() for shell in pair.shells)

    assert one
    assert two
    assert one != two


def test_the_journal_is_that_of_the_new_machine(pair: Pair) -> None:
    for shell in pair.shells:
        shell.run("logger xenproof-was-here; sync").check()
        eventually(lambda at=shell: "xenproof-was-here" in at.run("journalctl --no-pager -n 50").text)  # type: ignore[misc]


def test_neither_host_took_a_frame_of_the_other_for_its_own(pair: Pair) -> None:
    for shell in pair.shells:
        printed = shell.run("dmesg").check().text
        assert "own address" not in printed
        assert "duplicate address" not in printed


def test_root_of_each_uses_xl_of_the_other_without_a_question(pair: Pair) -> None:
    for shell, other in pair.both_ways():
        done = shell.run(f"ssh -o BatchMode=yes {other} xl info", limit_s=120).check()
        assert f"host                   : {other}" in done.text
        assert "xen_version            : 4." in done.text
        assert done.error_text == ""


def test_a_block_that_one_writes_is_read_on_the_other(pair: Pair) -> None:
    for number, (writer, reader) in enumerate([pair.shells, pair.shells[::-1]], 1):
        # Reads it before, so that a copy in the other's memory would be seen.
        reader.run(f"dd if={SHARED_DISK} of=/dev/null bs=4096 count=1 skip=12345 status=none").check()
        token = f"written-{number}-{time.time_ns()}"
        write = f"printf %-4096s {token} | dd of={SHARED_DISK} bs=4096 seek=12345 oflag=direct status=none"
        writer.run(write).check()

        read = f"dd if={SHARED_DISK} bs=4096 count=1 skip=12345 iflag=direct status=none"
        assert reader.run(read).check().text.strip() == token


def test_a_cut_wire_is_dead_until_it_is_mended(pair: Pair) -> None:
    def answers() -> bool:
        return pair.shells[0].run(f"busybox ping -c 1 -W 2 {pair.addresses[1]}").exit_code == 0

    carrier = "cat /sys/class/net/wire0/carrier"
    assert answers()
    wire.cut(pair.id)
    try:
        eventually(lambda: [shell.run(carrier).text.strip() for shell in pair.shells] == ["0", "0"])
        assert not answers()
    finally:
        wire.mend(pair.id)
    eventually(answers)


def test_a_wire_can_be_slow_late_and_lossy(pair: Pair) -> None:
    one, (_, address) = pair.shells[0], pair.addresses

    def ping(*, count: int = 3) -> str:
        return one.run(f"busybox ping -q -c {count} -W 3 {address}", limit_s=60).text

    wire.set_quality(wire.Quality(delay_ms=300), *pair.shells)
    late = ping()
    # round-trip min/avg/max = 601.170/603.011/610.200 ms, by an emulated clock that can be a little late itself
    assert float(late.partition("= ")[2].split("/")[0]) > 500
    wire.set_quality(wire.Quality(loss_percent=100), *pair.shells)
    assert "100% packet loss" in ping(count=2)
    wire.set_quality(wire.Quality(rate_mbit=1), *pair.shells)
    began = time.monotonic()
    copy = f"head -c 500000 /dev/zero | ssh -o BatchMode=yes {pair.names[1]} 'cat >/dev/null'"
    one.run(copy, limit_s=120).check()
    assert time.monotonic() - began > 3.5
    wire.set_quality(wire.Quality(), *pair.shells)
    assert " 0% packet loss" in ping()


def test_a_host_alone_is_that_of_the_snapshot_and_reaches_nobody(pair: Pair) -> None:
    alone = lab.up("debian12", Silent())
    try:
        shell = alone.connect()
        assert shell.run("uname -n").text.strip() == "lab-debian12"
        assert alone.run.member is None
        # It has a wire and a disk, too.
        assert shell.run("cat /sys/class/net/wire0/carrier").text.strip() == "1"
        assert shell.run(f"busybox ping -c 2 -W 1 {pair.addresses[0]}").exit_code != 0
        assert shell.run(f"head -c 16 {SHARED_DISK}").check().stdout == bytes(16)
        shell.close()
    finally:
        alone.down()


def test_two_lab_hosts_of_a_run_are_a_pair_and_trust_each_other(suite: Suite) -> None:
    run = suite.run("--profile=debian12", "--hosts=lab://debian12,lab://debian12", "tests/host/test_ssh.py")

    assert run.exit_status == 0, run.output
    trusted = {verdict.host: verdict.outcome for verdict in run.verdicts if "let_root_in" in verdict.id}
    assert trusted == {"lab://debian12": "pass", "lab://debian12#2": "pass"}, run.output


def test_a_pair_is_seen_and_reached_by_hand(pair: Pair) -> None:
    assert f"{pair.names[1]} {pair.addresses[1]} of pair {pair.id}" in xenproof_lab("status")
    assert "Domain-0" in xenproof_lab("ssh", "debian12#2", "--", "ssh", pair.names[0], "xl", "list")
    assert "delay 20ms" in xenproof_lab("wire", "debian12", "--rate", "100", "--delay", "20")
    for shell in pair.shells:
        # qdisc netem 8001: root refcnt 2 limit 10000 delay 20ms rate 100Mbit
        assert "delay 20ms rate 100Mbit" in shell.run("tc qdisc show dev wire0").check().text
    assert "is cut" in xenproof_lab("wire", "debian12#2", "--cut")
    assert "is mended" in xenproof_lab("wire", "debian12", "--mend")
