"""What can be done to a guest that libvirt manages: done by virsh; what came of it is read and returned."""

from collections.abc import Sequence
from dataclasses import dataclass

from xenproof.guest.deeds import SAVE_LIMIT_S, SETTLE_LIMIT_S
from xenproof.guest.life import Life
from xenproof.guest.witness import Told
from xenproof.settle import settled
from xenproof.source.connection import quoted
from xenproof.xen.acting import act
from xenproof.xen.cfg_file import parse_cfg
from xenproof.xen.toolstack import VIRSH, virsh


def state(life: Life) -> str:
    """What virsh says of it, such as "running" or "shut off"."""
    return virsh(life.dom0, "domstate", life.name).text.strip()


def names(life: Life, *options: str) -> list[str]:
    """The domains that `virsh list` names with these options."""
    return virsh(life.dom0, "list", "--name", *options).check().text.split()


@dataclass(frozen=True, slots=True)
class Kept:
    """What a configuration still says after a round trip through libvirt: kernel, memory, and the disk's file."""

    kernel: str
    memory: str
    has_disk: bool


def round_trip(life: Life, native: str) -> Kept:
    """The guest's XML, made into a configuration of the form `native` again, such as "xen-xl"."""
    xml = quoted(f"{life.guest.config_path}.xml")
    dump = quoted(*VIRSH, "dumpxml", life.name)
    back = quoted(*VIRSH, "domxml-to-native", native, "--xml")
    text = life.dom0.run(f"{dump} >{xml} && {back} {xml}; code=$?; rm -f {xml}; exit $code", limit_s=120).check().text
    config = parse_cfg(text)

    def value(key: str) -> str:
        found = config.last(key)
        return str(found.value) if found else "nothing"

    return Kept(value("kernel"), value("memory"), life.guest.disk in value("disk"))


@dataclass(frozen=True, slots=True)
class Suspended:
    """What virsh and xl call it while it was suspended, and afterwards, and whether it answered then."""

    by_virsh: str
    by_xl: str
    afterwards: str
    answers: bool


def suspend(life: Life) -> Suspended:
    """Suspend it and let it go on."""
    virsh(life.dom0, "suspend", life.name)
    letter = life.paused_letter()
    by_virsh = state(life)
    virsh(life.dom0, "resume", life.name)
    answers = life.answer(life.ask()) is not None
    return Suspended(by_virsh, letter, state(life), answers)


@dataclass(frozen=True, slots=True)
class Managed:
    """A guest over a managed save: how it stood before, virsh's word and whether xl had it in between, and after."""

    before: Told
    by_virsh: str
    ended: bool
    after: Told


def managed_save(life: Life) -> Managed:
    """Save it where libvirt wants, and start it, which goes on from there."""
    before = life.now()
    virsh(life.dom0, "managedsave", life.name, limit_s=SAVE_LIMIT_S)
    ended = life.has_ended()
    by_virsh = state(life)
    virsh(life.dom0, "start", life.name, limit_s=SAVE_LIMIT_S)
    life.found_again()
    return Managed(before, by_virsh, ended, life.now())


def autostart(life: Life) -> tuple[bool, bool]:
    """Mark it to be started with the host and take that back; whether libvirt lists it as such after each."""
    virsh(life.dom0, "autostart", life.name)
    marked = life.name in names(life, "--all", "--autostart")
    virsh(life.dom0, "autostart", life.name, "--disable")
    return marked, life.name in names(life, "--all", "--autostart")


@dataclass(frozen=True, slots=True)
class Untouched:
    """A guest of xl that somebody tried to end by virsh: whether virsh lists it, and whether it still answers."""

    listed: bool
    answers: bool


def leave_alone(life: Life) -> Untouched:
    """Try to destroy a guest that xl started by virsh."""
    listed = life.name in names(life, "--all")
    virsh(life.dom0, "destroy", life.name)
    return Untouched(listed, life.answer(life.ask()) is not None)


@dataclass(frozen=True, slots=True)
class Revived:
    """A guest of libvirt that xl destroyed: virsh's word for it then, and whether it is another boot after a start."""

    gone: bool
    by_virsh: str
    another_boot: bool


def destroy_by_xl(life: Life) -> Revived:
    """Destroy it by xl, and start it again by virsh."""
    before, begin = life.now(), len(life.guest.console.text)
    act(life.dom0, "destroy", life.name)
    gone = life.has_ended()
    by_virsh = state_when(life, "shut off")
    virsh(life.dom0, "start", life.name)
    life.found_again()
    return Revived(gone, by_virsh, life.booted_again(begin).nonce != before.nonce)


def state_when(life: Life, wanted: str) -> str:
    """What virsh says of it when that is `wanted`, or after a while."""
    return settled(lambda: state(life), lambda found: found == wanted, SETTLE_LIMIT_S)


@dataclass(frozen=True, slots=True)
class Ended:
    """A guest that was shut down and undefined: virsh's word, whether xl has it, its log, and who still knows it."""

    by_virsh: str
    gone: bool
    has_log: bool
    still_known: bool
    left: Sequence[str]


def end(life: Life) -> Ended:
    """Shut it down, then undefine it."""
    virsh(life.dom0, "shutdown", life.name)
    gone = life.has_ended()
    by_virsh = state(life)
    has_log = life.dom0.run(f"[ -s {quoted(f'/var/log/libvirt/libxl/{life.name}.log')} ]").exit_code == 0
    virsh(life.dom0, "undefine", life.name)
    known = life.name in names(life, "--all")
    left = [str(thing) for thing in life.guest.leaked(SETTLE_LIMIT_S, with_files=False)]
    return Ended(by_virsh, gone, has_log, known, left)
