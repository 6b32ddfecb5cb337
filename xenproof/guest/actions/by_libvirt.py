"""Actions on a guest that libvirt manages: each runs virsh, then reads the result and returns it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from xenproof.errors import ParseError
from xenproof.guest.actions.by_xl import SAVE_LIMIT_S, SETTLE_LIMIT_S
from xenproof.guest.actions.life import Life
from xenproof.guest.witness import WitnessStatus
from xenproof.run.waiting import wait_until
from xenproof.source.connection import quoted
from xenproof.xen.domain_control import run_xl
from xenproof.xen.toolstack import VIRSH, virsh

KEPT, UNKNOWN = "kept", "unknown"
_AGAIN = "\n=again=\n"
_ROUND_TRIP = """\
path={path}
trap 'rm -f -- "$path" "$path.xml"' EXIT
{dump} >"$path.xml" && cat "$path.xml" && {to} >"$path" && printf '\\n=again=\\n' && {from}
"""
# libvirt, src/libxl/libxl_driver.c: "unsupported config type xen-sxp".
_NO_SUCH_FORM = re.compile(r"unsupported config type")
# What must be the same after the round trip.  The XML is searched, not parsed: it comes from the host.
_OF_XML = {
    "kernel": re.compile(r"<kernel>([^<]+)</kernel>"),
    "memory": re.compile(r"<memory[^<>]*>([0-9]+)</memory>"),
    "disks": re.compile(r"<source file='([^']+)'"),
}


def state(life: Life) -> str:
    """The state of the guest by virsh, such as "running" or "shut off"."""
    return virsh(life.dom0, "domstate", life.name).text.strip()


def names(life: Life, *options: str) -> list[str]:
    """The domains that `virsh list` prints with these options."""
    return virsh(life.dom0, "list", "--name", *options).check().text.split()


def round_trip(life: Life, native: str) -> str:
    """Convert the guest's XML to a configuration in the format `native`, and back to XML.

    Returns KEPT where kernel, memory and disks are the same as before, otherwise which of them changed; UNKNOWN where
    libvirt does not know that format.  Raises CommandFailed where it fails in another way, ParseError where the XML
    lacks one of them.
    """
    path = f"{life.guest.config_path}.{native}"
    words = {
        "dump": quoted(*VIRSH, "dumpxml", life.name),
        "to": quoted(*VIRSH, "domxml-to-native", native, "--xml", f"{path}.xml"),
        "from": quoted(*VIRSH, "domxml-from-native", native, path),
        "path": quoted(path),
    }
    done = life.dom0.run(_ROUND_TRIP.format(**words), limit_s=120)
    if done.exit_code and _NO_SUCH_FORM.search(done.error_text):
        return UNKNOWN
    before, mark, after = done.check().text.partition(_AGAIN)
    had = {name: pattern.findall(before) for name, pattern in _OF_XML.items()}
    if not mark or not all(had.values()):
        raise ParseError(f"the XML of {life.name} has no {' or no '.join(_OF_XML)}, or was cut off: {before[-300:]!r}")
    changed = [name for name, pattern in _OF_XML.items() if pattern.findall(after) != had[name]]
    return f"changed: {', '.join(changed)}" if changed else KEPT


@dataclass(frozen=True, slots=True)
class Suspended:
    """The guest's state by virsh and by xl while suspended, by virsh afterwards, and whether it answered afterwards."""

    by_virsh: str
    by_xl: str
    afterwards: str
    answers: bool


def suspend(life: Life) -> Suspended:
    """Suspend the guest and resume it."""
    virsh(life.dom0, "suspend", life.name)
    letter = life.paused_letter()
    by_virsh = state(life)
    virsh(life.dom0, "resume", life.name)
    answers = life.answer(life.ask()) is not None
    return Suspended(by_virsh, letter, state(life), answers)


@dataclass(frozen=True, slots=True)
class Managed:
    """A guest that libvirt saved and started again.

    `before` and `after` are its statuses, `by_virsh` is its state by virsh in between, `ended` whether xl list did
    not show it then.
    """

    before: WitnessStatus
    by_virsh: str
    ended: bool
    after: WitnessStatus


def managed_save(life: Life) -> Managed:
    """Save the guest with `managedsave`, and start it again from the saved state."""
    before = life.now()
    virsh(life.dom0, "managedsave", life.name, limit_s=SAVE_LIMIT_S)
    ended = life.has_ended()
    by_virsh = state(life)
    virsh(life.dom0, "start", life.name, limit_s=SAVE_LIMIT_S)
    life.found_again()
    return Managed(before, by_virsh, ended, life.now())


def save_and_restore(life: Life) -> Managed:
    """Save the guest to a file and restore it from there; raises GuestError where it does not come back."""
    path = f"{life.guest.host.folder.path}/{life.name}.save"
    before = life.now()
    try:
        virsh(life.dom0, "save", life.name, path, limit_s=SAVE_LIMIT_S)
        ended = life.has_ended()
        by_virsh = state(life)
        virsh(life.dom0, "restore", path, limit_s=SAVE_LIMIT_S)
        life.found_again()
        return Managed(before, by_virsh, ended, life.now())
    finally:
        life.dom0.run(f"rm -f -- {quoted(path)}")


def autostart(life: Life) -> tuple[bool, bool]:
    """Enable the guest's autostart and disable it; returns whether libvirt lists it as autostarted after each."""
    virsh(life.dom0, "autostart", life.name)
    marked = life.name in names(life, "--all", "--autostart")
    virsh(life.dom0, "autostart", life.name, "--disable")
    return marked, life.name in names(life, "--all", "--autostart")


@dataclass(frozen=True, slots=True)
class Untouched:
    """A guest of xl after `virsh destroy`: whether virsh lists it, and whether it still answers."""

    listed: bool
    answers: bool


def leave_alone(life: Life) -> Untouched:
    """Try to destroy with virsh a guest that xl started."""
    listed = life.name in names(life, "--all")
    virsh(life.dom0, "destroy", life.name)
    return Untouched(listed, life.answer(life.ask()) is not None)


@dataclass(frozen=True, slots=True)
class Revived:
    """A guest of libvirt that xl destroyed: its state by virsh then, and whether a start booted it again."""

    gone: bool
    by_virsh: str
    another_boot: bool


def destroy_by_xl(life: Life) -> Revived:
    """Destroy the guest with xl, and start it again with virsh."""
    before, begin = life.now(), len(life.guest.console.text)
    run_xl(life.dom0, "destroy", life.name)
    gone = life.has_ended()
    by_virsh = state_when(life, "shut off")
    virsh(life.dom0, "start", life.name)
    life.found_again()
    return Revived(gone, by_virsh, life.booted_again(begin).nonce != before.nonce)


def state_when(life: Life, wanted: str) -> str:
    """The state of the guest by virsh: `wanted` as soon as it is that, or the last one at the limit."""
    return wait_until(lambda: state(life), lambda found: found == wanted, SETTLE_LIMIT_S)


@dataclass(frozen=True, slots=True)
class Ended:
    """A guest that was shut down and undefined.

    `by_virsh` is its state by virsh after the shutdown, `gone` whether xl list does not show it, `has_log` whether
    libvirt wrote a log, `still_known` whether virsh lists it after undefine, `left` what is left in dom0.
    """

    by_virsh: str
    gone: bool
    has_log: bool
    still_known: bool
    left: Sequence[str]


def end(life: Life) -> Ended:
    """Shut the guest down, then undefine it."""
    virsh(life.dom0, "shutdown", life.name)
    gone = life.has_ended()
    by_virsh = state(life)
    has_log = life.dom0.run(f"[ -s {quoted(f'/var/log/libvirt/libxl/{life.name}.log')} ]").exit_code == 0
    virsh(life.dom0, "undefine", life.name)
    known = life.name in names(life, "--all")
    left = [str(thing) for thing in life.guest.leftovers(SETTLE_LIMIT_S, with_files=False)]
    return Ended(by_virsh, gone, has_log, known, left)
