"""The backends that a host's xl really chooses for disks: read in xenstore while their guests are paused.

The backend is chosen before a guest runs, so no guest has to boot, and one guest has the disks of several rows.
"""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from string import ascii_lowercase

from xenproof.errors import GuestError, ParseError, XenproofError
from xenproof.guest.features.disk_rows import DiskRow, DiskTarget, in_words, predicted
from xenproof.guest.host.host import GuestHost
from xenproof.guest.host.leftovers import GuestIdentity, Leftover
from xenproof.plain import first_lines
from xenproof.source.connection import quoted
from xenproof.xen.backend import StoreVbd, vbd_in_xenstore
from xenproof.xen.domain_control import CreatedDomain, create_paused, destroy
from xenproof.xen.loops import detach_loops
from xenproof.xen.xenstore import read_xenstore
from xenproof.xlcfg.backend_rule import Prediction, TargetKind
from xenproof.xlcfg.config import DomainConfig, GivenDisk, Start
from xenproof.xlcfg.xl_series import XlSeries

REFUSED = "refused"
MEMORY_MIB = 32
# libxl starts the scripts of all disks of a guest at once; each waits for the others, and times out after 40 s.
DISKS_PER_GUEST = 6
CREATE_LIMIT_S = 300.0
SETTLE_LIMIT_S = 60.0
# qdisk's parameters: aio:/x.img
_FORMATS = {"aio": "raw"}

_MAKE = {
    DiskTarget.RAW: "truncate -s 1M {file}",
    # An empty image of 1 MiB, version 2, made without qemu-img.
    DiskTarget.QCOW2: "printf 'QFI\\373\\0\\0\\0\\002' >{file}\ntruncate -s 1M {file}",
    DiskTarget.BLOCK: "truncate -s 1M {file}\nlosetup -f --show {file}",
    # The device that LVM makes for a logical volume: 2048 sectors.
    DiskTarget.VOLUME: (
        "truncate -s 1M {file}\nloop=$(losetup -f --show {file})\necho $loop\n"
        'dmsetup create {volume} --table "0 2048 linear $loop 0"'
    ),
    DiskTarget.MISSING: ":",
    DiskTarget.NONE: ":",
}


Answer = str | GuestError
"""The result of a row on a host, in words, or why it could not be read."""


class BackendTable:
    """What a host's xl makes of the disks of many rows.

    The first call of `found` reads all rows from the host; later calls return the stored results.
    """

    def __init__(self, host: GuestHost, kernel: str, series: XlSeries, rows: Mapping[str, DiskRow]) -> None:
        self._host, self._dom0, self._kernel = host, host.dom0, kernel
        self._series, self._rows = series, rows
        self._found: dict[str, Answer] = {}

    def expected(self, name: str) -> str:
        """The result of a row by the rules of the release, in words."""
        return expected_words(self._rows[name], self._series)

    def found(self, name: str) -> str:
        """The result of a row on the host, in words; raises GuestError where it could not be read."""
        if not self._found:
            self._read()
        if isinstance(answer := self._found[name], GuestError):
            raise answer
        return answer

    def _read(self) -> None:
        taken = [row for row in self._rows.values() if self.expected(row.name) != REFUSED]
        refused = [row for row in self._rows.values() if row not in taken]
        # Apart, so that a host without dmsetup fails only the rows with volumes.
        volumes = [row for row in taken if row.target is DiskTarget.VOLUME]
        others = [row for row in taken if row not in volumes]
        for some in (others, volumes):
            for at in range(0, len(some), DISKS_PER_GUEST):
                self._read_together(some[at : at + DISKS_PER_GUEST])
        if refused:
            self._read_in_turn(refused)

    def _read_together(self, rows: Sequence[DiskRow]) -> None:
        try:
            with self._prepared(rows) as guest:
                created = self._create(guest, rows)
                answers = self._answers(rows, created, guest)
                self._end(guest, created)
        except XenproofError as error:
            self._found |= {row.name: GuestError(str(error)) for row in rows}
            return
        if answers is not None:
            self._found |= answers
            return
        # One of them is refused against the prediction: created one by one, they show which.
        self._read_in_turn(rows)

    def _read_in_turn(self, rows: Sequence[DiskRow]) -> None:
        """Create a guest for the disk of each row alone; leftovers of refused guests are checked once, at the end."""
        try:
            with self._prepared(rows) as guest:
                for row in rows:
                    created = self._create(guest, [row])
                    self._found |= self._answers([row], created, guest) or {}
                    if created.domid > 0 or row is rows[-1]:
                        self._end(guest, created)
        except XenproofError as error:
            for row in rows:
                self._found.setdefault(row.name, GuestError(str(error)))

    @contextmanager
    def _prepared(self, rows: Sequence[DiskRow]) -> Iterator["_Paused"]:
        """A guest's name, and the targets for the disks of all `rows`; all of it is removed at the end."""
        name = self._host.new_name()
        vdevs = {row.name: f"xvd{letter}" for row, letter in zip(rows, ascii_lowercase, strict=False)}
        folder = self._host.folder.path
        files = {row.name: f"{folder}/{name}-{vdevs[row.name]}-{secrets.token_hex(4)}.img" for row in rows}
        with self._host.lease(name, memory_mib=MEMORY_MIB, vcpus=1, limit_s=CREATE_LIMIT_S):
            try:
                loops = self._make_targets(rows, files)
                targets = {row.name: _target(row, files[row.name], loops.get(row.name, "")) for row in rows}
                own = [Leftover("file", path) for path in [*files.values(), f"{folder}/{name}.cfg"]]
                own += [Leftover("loop device", f"{loop} {files[row]}") for row, loop in loops.items()]
                own += [Leftover("volume", volume) for volume in _volumes(rows, files)]
                guest = _Paused(name, f"{folder}/{name}.cfg", vdevs, targets, tuple(files.values()), own)
                try:
                    yield guest
                except BaseException:
                    destroy(self._dom0, name, SETTLE_LIMIT_S)
                    raise
            finally:
                self._remove(name, rows, files)

    def _create(self, guest: "_Paused", rows: Sequence[DiskRow]) -> CreatedDomain:
        """Create the guest with the disks of these rows."""
        disks = [GivenDisk(row.spec(guest.targets[row.name], guest.vdevs[row.name])) for row in rows]
        text = DomainConfig(guest.name, Start(self._kernel), MEMORY_MIB, disks).text()
        self._dom0.run(f"cat >{quoted(guest.config)}", stdin=text.encode()).check()
        return create_paused(self._dom0, guest.name, guest.config, CREATE_LIMIT_S)

    def _make_targets(self, rows: Sequence[DiskRow], files: Mapping[str, str]) -> dict[str, str]:
        """Make the targets of the rows; returns the loop devices of those that have one, by row."""
        script = "\n".join(
            _MAKE[row.target].format(file=quoted(files[row.name]), volume=_volume(files[row.name])) for row in rows
        )
        loops = self._dom0.run(f"set -e\n{script}", limit_s=60).check().text.split()
        on_loops = [row.name for row in rows if row.target in (DiskTarget.BLOCK, DiskTarget.VOLUME)]
        if len(loops) != len(on_loops):
            raise GuestError(f"losetup printed {loops}, expected a device for each of {len(on_loops)} files")
        return dict(zip(on_loops, loops, strict=True))

    def _remove(self, name: str, rows: Sequence[DiskRow], files: Mapping[str, str]) -> None:
        """Remove the targets and the configuration of the guest `name`, which has no special characters of a shell."""
        # Volumes before the loop devices below them.
        if volumes := _volumes(rows, files):
            self._dom0.run(quoted("dmsetup", "remove", "--retry", *volumes), limit_s=60)
        detach_loops(self._dom0, *files.values())
        stem = f"{quoted(self._host.folder.path)}/{name}"
        self._dom0.run(f"rm -f -- {stem}-* {stem}.cfg")

    def _answers(self, rows: Sequence[DiskRow], created: CreatedDomain, guest: "_Paused") -> dict[str, Answer] | None:
        """The result of each row; None where xl refused the guest and it has several rows."""
        if created.domid < 1:
            if len(rows) > 1:
                return None
            (row,) = rows
            wanted = predicted(row, guest.targets[row.name], guest.vdevs[row.name], self._series)
            refused = isinstance(wanted, Prediction) and wanted.refusal.lower() in created.problem.lower()
            return {row.name: REFUSED if refused else f"refused, but with {first_lines(created.problem, 300)!r}"}
        store = read_xenstore(self._dom0, f"/local/domain/{created.domid}/device", "/local/domain/0/backend")
        return {row.name: _words(store, created.domid, guest.vdevs[row.name], guest.targets[row.name]) for row in rows}

    def _end(self, guest: "_Paused", created: CreatedDomain) -> None:
        """Destroy the guest and wait until dom0 has nothing of it but its `own`; raises GuestError otherwise."""
        name = guest.name
        if not destroy(self._dom0, name, SETTLE_LIMIT_S):
            raise GuestError(f"{name} is still in xl list {SETTLE_LIMIT_S:.0f} s after xl destroy; end it by hand")
        self._dom0.run(f"rm -f -- /var/log/xen/*-{name}.log*")  # the name has no special characters of a shell
        identity = GuestIdentity(name, created.domid, created.uuid, guest.files)
        if left := self._host.leftovers(identity, SETTLE_LIMIT_S, guest.own):
            raise GuestError(f"{name} left in dom0: {'; '.join(map(str, left))}")


@dataclass(frozen=True, slots=True)
class _Paused:
    """A guest for disks of several rows: vdev and target of each row; `own` are its files and devices in dom0."""

    name: str
    config: str
    vdevs: Mapping[str, str]
    targets: Mapping[str, str]
    files: tuple[str, ...]
    own: Sequence[Leftover]


def _volume(file: str) -> str:
    return file.rpartition("/")[2].removesuffix(".img")


def _volumes(rows: Sequence[DiskRow], files: Mapping[str, str]) -> list[str]:
    return [_volume(files[row.name]) for row in rows if row.target is DiskTarget.VOLUME]


def _target(row: DiskRow, file: str, loop: str) -> str:
    """The target in the specification of a row, whose file is `file` and whose loop device is `loop`, or ""."""
    match row.target:
        case DiskTarget.NONE:
            return ""
        case DiskTarget.BLOCK:
            return loop
        case DiskTarget.VOLUME:
            return f"/dev/mapper/{_volume(file)}"
    return file


def expected_words(row: DiskRow, series: XlSeries) -> str:
    """The result of a row by the rules of `series`, in words."""
    # No rule depends on the letter or the path.
    disk = predicted(row, _target(row, "/x.img", "/x.img"), "xvda", series)
    if isinstance(disk, Prediction):
        return REFUSED
    # A release where phy serves an empty drive makes a file for it.
    loop = disk.backendtype == "phy" and (row.target.kind is TargetKind.FILE or row.target is DiskTarget.NONE)
    return in_words(disk.backendtype, disk.format, writable=disk.writable, loop=loop)


def _words(store: Mapping[str, str], domid: int, vdev: str, target: str) -> Answer:
    try:
        return vbd_in_words(vbd_in_xenstore(store, domid, vdev), target)
    except ParseError as error:
        return GuestError(str(error))


def vbd_in_words(vbd: StoreVbd, target: str) -> str:
    """A disk in xenstore, in the words of `expected_words`; raises ParseError where it is not at `target`."""
    name = "raw"
    if vbd.type == "qdisk":
        prefix, colon, path = vbd.params.partition(":")
        # C prints this for a null string, and an xl before 4.5 may write it for an empty drive.
        path = "" if path == "(null)" else path
        if not colon or path != target:
            raise ParseError(f"{vbd.path}/params is {vbd.params!r}, expected FORMAT:{target}")
        name = _FORMATS.get(prefix, prefix)
    name = name if target else "empty"
    loop = vbd.type == "phy" and vbd.node != target and vbd.node.startswith("/dev/loop")
    return in_words(vbd.type, name, writable=vbd.mode == "w", loop=loop)
