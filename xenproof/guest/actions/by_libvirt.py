"""Actions on a guest that libvirt manages: each runs virsh, then reads the result and returns it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from xenproof.errors import ParseError
from xenproof.guest.actions.by_xl import SAVE_LIMIT_S, SETTLE_LIMIT_S
from xenproof.guest.actions.running_guest import RunningGuest
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


def state(running: RunningGuest) -> str:
    """The state of the guest by virsh, such as "running" or "shut off"."""
    return virsh(running.dom0, "domstate", running.name).text.strip()


def names(running: RunningGuest, *options: str) -> list[str]:
    """The domains that `virsh list` prints with these options."""
    return virsh(running.dom0, "list", "--name", *options).check().text.split()


def round_trip(running: RunningGuest, native: str) -> str:
    """Convert the guest's XML to a configuration in the format `native`, and back to XML.

    Returns KEPT where kernel, memory and disks are the same as before, otherwise which of them changed; UNKNOWN where
    libvirt does not know that format.  Raises CommandFailed where it fails in another way, ParseError where the XML
    lacks one of them.
    """
    path = f"{running.guest.config_path}.{native}"
    words = {
        "dump": quoted(*VIRSH, "dumpxml", running.name),
        "to": quoted(*VIRSH, "domxml-to-native", native, "--xml", f"{path}.xml"),
        "from": quoted(*VIRSH, "domxml-from-native", native, path),
        "path": quoted(path),
    }
    done = running.dom0.run(_ROUND_TRIP.format(**words), limit_s=120)
    if done.exit_code and _NO_SUCH_FORM.search(done.error_text):
        return UNKNOWN
    before, mark, after = done.check().text.partition(_AGAIN)
    had = {name: pattern.findall(before) for name, pattern in _OF_XML.items()}
    if not mark or not all(had.values()):
        raise ParseError(
            f"the XML of {running.name} has no {' or no '.join(_OF_XML)}, or was cut off: {before[-300:]!r}"
        )
    changed = [name for name, pattern in _OF_XML.items() if pattern.findall(after) != had[name]]
    return f"changed: {', '.join(changed)}" if changed else KEPT


@dataclass(frozen=True, slots=True)
class Suspended:
    """The guest's state by virsh and by xl while suspended, by virsh afterwards, and whether it answered afterwards."""

    by_virsh: str
    by_xl: str
    afterwards: str
    answers: bool


def suspend(running: RunningGuest) -> Suspended:
    """Suspend the guest and resume it."""
    virsh(running.dom0, "suspend", running.name)
    letter = running.paused_letter()
    by_virsh = state(running)
    virsh(running.dom0, "resume", running.name)
    answers = running.answer(running.ask()) is not None
    return Suspended(by_virsh, letter, state(running), answers)


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


def managed_save(running: RunningGuest) -> Managed:
    """Save the guest with `managedsave`, and start it again from the saved state."""
    before = running.now()
    virsh(running.dom0, "managedsave", running.name, limit_s=SAVE_LIMIT_S)
    ended = running.has_ended()
    by_virsh = state(running)
    virsh(running.dom0, "start", running.name, limit_s=SAVE_LIMIT_S)
    running.found_again()
    return Managed(before, by_virsh, ended, running.now())


def save_and_restore(running: RunningGuest) -> Managed:
    """Save the guest to a file and restore it from there; raises GuestError where it does not come back."""
    path = f"{running.guest.host.folder.path}/{running.name}.save"
    before = running.now()
    try:
        virsh(running.dom0, "save", running.name, path, limit_s=SAVE_LIMIT_S)
        ended = running.has_ended()
        by_virsh = state(running)
        virsh(running.dom0, "restore", path, limit_s=SAVE_LIMIT_S)
        running.found_again()
        return Managed(before, by_virsh, ended, running.now())
    finally:
        running.dom0.run(f"rm -f -- {quoted(path)}")


def autostart(running: RunningGuest) -> tuple[bool, bool]:
    """Enable the guest's autostart and disable it; returns whether libvirt lists it as autostarted after each."""
    virsh(running.dom0, "autostart", running.name)
    marked = running.name in names(running, "--all", "--autostart")
    virsh(running.dom0, "autostart", running.name, "--disable")
    return marked, running.name in names(running, "--all", "--autostart")


@dataclass(frozen=True, slots=True)
class AfterVirshDestroy:
    """A guest of xl after `virsh destroy`: whether virsh lists it, and whether it still answers."""

    listed: bool
    answers: bool


def leave_alone(running: RunningGuest) -> AfterVirshDestroy:
    """Try to destroy with virsh a guest that xl started."""
    listed = running.name in names(running, "--all")
    virsh(running.dom0, "destroy", running.name)
    return AfterVirshDestroy(listed, running.answer(running.ask()) is not None)


@dataclass(frozen=True, slots=True)
class StartAfterXlDestroy:
    """A guest of libvirt that xl destroyed: its state by virsh then, and whether a start booted it again."""

    gone: bool
    by_virsh: str
    another_boot: bool


def destroy_by_xl(running: RunningGuest) -> StartAfterXlDestroy:
    """Destroy the guest with xl, and start it again with virsh."""
    before, begin = running.now(), len(running.guest.console.text)
    run_xl(running.dom0, "destroy", running.name)
    gone = running.has_ended()
    by_virsh = state_when(running, "shut off")
    virsh(running.dom0, "start", running.name)
    running.found_again()
    return StartAfterXlDestroy(gone, by_virsh, running.booted_again(begin).nonce != before.nonce)


def state_when(running: RunningGuest, wanted: str) -> str:
    """The state of the guest by virsh: `wanted` as soon as it is that, or the last one at the limit."""
    return wait_until(lambda: state(running), lambda found: found == wanted, SETTLE_LIMIT_S)


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


def end(running: RunningGuest) -> Ended:
    """Shut the guest down, then undefine it."""
    virsh(running.dom0, "shutdown", running.name)
    gone = running.has_ended()
    by_virsh = state(running)
    has_log = running.dom0.run(f"[ -s {quoted(f'/var/log/libvirt/libxl/{running.name}.log')} ]").exit_code == 0
    virsh(running.dom0, "undefine", running.name)
    known = running.name in names(running, "--all")
    left = [str(thing) for thing in running.guest.leftovers(SETTLE_LIMIT_S, with_files=False)]
    return Ended(by_virsh, gone, has_log, known, left)
