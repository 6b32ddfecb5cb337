"""What a pair of lab hosts is made of, without a host: the wire, the disk, the identities, who gets which place."""

import dataclasses
import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from xenproof.errors import LabError, UsageError
from xenproof.hosts.pairing import Pairing
from xenproof.hosts.target import Target
from xenproof.lab import accel, by_hand, wire
from xenproof.lab.child import started
from xenproof.lab.cli import lab_app
from xenproof.lab.machine import Wiring, command
from xenproof.lab.pair import Place, new_pair
from xenproof.lab.qmp import monitor
from xenproof.lab.recipe import load_recipe
from xenproof.lab.shared import shared_by_none, shared_by_two
from xenproof.lab.snapshot import overlay
from xenproof.lab.ssh_keys import KINDS, new_key, public_half
from xenproof.run import runs
from xenproof.run.process_identity import ProcessIdentity
from xenproof.run.progress import Silent
from xenproof.source.address import parse_url, parse_urls
from xenproof.source.host_keys import HostKeys
from xenproof.source.lab_name import LabName

MEMBER = runs.Member("0a1b2c3d", "lab-debian12-2", "10.0.3.2")


@pytest.fixture(autouse=True)
def lab_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("XENPROOF_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def places() -> Iterator[tuple[Place, Place]]:
    both = new_pair(LabName("debian12"), LabName("debian12", number=2))
    yield both
    for place in both:
        place.shared.close()


def test_two_share_a_wire_and_a_disk_that_have_no_name(lab_cache: Path) -> None:
    one, two = shared_by_two(1)
    with closing(one), closing(two):
        # Frames, whole, of any size that a network card sends.
        near, far = (socket.socket(fileno=os.dup(each.wire)) for each in (one, two))
        with near, far:
            near.send(b"a" * 1514)
            far.send(b"b")
            assert (far.recv(70_000), near.recv(70_000)) == (b"a" * 1514, b"b")
        os.pwrite(one.disk, b"token", 4096)
        assert os.pread(two.disk, 5, 4096) == b"token"
        assert os.fstat(two.disk).st_size == 1 << 30
        assert [path for path in lab_cache.rglob("*") if path.is_file()] == []


def test_what_was_sent_before_a_host_is_there_is_dropped() -> None:
    one, two = shared_by_two(1)
    with closing(one), closing(two):
        with socket.socket(fileno=os.dup(one.wire)) as near:
            for _ in range(20):
                near.send(b"early")
            two.drain()
            near.send(b"late")
        with socket.socket(fileno=os.dup(two.wire)) as far:
            assert far.recv(100) == b"late"
        two.drain()
        one.close()
        two.drain()


def test_a_host_alone_talks_to_nobody() -> None:
    alone = shared_by_none(1)
    with socket.socket(fileno=os.dup(alone.wire)) as end, pytest.raises(ConnectionRefusedError):
        end.send(b"frame")
    alone.close()
    alone.close()


def test_a_folder_that_takes_no_file_is_said(lab_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("xenproof.lab.shared.TemporaryFile", full)
    with pytest.raises(LabError, match="No space left on device"):
        shared_by_two(1)


def test_two_machines_open_the_disk_and_the_wire_and_both_links_are_cut(
    places: tuple[Place, Place], tmp_path: Path
) -> None:
    """With QEMU itself, which starts no processor here; it locks files that it writes to."""
    recipe, log = load_recipe("debian12"), tmp_path / "log"
    emulated = accel.Accelerator("TCG", ("-accel", "tcg", "-cpu", "max"), "")
    me = ProcessIdentity.of(os.getpid())
    with ExitStack() as undo:
        sockets = []
        for place in places:
            run = dataclasses.replace(runs.new_run("debian12", me), member=place.member)
            run.save()
            overlay(Path(os.devnull), "raw", run.folder / "disk.qcow2", log)
            wiring = Wiring.below(run.folder, run.folder / "disk.qcow2", place.shared)
            words = command(recipe, emulated, wiring, ["-S"])
            undo.enter_context(started(words, log=log, folder=run.folder, pass_fds=place.shared.descriptors))
            sockets.append(wiring.monitor)
        for socket_path in sockets:
            with monitor(socket_path, 60) as qmp:
                assert qmp.command("query-status")["status"] == "prelaunch", log.read_text("utf-8")
        # QEMU has no command that tells a link's state, but refuses that of a link that it does not have.
        wire.cut(places[0].member.pair)
        wire.mend(places[1].member.pair)


def test_the_wire_of_no_pair_cannot_be_cut() -> None:
    with pytest.raises(LabError, match="no host of the pair 0a1b2c3d is up"):
        wire.cut("0a1b2c3d")


def test_the_hosts_of_a_pair_have_nothing_in_common_but_the_pair(places: tuple[Place, Place]) -> None:
    one, two = places
    assert one.member.pair == two.member.pair
    assert (one.own, one.peer) == (two.peer, two.own)
    for field in dataclasses.fields(one.own):
        assert getattr(one.own, field.name) != getattr(two.own, field.name), field.name
    assert set(one.own.host_keys) == set(KINDS)
    assert (one.member.name, two.member.name) == ("lab-debian12-1", "lab-debian12-2")


def test_names_of_hosts_are_right_for_a_network() -> None:
    for place in new_pair(LabName("debian12@release", ("aes",)), LabName("debian11")):
        assert place.own.name in {"lab-debian12-release-1", "lab-debian11-2"}
        place.shared.close()


def test_each_host_knows_the_other_under_its_name_and_its_address(places: tuple[Place, Place], tmp_path: Path) -> None:
    one, two = places
    pins = tmp_path / "known_hosts"
    pins.write_text(two.own.pins(), "utf-8")
    for name in (two.own.name, two.own.address):
        assert {key.type for key in HostKeys.read(pins).pinned(name, 22)} == {
            "ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa",
        }  # fmt: skip
    script = one.script("ssh-ed25519 AAAA lab")
    assert two.own.pins() in script
    assert two.own.root_key.public in script
    # What only the other may have.
    for private in (two.own.root_key, *two.own.host_keys.values()):
        assert private.private not in script


def test_the_script_is_one_for_a_plain_shell(places: tuple[Place, Place]) -> None:
    script = places[0].script("ssh-ed25519 AAAA it's")
    subprocess.run(["sh", "-n"], input=script.encode(), check=True, timeout=30)
    assert "{" not in script.replace("|| {", "").replace("{ mv", "").replace("{ read", "")


def test_the_files_of_the_script_are_whole_whatever_is_in_them(places: tuple[Place, Place], tmp_path: Path) -> None:
    """Its part that writes files, run here."""
    script = places[0].script("ssh-ed25519 AAAA it's \\n %s $HOME")
    written = [line for line in _statements(script) if line.startswith("printf %s ")]
    for path in ("etc/ssh", "root/.ssh", "etc/systemd/network", "proc/sys/kernel"):
        (tmp_path / path).mkdir(parents=True)
    here = "\n".join(written).replace(" >/", f" >{tmp_path}/")
    subprocess.run(["sh", "-e"], input=here.encode(), check=True, timeout=30)
    keys = (tmp_path / "root/.ssh/authorized_keys").read_text("utf-8").splitlines()
    assert keys[0] == "ssh-ed25519 AAAA it's \\n %s $HOME"
    assert public_half((tmp_path / "etc/ssh/ssh_host_rsa_key").read_bytes()) == places[0].own.host_keys["rsa"].public
    assert (tmp_path / "etc/hostname").read_text("ascii") == "lab-debian12-1\n"


def _statements(script: str) -> list[str]:
    """The commands of the script that begin with printf, with all their lines."""
    found: list[str] = []
    for line in script.splitlines():
        if line.startswith("printf ") or not found or not _open(found[-1]):
            found.append(line)
        else:
            found[-1] += f"\n{line}"
    return found


def _open(command: str) -> bool:
    return subprocess.run(["sh", "-n"], input=command.encode(), check=False, capture_output=True).returncode != 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_is_one_for_openssh(kind: str, tmp_path: Path) -> None:
    key = new_key(kind)
    file = tmp_path / "key"
    file.touch(mode=0o600)
    file.write_text(key.private, "ascii")
    shown = subprocess.run(
        ["ssh-keygen", "-y", "-f", str(file)], capture_output=True, text=True, check=True, timeout=30
    )
    assert shown.stdout.split()[:2] == key.public.split()


@pytest.mark.parametrize(
    ("quality", "words"),
    [
        (wire.Quality(), "delay 0ms loss 0%"),
        (wire.Quality(rate_mbit=0.5), "rate 500kbit delay 0ms loss 0%"),
        (wire.Quality(100, 20.5, 0.1), "rate 100000kbit delay 20.5ms loss 0.1%"),
    ],
)
def test_the_quality_of_a_wire_is_said_to_netem(quality: wire.Quality, words: str) -> None:
    assert quality.command == f"tc qdisc replace dev wire0 root netem limit 10000 {words}"


@pytest.mark.parametrize(
    "values", [(0, 0, 0), (-1, 0, 0), (None, -1, 0), (None, 0, 101), (1e6, 0, 0), (float("nan"), 0, 0)]
)
def test_what_no_wire_is_like_is_refused(values: tuple[float | None, float, float]) -> None:
    with pytest.raises(UsageError, match="Mbit/s"):
        wire.Quality(*values)


def test_another_processor_is_another_snapshot() -> None:
    plain, less = accel.choose(), accel.choose(("aes",))
    assert less.options == (*plain.options[:-1], plain.options[-1] + ",-aes")
    assert less.digest != plain.digest


def test_a_feature_that_qemu_does_not_know_is_refused() -> None:
    with pytest.raises(UsageError, match=r"no processor feature 'teleport'"):
        accel.choose(("aes", "teleport"))


def test_the_folder_of_a_run_is_plain_whatever_its_host_is_called() -> None:
    run = runs.new_run("debian12@release?cpu=-aes:-sse4.2#2", ProcessIdentity.of(os.getpid()))
    dataclasses.replace(run, member=MEMBER).save()

    assert run.folder.name.startswith("debian12-release-cpu-aes-sse4.2-2-")
    (found,) = runs.running()
    assert (found.release, found.member) == ("debian12@release?cpu=-aes:-sse4.2#2", MEMBER)


def test_a_target_with_its_place_travels_to_a_worker() -> None:
    target = Target(parse_url("lab://debian12?cpu=-aes#2"), live=True, member=MEMBER)
    assert Target.from_plain(target.to_plain()) == target


@pytest.mark.parametrize(
    ("urls", "paired"),
    [
        ("lab://debian12", 0),
        ("lab://debian12,lab://debian12", 2),
        ("lab://debian11,ssh://xen1,lab://debian12", 2),
        ("lab://debian11,lab://debian12,lab://debian13", 0),
        ("ssh://xen1,ssh://xen2", 0),
        ("lab://debian12,ssh://xen1", 0),
    ],
)
def test_two_lab_hosts_of_a_run_are_a_pair(urls: str, paired: int) -> None:
    addresses = parse_urls(urls)
    with closing(Pairing(addresses)) as pairing:
        found = [pairing.place_of(address) for address in addresses]
        assert len([place for place in found if place is not None]) == paired
        assert found == [pairing.place_of(address) for address in addresses]


class Hosts:
    """Stands in for the lab: which hosts are up, and which do not start."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, up: dict[str, str | None], refuses: str = "") -> None:
        self.started: list[str] = []
        self.downed: list[str] = []
        self.refuses = refuses
        self.known = {name: self.host(name, pair) for name, pair in up.items()}
        monkeypatch.setattr(by_hand, "find", lambda name: self.known.get(name))
        monkeypatch.setattr(by_hand, "up", self.up)

    def host(self, name: str, pair: str | None) -> "StandIn":
        member = None if pair is None else runs.Member(pair, name, "10.0.3.1")
        return StandIn(self, runs.Run(Path(), name, None, member=member))

    def up(self, name: str, *_: object, place: Place | None = None, **__: object) -> "StandIn":
        if name == self.refuses:
            raise LabError("it does not start")
        self.started.append(name)
        return self.host(name, place.member.pair if place else None)


@dataclasses.dataclass
class StandIn:
    hosts: Hosts
    run: runs.Run

    def down(self) -> None:
        self.hosts.downed.append(self.run.release)


def by_names(*names: str) -> list[LabName]:
    return [LabName.parse(name) for name in names]


def test_one_host_starts_alone_and_two_as_a_pair(monkeypatch: pytest.MonkeyPatch) -> None:
    hosts = Hosts(monkeypatch, {})
    assert [host.run.member for host in by_hand.up_by_hand(by_names("debian12"), Silent())] == [None]
    one, two = by_hand.up_by_hand(by_names("debian12", "debian12"), Silent())
    assert one.run.member is not None
    assert two.run.member is not None
    assert one.run.member.pair == two.run.member.pair
    assert hosts.started == ["debian12", "debian12", "debian12#2"]


def test_where_the_second_does_not_start_the_first_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    hosts = Hosts(monkeypatch, {}, refuses="debian11")
    with pytest.raises(LabError, match="does not start"):
        by_hand.up_by_hand(by_names("debian12", "debian11"), Silent())
    assert (hosts.started, hosts.downed) == (["debian12"], ["debian12"])


@pytest.mark.parametrize(
    ("up", "names", "memory_mib"),
    [
        ({"debian12": None}, ["debian12", "debian11"], None),
        ({"debian12": None, "debian11": None}, ["debian12", "debian11"], None),
        ({"debian12": "aa", "debian11": "bb"}, ["debian12", "debian11"], None),
        ({"debian12": None}, ["debian12"], 4096),
        ({"debian12": "aa", "debian11": "aa"}, ["debian12", "debian11"], 4096),
    ],
)
def test_hosts_that_are_up_otherwise_are_said(
    monkeypatch: pytest.MonkeyPatch, up: dict[str, str | None], names: list[str], memory_mib: int | None
) -> None:
    hosts = Hosts(monkeypatch, up)
    with pytest.raises(UsageError, match="end it first: xenproof lab down"):
        by_hand.up_by_hand(by_names(*names), Silent(), memory_mib)
    assert (hosts.started, hosts.downed) == ([], [])


@pytest.mark.parametrize(
    ("up", "names"),
    [
        ({"debian12": None}, ["debian12"]),
        ({"debian12": "aa", "debian12#2": "aa"}, ["debian12", "debian12"]),
        ({"debian12": "aa", "debian12#2": "aa"}, ["debian12#2"]),
    ],
)
def test_hosts_that_are_up_already_are_found(
    monkeypatch: pytest.MonkeyPatch, up: dict[str, str | None], names: list[str]
) -> None:
    hosts = Hosts(monkeypatch, up)
    assert len(by_hand.up_by_hand(by_names(*names), Silent())) == len(names)
    assert hosts.started == []


def test_three_are_no_pair(monkeypatch: pytest.MonkeyPatch) -> None:
    Hosts(monkeypatch, {})
    with pytest.raises(UsageError, match="found 3"):
        by_hand.up_by_hand(by_names("debian11", "debian12", "debian13"), Silent())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--cut", "--mend"], "expected one of"),
        (["--cut", "--rate", "10"], "expected one of"),
        (["--mend", "--loss", "1"], "expected one of"),
        (["--rate", "0"], "found 0.0 Mbit/s"),
        (["--cut"], "debian12 is not up in a pair"),
        ([], "debian12 is not up in a pair"),
    ],
)
def test_a_wire_that_cannot_be_set_is_said(words: list[str], said: str) -> None:
    ended = CliRunner().invoke(lab_app, ["wire", "debian12", *words])
    assert isinstance(ended.exception, UsageError)
    assert said in str(ended.exception)
