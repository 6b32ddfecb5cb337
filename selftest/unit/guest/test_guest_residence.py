"""A guest is asked where it lives: on the host where it was made, or on another one that it was bound to."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from selftest.stand_in import StandInHost
from xenproof.errors import GuestError
from xenproof.guest.actions.running_guest import RunningGuest
from xenproof.guest.description import GuestDescription
from xenproof.guest.guest import Guest
from xenproof.guest.host.host import GuestHost
from xenproof.guest.host.run_identity import RunIdentity
from xenproof.guest.image.guest_image import GuestImage
from xenproof.xen.backend import DiskBackend
from xenproof.xen.domain_control import look_up
from xenproof.xlcfg.config import Start

IMAGE = GuestImage(Path("/i"), "", "", 0, 0, "6.1", "", Path("/i/vmlinuz"), Path("/i/initramfs.gz"))
# Without a disk: it never runs.
DESCRIPTION = GuestDescription(IMAGE, DiskBackend.BLKBACK, Start("/grub.xen"), disks=())


class Pair:
    """Two hosts of one run."""

    def __init__(self, folder: Path) -> None:
        self.source, self.target = StandInHost(folder / "source"), StandInHost(folder / "target")
        run = RunIdentity.of(folder / "run")
        self.here, self.there = (GuestHost(dom0, run, dom0.images) for dom0 in (self.source, self.target))

    def created(self) -> Guest:
        """A guest that was created on the source."""
        guest = Guest(self.here, DESCRIPTION)
        guest.define()
        assert guest.create(20).problem == ""
        return guest

    def move(self, guest: Guest, domid: int, console: str = "") -> None:
        """Let it arrive on the target, as xl migrate would, and bind it to that."""
        for file in (self.source.folder / "domains").iterdir():
            file.unlink()
        self.target.add_domain(guest.name, domid, console)
        guest.bind(look_up(self.target, guest.name), self.there)
        self.source.commands.clear()
        self.target.commands.clear()


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    """A source and a target, which have nothing of the run at the end."""
    made = Pair(tmp_path)
    with ExitStack() as held:
        for host in (made.here, made.there):
            host.enter()
            held.callback(host.leave)
        yield made
    for dom0 in (made.source, made.target):
        assert list(Path(dom0.images).iterdir()) == []
        assert dom0.domains() == []


def test_a_guest_lives_where_it_was_made_until_it_is_bound_anew(pair: Pair) -> None:
    guest = Guest(pair.here, DESCRIPTION)
    assert guest.dom0 is pair.source
    with pytest.raises(GuestError, match="has no domain: not booted yet"):
        _ = guest.domid
    guest.define()
    guest.create(20)
    assert (guest.domid, guest.residence.tty) == (7, "/dev/pts/7")
    assert pair.target.commands[-1].startswith("run=")  # its keeper's, and none since

    pair.move(guest, 31)

    assert (guest.dom0, guest.host) == (pair.target, pair.there)
    assert (guest.domid, guest.residence.tty) == (31, "/dev/pts/31")
    assert guest.residence.uuid.endswith("-31")
    guest.remove()


def test_all_that_is_asked_of_a_guest_is_asked_on_its_new_host(pair: Pair) -> None:
    guest = pair.created()
    running = RunningGuest(guest)
    pair.move(guest, 31, "XENPROOF1 beat 4\n")

    row = running.row()
    running.say("tell", "1")
    heard = guest.console.wait(lambda: "XENPROOF1 beat 4\n" in guest.console.text, 20)
    left = [str(thing) for thing in guest.leftovers(0.0, with_files=True) if thing.kind in ("domain", "xenstore")]

    assert row is not None
    assert (row.name, row.domid) == (guest.name, 31)
    assert heard
    assert "tell 1" in pair.target.said_to(31)
    assert left == [f"domain {guest.name} (31)", "xenstore /local/domain/31"]
    assert pair.source.commands == []
    guest.remove()


def test_a_number_that_it_had_before_is_not_its_own_on_the_new_host(pair: Pair) -> None:
    guest = pair.created()
    pair.target.add_domain("vm", 7)
    pair.move(guest, 31)

    assert not any("7" in str(thing) for thing in guest.leftovers(0.0, with_files=True) if thing.kind == "xenstore")

    guest.remove()
    assert pair.target.domains() == ["vm"]
    (pair.target.folder / "domains/7").unlink()


def test_a_guest_that_moved_is_removed_from_both_hosts_with_its_files_and_leases(pair: Pair) -> None:
    guest = pair.created()
    config, lease = Path(guest.config_path), pair.source.folder / "run/xenproof" / guest.name
    assert config.is_file()
    assert lease.is_file()
    pair.move(guest, 31)
    logs = [
        pair.target.folder / f"var/log/xen/xl-{guest.name}{end}"
        for end in (".log", "--incoming.log", "--incoming.log.1")
    ]
    other = pair.target.folder / f"var/log/xen/xl-{guest.name}1.log"
    for log in (*logs, other):
        log.touch()
    pair.source.add_domain(guest.name, 7)  # as where the migration failed on the way

    guest.remove()

    assert pair.source.domains() == pair.target.domains() == []
    assert not config.exists()
    assert not lease.exists()
    assert [log.name for log in logs if log.exists()] == []
    assert other.exists()


def test_a_host_that_is_entered_again_has_lost_only_the_guests_that_live_there(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    stays, moves = pair.created(), Guest(pair.here, DESCRIPTION)
    moves.define()
    moves.create(20)
    pair.target.add_domain(moves.name, 31)
    moves.bind(look_up(pair.target, moves.name), pair.there)

    monkeypatch.setattr(pair.here.folder, "entries", 2)  # as after a reboot

    assert stays.is_lost()
    assert not moves.is_lost()
    for guest in (stays, moves):
        guest.remove()


def test_guests_of_one_run_are_called_after_it_on_all_its_hosts(pair: Pair, tmp_path: Path) -> None:
    names = [host.new_name() for host in (pair.here, pair.there, pair.here)]

    assert len(set(names)) == 3
    assert {name.rpartition("-")[0] for name in names} == {pair.here.run.prefix}
    assert {Path(host.folder.path).name for host in (pair.here, pair.there)} == {pair.here.run.prefix}
    assert RunIdentity.of(tmp_path / "run").id == pair.here.run.id
    assert RunIdentity.of(tmp_path / "another").id != pair.here.run.id


def test_the_keeper_where_a_guest_arrives_removes_it_however_it_is_called(pair: Pair) -> None:
    names = [pair.here.new_name() for _ in range(3)]
    for number, name in enumerate((names[0], f"{names[1]}--incoming", f"{names[2]}--migratedaway", "vm"), 30):
        pair.target.add_domain(name, number)

    pair.there.leave()

    assert pair.target.domains() == ["vm"]
    (pair.target.folder / "domains/33").unlink()
