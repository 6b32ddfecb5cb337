"""Actions on a running guest: each runs xl, then reads the result and returns it."""

import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from xenproof.errors import GuestError, ParseError
from xenproof.guest.actions.running_guest import BOOT_LIMIT_S, NO_DOMAIN, RunningGuest
from xenproof.guest.description import MEMORY_MIB
from xenproof.guest.host.leftovers import GuestIdentity, Leftover
from xenproof.guest.image.guest_image import ENTRY_MARK, MENU_TITLE, SECOND_ENTRY
from xenproof.guest.witness import WitnessStatus
from xenproof.source.connection import quoted
from xenproof.xen.domain_control import run_xl

SAVE_LIMIT_S = 300
SETTLE_LIMIT_S = 30.0
_SILENCE_S = 2.0
# GRUB accepts Ctrl-N for the down arrow, whose three characters a console may split.
_DOWN_AND_ENTER = "\x0e\r"


@dataclass(frozen=True, slots=True)
class Paused:
    """The guest's state letter in xl list while paused, and whether the guest answered then and afterwards."""

    letter: str
    answered_paused: bool
    answered_afterwards: bool


def pause(running: RunningGuest) -> Paused:
    """Pause the guest, request a status, and unpause it."""
    run_xl(running.dom0, "pause", running.name)
    letter = running.paused_letter()
    number = running.ask()
    early = running.answer(number, _SILENCE_S)
    run_xl(running.dom0, "unpause", running.name)
    return Paused(letter, early is not None, running.answer(number) is not None)


def rename(running: RunningGuest, other: str) -> tuple[str, str]:
    """Rename the guest and rename it back; returns its name in xl list after each."""
    run_xl(running.dom0, "rename", running.name, other)
    try:
        there = running.row()
    finally:
        run_xl(running.dom0, "rename", other, running.name)
    back = running.row()
    return there.name if there else NO_DOMAIN, back.name if back else NO_DOMAIN


def take_memory(running: RunningGuest, mib: int) -> tuple[int, int]:
    """Take `mib` MiB from the guest; returns its MiB in xl list, and how many MiB fewer it sees than at its boot."""

    def missing(state: WitnessStatus) -> int:
        return (running.guest.witness.memory_kib - state.memory_kib) >> 10

    run_xl(running.dom0, "mem-set", running.name, f"{MEMORY_MIB - mib}m")
    row = running.row_when(lambda row: row is not None and row.mem_mib == MEMORY_MIB - mib)
    return row.mem_mib if row else 0, missing(running.until(lambda state: missing(state) == mib))


def plug_processors(running: RunningGuest, count: int, used: str) -> str:
    """Give the guest `count` virtual processors; returns those in use, `used` (such as "0-1") where it succeeds."""
    run_xl(running.dom0, "vcpu-set", running.name, str(count))
    state = running.until(lambda state: state.processors == used, meanwhile=lambda: running.use_processors(count))
    return state.processors


@dataclass(frozen=True, slots=True)
class DiskChange:
    """A disk that was attached and detached.

    Its first line as dom0 wrote it and as the guest read it, the guest's disks afterwards, and what is left in dom0.
    """

    written: str
    read: str
    disks_afterwards: tuple[str, ...]
    left: Sequence[str]


def change_disks(running: RunningGuest) -> DiskChange:
    """Attach a disk to the guest, let the guest read it, and detach it."""
    path, token = f"{running.guest.host.folder.path}/{running.name}-more.raw", secrets.token_hex(16)
    make = f"truncate -s 1M {quoted(path)} && echo {token} | dd of={quoted(path)} conv=notrunc 2>/dev/null"
    running.dom0.run(make).check(0)
    try:
        run_xl(running.dom0, "block-attach", running.name, f"format=raw, vdev=xvdb, access=ro, target={path}")
        attached = running.until(lambda state: "xvdb" in state.disks)
        line = running.first_line("xvdb") if "xvdb" in attached.disks else ""
        run_xl(running.dom0, "block-detach", running.name, "xvdb")
        detached = running.until(lambda state: "xvdb" not in state.disks)
        of_disk = GuestIdentity("no guest's name", -1, "", (path,))
        left = running.guest.host.leftovers(of_disk, SETTLE_LIMIT_S, (Leftover("file", path),))
    finally:
        running.dom0.run(f"rm -f -- {quoted(path)}")
    return DiskChange(token, line, detached.disks, [str(thing) for thing in left])


@dataclass(frozen=True, slots=True)
class NetworkChange:
    """A network interface that was attached and detached.

    Each time: the interfaces that the guest has, and whether the interface is on the bridge.
    """

    attached: tuple[str, ...]
    on_bridge: bool
    detached: tuple[str, ...]
    still_on_bridge: bool


def change_networks(running: RunningGuest, bridge: str) -> NetworkChange:
    """Attach an interface on `bridge` and detach it."""
    vif, ports = f"vif{running.guest.domid}.0", f"ls /sys/class/net/{quoted(bridge)}/brif"
    run_xl(running.dom0, "network-attach", running.name, f"bridge={bridge}")
    attached = running.until(lambda state: bool(state.networks))
    with_it = running.dom0.run(ports).text.split()
    run_xl(running.dom0, "network-detach", running.name, "0")
    detached = running.until(lambda state: not state.networks)
    without = running.dom0.run(ports).text.split()
    return NetworkChange(attached.networks, vif in with_it, detached.networks, vif in without)


@dataclass(frozen=True, slots=True)
class Restored:
    """The statuses of a guest before it was saved and after it was restored.

    `ended` is whether it was gone from xl list in between, `skew_s` the least difference of its clock and dom0's
    afterwards, `line` the first line of its own disk, `left` what was left in dom0 of the saved domain.
    """

    before: WitnessStatus
    ended: bool
    after: WitnessStatus
    skew_s: int
    line: str
    left: Sequence[str]


def save_and_restore(running: RunningGuest) -> Restored:
    """Save the guest to a file and restore it from there; raises GuestError where it does not come back."""
    path = f"{running.guest.host.folder.path}/{running.name}.save"
    before, saved = running.now(), running.guest.domid
    try:
        run_xl(running.dom0, "save", running.name, path, limit_s=SAVE_LIMIT_S)
        ended = running.has_ended()
        run_xl(running.dom0, "restore", path, limit_s=SAVE_LIMIT_S)
        running.found_again()
        earliest = _clock(running)
        after = running.now()
        # A busy host may deliver the guest's answer late, which is no skew: dom0's clock is read before and after.
        skew = max(earliest - after.clock, after.clock - _clock(running), 0)
        return Restored(before, ended, after, skew, running.first_line("xvda2"), running.left_of(saved))
    finally:
        running.dom0.run(f"rm -f -- {quoted(path)}")


def _clock(running: RunningGuest) -> int:
    """Seconds since the epoch by dom0's clock."""
    return _number(running.dom0.run("date +%s").check(0).text.strip(), "date +%s")


def _number(text: str, command: str) -> int:
    if not re.fullmatch(r"[0-9]{1,15}", text):
        raise ParseError(f"`{command}` printed {text[:200]!r}, expected a number")
    return int(text)


@dataclass(frozen=True, slots=True)
class Restarted:
    """A guest that ended and was started again.

    The token on its disk, whether it is another boot, the entry of its menu that it booted, and what is left in dom0
    of its former domain.
    """

    token: str
    another_boot: bool
    entry: str
    left: Sequence[str]


def restart(
    running: RunningGuest, *, by_crash: bool = False, at_menu: Callable[[int], object] | None = None
) -> Restarted:
    """Reboot the guest, or let its kernel crash; raises GuestError where it is not started again.

    `at_menu` is called after the next domain was created, with the offset at which its console output begins.
    """
    before, state = running.guest.domid, running.now()
    begin = len(running.guest.console.text)
    if by_crash:
        running.say("crash")
    else:
        run_xl(running.dom0, "reboot", running.name)
    running.found_again()
    if at_menu:
        at_menu(begin)
    witness = running.booted_again(begin)
    entry = witness.cmdline.partition(ENTRY_MARK)[2].partition(" ")[0]
    return Restarted(witness.token, witness.nonce != state.nonce, entry, running.left_of(before))


def reboot_from_changed_menu(running: RunningGuest) -> Restarted:
    """Let the guest make the second entry of its own menu the default, and reboot it."""
    running.change_menu("default", "1")
    found = restart(running)
    running.change_menu("default", "0")
    return found


def crash_and_choose(running: RunningGuest) -> Restarted:
    """Let the guest's own menu wait for a key, crash its kernel, and choose the second entry on its console."""
    second = f"{MENU_TITLE} {SECOND_ENTRY}"

    def choose(begin: int) -> None:
        if not running.guest.console.wait(lambda: second in running.guest.console.text[begin:], BOOT_LIMIT_S):
            raise GuestError(f"{running.name} shows no menu with {second!r}; see its console")
        running.press(_DOWN_AND_ENTER)

    running.change_menu("timeout", "-1")
    found = restart(running, by_crash=True, at_menu=choose)
    running.change_menu("timeout", "0")
    return found


@dataclass(frozen=True, slots=True)
class Preserved:
    """A guest that crashed and was preserved.

    `letter` is why it ended by xl list, "c" for crashed.  `core_mib` is the size of its dump, 0 where that is no core
    file.  `gone` is whether it could be destroyed then, `left` what is left in dom0.
    """

    letter: str
    core_mib: int
    gone: bool
    left: Sequence[str]


def crash_and_preserve(running: RunningGuest) -> Preserved:
    """Crash the guest's kernel, dump the core of the preserved domain, and destroy the domain."""
    core = quoted(f"{running.guest.host.folder.path}/{running.name}.core")
    running.say("crash")
    row = running.row_when(lambda row: row is None or row.state[4] not in "r-")
    try:
        run_xl(running.dom0, "dump-core", str(running.guest.domid), core, limit_s=SAVE_LIMIT_S)
        # A core file is an ELF file.
        script = f'[ "$(head -c 4 {core} | tail -c 3)" = ELF ] && stat -c %s {core}'
        size = running.dom0.run(script).text.strip()
    finally:
        running.dom0.run(f"rm -f -- {core}")
    gone, left = end(running)
    return Preserved(row.state[4] if row else NO_DOMAIN, _number(size or "0", "stat -c %s") >> 20, gone, left)


def end(running: RunningGuest) -> tuple[bool, Sequence[str]]:
    """Destroy the guest; returns whether it is gone from xl list, and what is left in dom0 apart from its files."""
    run_xl(running.dom0, "destroy", running.name)
    gone = running.has_ended()
    return gone, [str(thing) for thing in running.guest.leftovers(SETTLE_LIMIT_S, with_files=False)]
