"""The life of one witness guest: defined, booted, shut down, gone.  Every step is confirmed by reading state."""

import secrets
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, replace

from xenproof.errors import CommandFailed, GuestError, XenproofError
from xenproof.guest.console import Console
from xenproof.guest.image import BLOCK, BLOCKS, GuestImage
from xenproof.guest.leak import Thing, Traces, leaks
from xenproof.guest.place import HostFolder
from xenproof.guest.witness import Witness, facts, parse_witness
from xenproof.results.verdict import GuestTimeline, Step
from xenproof.source.connection import Connection, quoted
from xenproof.xen.acting import Created, destroy, shut_down
from xenproof.xen.backend import DiskBackend
from xenproof.xen.config import AnyDisk, Disk, DomainConfig, Start
from xenproof.xen.domains import await_gone
from xenproof.xen.loops import detach_loops
from xenproof.xen.toolstack import Toolstack, Xl

VDEV = "xvda"
MEMORY_MIB = 128
READY = "ready"
GONE = "gone"
_GONE_LIMIT_S = 60.0
_QEMU_FORMATS = {"vhd": "vpc"}
KERNEL_SPEAKS = "] Linux version "
READY_MARK = "witness ready"
# GRUB, grub-core/loader/i386/xen_fileXX.c: what it says where it cannot unpack a kernel; then it waits for a key.
REFUSED_BY_GRUB = "error: not xen image"
# Of the hypervisor's log: longer than what two guests of the same kind could both make it say.
_MARK_BYTES = 2048
_MARKS = {"grub.xen": "XENPROOF1 grub ", "kernel started": KERNEL_SPEAKS, READY_MARK: "XENPROOF1 ready"}


def remove_all(guests: "Iterable[Guest]") -> None:
    """Remove all of them; raises the last error after trying all."""
    with ExitStack() as held:
        for guest in guests:
            held.callback(guest.remove)


@dataclass(frozen=True, slots=True)
class Boot:
    """How far a guest came: `reached` is "ready", or in words where it stopped; `witness` is what it said then."""

    reached: str
    seconds: float
    witness: Witness | None


class Guest:
    """One guest that `start` starts, from a disk file of `format` ("raw", "qcow2" or "vhd") on `backend`.

    Its `config` may be changed until it is defined, with `more_files` of dom0 that go when it goes; `started_by` is
    for the report.  Where it `leases_processors`, it waits until the host has some; of memory it always has a lease.
    `hypervisor_before` is how the hypervisor's log ended when it was defined.
    """

    def __init__(
        self, dom0: Connection, folder: HostFolder, image: GuestImage, backend: DiskBackend, start: Start, began: float,
        started_by: str = "grub.xen", format: str = "raw", toolstack: Toolstack | None = None,
    ) -> None:  # fmt: skip
        self.dom0 = dom0
        self.folder = folder
        self.image = image
        self.backend = backend
        self.name = folder.new_name()
        self._entry = folder.entries
        self.token = secrets.token_hex(16)
        self.format = format
        self.disk = f"{folder.path}/{self.name}.{format}"
        self.config_path = f"{folder.path}/{self.name}.cfg"
        self.more_files: list[str] = []
        self._devices: dict[str, str] = {}
        self.config = DomainConfig(self.name, start, MEMORY_MIB, (Disk(self.disk, VDEV, backend.type, format),))
        self.console = Console(_MARKS)
        self.created: Created | None = None
        self.hypervisor_before = b""
        self.steps: dict[str, float] = {}
        self._started_by = started_by
        self.kept = False
        self.toolstack = toolstack or Xl()
        self._boot: Boot | None = None
        self._told: set[str] = set()
        self._creation = self._created_at = 0.0
        self._end = ""
        self._began = began
        self.leases_processors = True
        self._lease = ExitStack()
        self._streams = ExitStack()

    @property
    def domid(self) -> int:
        """Its number; raises GuestError while it was never created."""
        if self.created is None or self.created.domid < 1:
            raise GuestError(f"{self.name} has no domain: {self.created.problem if self.created else 'not booted yet'}")
        return self.created.domid

    @property
    def witness(self) -> Witness:
        """What it said of itself; raises GuestError where it did not become ready."""
        if self._boot is None or self._boot.witness is None:
            raise GuestError(f"{self.name} on {self.backend}: {self._boot.reached if self._boot else 'not booted yet'}")
        return self._boot.witness

    def another(self) -> "Guest":
        """One more of the same, which is not defined yet."""
        return Guest(
            self.dom0, self.folder, self.image, self.backend, self.config.start, self._began, self._started_by,
            self.format, self.toolstack,
        )  # fmt: skip

    def is_lost(self) -> bool:
        """Whether its host lost it with all other guests of the run, by a reboot or as the connection broke."""
        self.folder.enter()
        return self.folder.entries != self._entry

    def news(self) -> GuestTimeline | None:
        """Its time line so far, or None where nothing came since this was asked for the last time."""
        seen = self.steps | self.console.seen_at
        if self._told == set(seen):
            return None
        self._told = set(seen)
        steps = tuple(Step(label, at - self._began) for label, at in sorted(seen.items(), key=lambda item: item[1]))
        disk = f"{self.backend} disk" if self.config.disks else "no disk"
        return GuestTimeline(self.name, f"{disk}, {self._started_by}", steps)

    def define(self) -> None:
        """Give it a disk of its own with its token, where it has any, and a configuration; nothing runs yet."""
        if self.config.disks:
            self._make_disk()
        if self.folder.blkback_wants_devices:
            self._put_on_devices()
        script = f"cat >{quoted(self.config_path)} && {{ xl dmesg | tail -c {_MARK_BYTES}; }}"
        self.hypervisor_before = self.dom0.run(script, stdin=self.config.text().encode()).check().stdout

    def _make_disk(self) -> None:
        base = self.folder.place(self.image)
        area = self.image.area_offset // BLOCK
        raw = f"{self.folder.path}/{self.name}.raw"
        script = f"cp --sparse=always {quoted(base, raw)}"
        script += f" && dd of={quoted(raw)} bs={BLOCK} seek={area} conv=notrunc,fsync 2>/dev/null"
        if raw != self.disk:
            output = _QEMU_FORMATS.get(self.format, self.format)
            script += f" && qemu-img convert -O {quoted(output, raw, self.disk)} && rm -- {quoted(raw)}"
        self.dom0.run(script, stdin=self._token_block, limit_s=120).check()

    def _put_on_devices(self) -> None:
        """Put each file that blkback is to serve on a loop device, as an administrator has to do there."""

        def on_device(disk: AnyDisk) -> AnyDisk:
            if not isinstance(disk, Disk) or disk.backendtype != DiskBackend.BLKBACK.type:
                return disk
            if disk.path.startswith("/dev/"):
                return disk
            done = self.dom0.run(quoted("losetup", "-f", "--show", disk.path)).check()
            self._devices[disk.path] = device = done.text.strip()
            return replace(disk, path=device)

        self.config = replace(self.config, disks=tuple(map(on_device, self.config.disks)))

    @property
    def _token_block(self) -> bytes:
        return f"XENPROOF-TOKEN {self.token}\n".encode()

    def boot(
        self, limit_s: float, lease_limit_s: float = 600.0, *, unless: Callable[[str], bool] = lambda _: False
    ) -> Boot:
        """Start it and follow its console until its witness is ready, at most `limit_s`; only once.

        By `unless` the console tells that the guest will never be ready, or that it has come far enough.
        A guest that does not come up is no error here: the result says how far it came.
        Raises GuestError where the host has no memory for it.
        """
        if self._boot is None:
            self.start(limit_s, lease_limit_s)
        return self.come_up(limit_s, unless=unless)

    def start(self, limit_s: float, lease_limit_s: float = 600.0) -> None:
        """Start it, and leave it to `come_up` to wait for it, so that another one can be started meanwhile."""
        created = self.create(limit_s, lease_limit_s)
        if created.domid < 1:
            seconds = time.monotonic() - self._creation
            self._boot = Boot(f"xl created no domain: {created.problem[-500:]}", seconds, None)
            return
        # The console is open before the guest runs, so its first word is heard.
        resume = self.toolstack.resume_command(self.name)
        script = f"exec 3<{quoted(created.tty)}; {resume} </dev/null >/dev/null; exec cat <&3"
        self.console.attach(self._streams.enter_context(self.dom0.follow(script)))

    def is_coming_up(self) -> bool:
        """Whether it was started, and neither is ready nor has it ended, as far as its console was read."""
        return self._boot is None and not self.console.ended and READY_MARK not in self.console.seen_at

    def come_up(self, limit_s: float, *, unless: Callable[[str], bool] = lambda _: False) -> Boot:
        """Wait for a guest that was started, at most `limit_s` from its creation on; how far it came."""
        if self._boot is not None:
            return self._boot

        def is_over() -> bool:
            text = self.console.text
            return ("ready", "") in facts(text) or REFUSED_BY_GRUB in text or unless(text)

        self.console.wait(is_over, limit_s - (time.monotonic() - self._creation))
        # As it was heard, not as it was asked for: meanwhile others may have been started.
        ready_at = self.console.seen_at.get(READY_MARK, time.time())
        self._boot = self._read(ready_at - self._created_at)
        return self._boot

    def create(self, limit_s: float, lease_limit_s: float = 600.0) -> Created:
        """Create its domain, paused; what is known of it then.  Raises GuestError where the host has no memory for it.

        That no domain is there is no error here: the result says why.
        """
        config = self.config
        vcpus = max(config.vcpus, config.maxvcpus) if self.leases_processors else 0
        lease = self.folder.lease(self.name, memory_mib=config.memory_mib, vcpus=vcpus, limit_s=lease_limit_s)
        self._lease.enter_context(lease)
        self._creation, self._created_at = time.monotonic(), time.time()
        self.created = self.toolstack.create_paused(self.dom0, self.name, self.config_path, limit_s)
        if self.created.domid > 0:
            self.steps["created"] = time.time()
        return self.created

    def follow_again(self, created: Created) -> None:
        """Go on with the domain that it is now, after a restart or a restore: another number, another console."""
        self.created = created
        self.console.drain()
        self.console.attach(self._streams.enter_context(self.dom0.follow(f"exec cat <{quoted(created.tty)}")))

    def leave_console(self) -> None:
        """Follow its console no more."""
        self.console.drain()
        self._streams.close()

    def give_back(self) -> None:
        """Let others have the memory that was held for it: its domain is gone."""
        self._lease.close()

    def _read(self, seconds: float) -> Boot:
        if READY_MARK in self.console.seen_at:
            try:
                return Boot(READY, seconds, parse_witness(self.console.text))
            except XenproofError as error:
                return Boot(str(error), seconds, None)
        if REFUSED_BY_GRUB in self.console.text:
            return Boot(f"GRUB cannot unpack its kernel: it says {REFUSED_BY_GRUB!r}", seconds, None)
        seen = [label for label in _MARKS if label in self.console.seen_at]
        last = self.console.text.rstrip().rpartition("\n")[2][-200:]
        how = "ended" if self.console.ended else "was still not ready"
        came = f"it came to {seen[-1]!r}" if seen else "neither GRUB's menu nor a kernel spoke"
        return Boot(f"{how} after {seconds:.0f} s: {came}; its console closes with {last!r}", seconds, None)

    def shut_down(self, limit_s: float) -> str:
        """Ask it to shut down, once, and wait until it is gone; "gone", or in words how it stands after `limit_s`."""
        if not self._end:
            self._end = self._shut_down(limit_s)
        return self._end

    def _shut_down(self, limit_s: float) -> str:
        shut_down(self.dom0, self.domid)
        self.console.wait(lambda: ("poweroff", "") in facts(self.console.text), limit_s)
        self.steps["shut down"] = time.time()
        asked = ("poweroff", "") in facts(self.console.text)
        if not self._wait_gone(limit_s):
            return f"still in xl list after {limit_s:.0f} s" + (", though it said that it powers off" if asked else "")
        return GONE if asked else "gone, but without a word of its own"

    def logs(self) -> dict[str, int]:
        """The logs of its own in dom0, by patterns of their names such as "xl-NAME.log", and their sizes in bytes."""
        # A name holds nothing that a shell or find would expand.
        find = f"find /var/log/xen -maxdepth 1 -name '*-{self.name}.log' -exec stat -c '%s %n' {{}} +"
        rows = [line.partition(" ") for line in self.dom0.run(find).check().text.splitlines()]
        return {path.rpartition("/")[2].replace(self.name, "NAME"): int(size) for size, _, path in rows}

    def blocks_in_image(self) -> str:
        """The sha256 of the blocks where the guest writes, as they stand in its raw disk file on the host."""
        skip = self.image.area_offset // BLOCK + 1
        done = self.dom0.run(f"dd if={quoted(self.disk)} bs={BLOCK} skip={skip} count={BLOCKS} 2>/dev/null | sha256sum")
        return done.check().text.partition(" ")[0]

    def leaked(self, limit_s: float, *, with_files: bool) -> list[Thing]:
        """What dom0 still has of it; its own disk and configuration count only `with_files`."""
        files = self._files
        created = self.created
        # Another guest may have its number on a host that was started anew.
        is_its_own = created and self.folder.entries == self._entry
        domid, uuid = (created.domid, created.uuid) if created and is_its_own else (-1, "")
        traces = Traces(self.name, domid, uuid, files)
        own: list[Thing] = []
        if not with_files:
            own += [Thing("file", file) for file in files]
            own += [Thing("loop device", f"{device} {path}") for path, device in self._devices.items()]
        return leaks(self.dom0, traces, self.folder.path, limit_s, own)

    @property
    def _files(self) -> tuple[str, ...]:
        return (self.disk, self.config_path, *self.more_files)

    def keep(self) -> None:
        """Leave it on its host, for somebody to look at, whatever is to be removed."""
        self.kept = True
        self.folder.keep()

    def remove(self) -> None:
        """Destroy it if it is still there, and remove all that is its own; a second call does nothing more.

        One that is kept is only let go.  Raises GuestError that names what is still there.
        """
        if self.kept:
            self._let_go()
            return
        try:
            self.console.drain()
            if not destroy(self.dom0, self.name, _GONE_LIMIT_S, self.console.drain):
                raise GuestError(
                    f"{self.name} is still in xl list {_GONE_LIMIT_S:.0f} s after xl destroy; end it by hand"
                )
            self._note_gone()
        finally:
            self._let_go()
            self.toolstack.forget(self.dom0, self.name)
            logs = f"/var/log/xen/*-{self.name}.log*"  # a name holds nothing that a shell would expand
            files = quoted(*self._files)
            self._leave_devices()
            if (done := self.dom0.run(f"rm -f -- {files} {logs}")).exit_code:
                raise CommandFailed(f"the files of {self.name} could not be removed: {done.error_text.strip()[-300:]}")
        if left := self.leaked(30.0, with_files=True):
            raise GuestError(f"{self.name} left in dom0: {'; '.join(map(str, left))}")

    def _leave_devices(self) -> None:
        """Detach the loop devices of its files, whichever they are by now."""
        detach_loops(self.dom0, *self._devices)
        self._devices.clear()

    def _let_go(self) -> None:
        try:
            self._streams.close()
        finally:
            self._lease.close()

    def _wait_gone(self, limit_s: float) -> bool:
        if not await_gone(self.dom0, self.name, limit_s, self.console.drain):
            return False
        self._note_gone()
        return True

    def _note_gone(self) -> None:
        if self.created is not None and self.created.domid > 0:
            self.steps.setdefault("gone", time.time())
