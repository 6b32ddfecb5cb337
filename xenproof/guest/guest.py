"""One witness guest: defined, booted, shut down, removed.  Each step is confirmed by reading the host's state."""

import secrets
import time
from collections.abc import Callable
from contextlib import ExitStack

from xenproof.errors import GuestError
from xenproof.guest.boot_progress import MARKS, READY_MARK, REFUSED_BY_GRUB, BootProgress, read_progress
from xenproof.guest.console import Console
from xenproof.guest.description import GuestDescription
from xenproof.guest.files import GuestFiles
from xenproof.guest.host.host import GuestHost
from xenproof.guest.host.leftovers import GuestIdentity, Leftover
from xenproof.guest.residence import Residence
from xenproof.guest.time_line import TimeLine
from xenproof.guest.witness import Witness, facts
from xenproof.plain import first_lines
from xenproof.results.verdict import GuestTimeline
from xenproof.source.connection import Connection, quoted
from xenproof.xen.domain_control import CreatedDomain, destroy, shut_down
from xenproof.xen.domains import await_gone
from xenproof.xlcfg.config import DomainConfig

GONE = "gone"
_GONE_LIMIT_S = 60.0
# The end of the hypervisor's log that is stored: longer than any text that two guests of a kind could both cause.
_MARK_BYTES = 2048


class Guest:
    """One guest made from a description; it is made on one host and can be bound to another.

    `hypervisor_before` is the end of the hypervisor's log on its first host when it was defined.
    """

    def __init__(self, host: GuestHost, description: GuestDescription) -> None:
        self.description = description
        self.name = host.new_name()
        self.token = secrets.token_hex(16)
        self.files = GuestFiles(host, self.name, description)
        self.residence = Residence.at(host)
        self._hosts = [host]
        self.console = Console(MARKS)
        self.hypervisor_before = b""
        self._time_line = TimeLine(host.run.began)
        self.kept = False
        self._boot: BootProgress | None = None
        self._creation = self._created_at = 0.0
        self._end = ""
        self._lease = ExitStack()

    @property
    def host(self) -> GuestHost:
        """The host where the guest is now."""
        return self.residence.host

    @property
    def dom0(self) -> Connection:
        """The connection to that host."""
        return self.residence.host.dom0

    @property
    def created(self) -> CreatedDomain | None:
        """What is known of its domain on that host; None before it is created."""
        return self.residence.domain

    @property
    def domid(self) -> int:
        """The number of its domain on that host; raises GuestError before it is created."""
        if self.residence.domid < 1:
            created = self.created
            raise GuestError(f"{self.name} has no domain: {created.problem if created else 'not booted yet'}")
        return self.residence.domid

    @property
    def witness(self) -> Witness:
        """The witness's report of its boot; raises GuestError where it did not become ready."""
        if self._boot is None or self._boot.witness is None:
            reached = self._boot.reached if self._boot else "not booted yet"
            raise GuestError(f"{self.name} on {self.description.backend}: {reached}")
        return self._boot.witness

    @property
    def disk(self) -> str:
        """The path in dom0 of the disk with its image."""
        return self.files.disk

    @property
    def config_path(self) -> str:
        """The path in dom0 of its configuration."""
        return self.files.config_path

    @property
    def config(self) -> DomainConfig:
        """The guest's configuration for its toolstack."""
        return self.files.config

    def is_lost(self) -> bool:
        """Whether its host has lost all guests of the run, by a reboot or by a broken connection."""
        self.host.enter()
        return self.residence.is_of_before

    def time_line(self) -> GuestTimeline | None:
        """Its time line so far, or None where no step was added since the last call."""
        disk = f"{self.description.backend} disk" if self.description.all_disks else "no disk"
        return self._time_line.fresh(self.name, f"{disk}, {self.description.started_by}", self.console.seen_at)

    def define(self) -> None:
        """Make its disks, the image disk with its token, and its configuration; nothing runs yet."""
        self.files.make(f"XENPROOF-TOKEN {self.token}\n".encode())
        script = f"cat >{quoted(self.config_path)} && {{ xl dmesg | tail -c {_MARK_BYTES}; }}"
        self.hypervisor_before = self.dom0.run(script, stdin=self.config.text().encode()).check().stdout

    def boot(
        self, limit_s: float, lease_limit_s: float = 600.0, *, unless: Callable[[str], bool] = lambda _: False
    ) -> BootProgress:
        """Start it and follow its console until its witness is ready, at most `limit_s`; a second call only waits.

        `unless` gets the console's text, and ends the waiting where the guest will never be ready or is far enough.
        A guest that does not boot raises nothing: the result says how far it booted.
        Raises GuestError where the host has no memory for it.
        """
        if self._boot is None:
            self.start(limit_s, lease_limit_s)
        return self.come_up(limit_s, unless=unless)

    def start(self, limit_s: float, lease_limit_s: float = 600.0) -> None:
        """Start it without waiting, so that another guest can be started meanwhile; `come_up` waits for it."""
        created = self.create(limit_s, lease_limit_s)
        if created.domid < 1:
            seconds = time.monotonic() - self._creation
            self._boot = BootProgress(f"xl created no domain: {first_lines(created.problem, 500)}", seconds, None)
            return
        # The console is opened before the guest runs, so that its first output is read.
        resume = self.description.toolstack.resume_command(self.name)
        self.console.follow(self.dom0, f"exec 3<{quoted(created.tty)}; {resume} </dev/null >/dev/null; exec cat <&3")

    def is_coming_up(self) -> bool:
        """Whether it still boots, as far as its console was read: neither ready nor ended."""
        return self._boot is None and not self.console.ended and READY_MARK not in self.console.seen_at

    def come_up(self, limit_s: float, *, unless: Callable[[str], bool] = lambda _: False) -> BootProgress:
        """Wait for a started guest, at most `limit_s` after its creation; returns how far it booted."""
        if self._boot is not None:
            return self._boot

        def is_over() -> bool:
            text = self.console.text
            return ("ready", "") in facts(text) or REFUSED_BY_GRUB in text or unless(text)

        self.console.wait(is_over, limit_s - (time.monotonic() - self._creation))
        # The time when the mark was read, not the time now: other guests may have been started in between.
        ready_at = self.console.seen_at.get(READY_MARK, time.time())
        self._boot = read_progress(self.console, ready_at - self._created_at)
        return self._boot

    def create(self, limit_s: float, lease_limit_s: float = 600.0) -> CreatedDomain:
        """Create its domain, paused, and return it.  Raises GuestError where the host has no memory for it.

        Where no domain was created, nothing is raised: the result's `problem` says why.
        """
        wanted = self.description
        vcpus = wanted.most_vcpus if wanted.leases_processors else 0
        lease = self.host.lease(self.name, memory_mib=wanted.memory_mib, vcpus=vcpus, limit_s=lease_limit_s)
        self._lease.enter_context(lease)
        with self.host.starts.turn(self.name):
            self._creation, self._created_at = time.monotonic(), time.time()
            created = wanted.toolstack.create_paused(self.dom0, self.config, self.config_path, limit_s)
        self.residence = Residence(self.host, self.residence.entry, created)
        if created.domid > 0:
            self._time_line.note("created", anew=True)
        return created

    def bind(self, created: CreatedDomain, host: GuestHost | None = None) -> None:
        """Bind it to the domain `created`, which has another number and console, and perhaps another `host`.

        Its leases stay as they are.  From now on the new domain's console is followed.
        """
        self.console.drain()
        self.residence = Residence.at(host or self.host, created)
        if self.host not in self._hosts:
            self._hosts.append(self.host)
        self.console.follow(self.dom0, f"exec cat <{quoted(created.tty)}")

    def leave_console(self) -> None:
        """Stop following its console."""
        self.console.drain()
        self.console.close()

    def give_back(self) -> None:
        """Release its leases, as its domain is gone."""
        self._lease.close()

    def shut_down(self, limit_s: float) -> str:
        """Shut it down, once, and wait until it is gone; returns GONE, or its state after `limit_s`."""
        if not self._end:
            self._end = self._shut_down(limit_s)
        return self._end

    def _shut_down(self, limit_s: float) -> str:
        shut_down(self.dom0, self.domid)
        self.console.wait(lambda: ("poweroff", "") in facts(self.console.text), limit_s)
        self._time_line.note("shut down")
        asked = ("poweroff", "") in facts(self.console.text)
        if not await_gone(self.dom0, self.name, limit_s, self.console.drain):
            return f"still in xl list after {limit_s:.0f} s" + (
                ", though it printed that it powers off" if asked else ""
            )
        self._note_gone()
        return GONE if asked else "gone, but it did not print that it powers off"

    def leftovers(self, limit_s: float, *, with_files: bool) -> list[Leftover]:
        """What is left of it on its host; its disks and configuration count only `with_files`."""
        own = () if with_files else self.files.leftovers
        return self.host.leftovers(self._identity(self.host), limit_s, own)

    def _identity(self, host: GuestHost) -> GuestIdentity:
        # Another guest may have its number on a host that was rebooted, or on one that it left.
        is_there = host is self.host and not self.residence.is_of_before
        domid, uuid = (self.residence.domid, self.residence.uuid) if is_there else (-1, "")
        return GuestIdentity(self.name, domid, uuid, self.files.own)

    def keep(self) -> None:
        """Keep it on its hosts for the user to look at: `remove` then leaves it there."""
        self.kept = True
        for host in self._hosts:
            host.folder.keep()

    def remove(self) -> None:
        """Destroy it if it still exists, and remove all its files, on each host where it has been.

        Of a guest that is kept, only the console is closed and the leases are released.  A second call does nothing
        more.  Raises GuestError with the list of what is left.
        """
        if self.kept:
            self._release()
            return
        with ExitStack() as held:
            for host in self._hosts:
                held.callback(self._remove_from, host)

    def _remove_from(self, host: GuestHost) -> None:
        try:
            self.console.drain()
            if not destroy(host.dom0, self.name, _GONE_LIMIT_S, self.console.drain):
                raise GuestError(
                    f"{self.name} is still in xl list {_GONE_LIMIT_S:.0f} s after xl destroy; end it by hand"
                )
            self._note_gone()
        finally:
            self._release()
            self.description.toolstack.forget(host.dom0, self.config)
            self.files.remove_from(host.dom0)
        if left := host.leftovers(self._identity(host), 30.0):
            raise GuestError(f"{self.name} left in dom0: {'; '.join(map(str, left))}")

    def _release(self) -> None:
        try:
            self.console.close()
        finally:
            self._lease.close()

    def _note_gone(self) -> None:
        if self.residence.domid > 0:
            self._time_line.note("gone")
