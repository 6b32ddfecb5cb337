"""The backends that a host's xl really gives to disks: read in xenstore while their guests are paused.

The backend is chosen before a guest runs, so none has to boot, and one guest holds the disks of several rows.
"""

import secrets
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from string import ascii_lowercase

from xenproof.errors import GuestError, ParseError, XenproofError
from xenproof.guest.disk_rows import DiskRow, Target, in_words, predicted
from xenproof.guest.leak import Thing, Traces, leaks
from xenproof.guest.place import HostFolder
from xenproof.source.connection import Connection, quoted
from xenproof.xen.acting import Created, create_paused, destroy
from xenproof.xen.backend import StoreVbd, vbd_in_xenstore
from xenproof.xen.backend_rule import Prediction
from xenproof.xen.config import DomainConfig, GivenDisk, Start
from xenproof.xen.domains import await_gone
from xenproof.xen.xenstore import read_xenstore
from xenproof.xen.xl_series import XlSeries

REFUSED = "refused"
MEMORY_MIB = 32
# libxl starts the scripts of all disks of a guest at once, one waits for the other, and it gives each 40 s.
DISKS_PER_GUEST = 6
CREATE_LIMIT_S = 300.0
SETTLE_LIMIT_S = 60.0
# qdisk's parameters: aio:/x.img
_FORMATS = {"aio": "raw"}

_MAKE = {
    Target.RAW: "truncate -s 1M {file}",
    # An empty image of 1 MiB, version 2: no program of the host has to make one.
    Target.QCOW2: "printf 'QFI\\373\\0\\0\\0\\002' >{file} && truncate -s 1M {file}",
    Target.BLOCK: "truncate -s 1M {file} && losetup -f --show {file}",
    Target.MISSING: ":",
}


class BackendTable:
    """What a host's xl makes of the disks of many rows.

    `found` is asked row by row; the host is asked for all rows, the first time.
    """

    def __init__(
        self, dom0: Connection, folder: HostFolder, kernel: str, series: XlSeries,
        rows: Mapping[str, DiskRow],
    ) -> None:  # fmt: skip
        self._dom0, self._folder, self._kernel = dom0, folder, kernel
        self._series, self._rows = series, rows
        self._found: dict[str, str | GuestError] = {}

    def expected(self, name: str) -> str:
        """What the rules of the release say of a row, in words."""
        return expected_words(self._rows[name], self._series)

    def found(self, name: str) -> str:
        """What the host made of a row, in words; raises GuestError where that could not be seen."""
        if not self._found:
            self._read()
        if isinstance(answer := self._found[name], GuestError):
            raise answer
        return answer

    def _read(self) -> None:
        taken = [row for row in self._rows.values() if self.expected(row.name) != REFUSED]
        refused = [row for row in self._rows.values() if row not in taken]
        groups = [taken[at : at + DISKS_PER_GUEST] for at in range(0, len(taken), DISKS_PER_GUEST)]
        for group in [*groups, *([row] for row in refused)]:
            self._read_group(group)

    def _read_group(self, rows: Sequence[DiskRow]) -> None:
        try:
            answers = self._one_guest(rows)
        except XenproofError as error:
            self._found |= {row.name: GuestError(str(error)) for row in rows}
            return
        if answers is not None:
            self._found |= answers
            return
        # One of them is refused against the prediction: each on its own shows which.
        for row in rows:
            self._read_group([row])

    def _one_guest(self, rows: Sequence[DiskRow]) -> dict[str, str] | None:
        """What a guest with the disks of all `rows` got; None where xl refused several at once."""
        name = self._folder.new_name()
        vdevs = {row.name: f"xvd{letter}" for row, letter in zip(rows, ascii_lowercase, strict=False)}
        files = {row.name: f"{self._folder.path}/{name}-{vdevs[row.name]}-{secrets.token_hex(4)}.img" for row in rows}
        config = f"{self._folder.path}/{name}.cfg"
        with ExitStack() as held:
            held.enter_context(self._folder.lease(name, memory_mib=MEMORY_MIB, vcpus=1, limit_s=CREATE_LIMIT_S))
            targets: dict[str, str] = dict(files)
            held.callback(self._remove, name, targets)
            targets |= self._targets(rows, files)
            disks = [GivenDisk(row.spec(targets[row.name], vdevs[row.name])) for row in rows]
            text = DomainConfig(name, Start(self._kernel), MEMORY_MIB, disks).text()
            self._dom0.run(f"cat >{quoted(config)}", stdin=text.encode()).check()
            own = [Thing("file", path) for path in [*files.values(), config]]
            own += [Thing("loop device", f"{targets[row.name]} {files[row.name]}") for row in rows]
            created = Created(-1, "", "", 0, "")
            try:
                created = create_paused(self._dom0, name, config, CREATE_LIMIT_S)
                return self._answers(rows, created, vdevs, targets)
            finally:
                self._end(name, created, tuple(files.values()), own)

    def _targets(self, rows: Sequence[DiskRow], files: Mapping[str, str]) -> dict[str, str]:
        """Make the targets of the rows and return their paths; each row's own file where that is the target."""
        script = "\n".join(_MAKE[row.target].format(file=quoted(files[row.name])) for row in rows)
        loops = self._dom0.run(f"set -e\n{script}", limit_s=60).check().text.split()
        on_loops = [row.name for row in rows if row.target is Target.BLOCK]
        if len(loops) != len(on_loops):
            raise GuestError(f"losetup printed {loops}, expected a device for each of {len(on_loops)} files")
        return dict(zip(on_loops, loops, strict=True))

    def _remove(self, name: str, targets: Mapping[str, str]) -> None:
        """Remove what was made for the guest `name`, which holds nothing that a shell would expand."""
        loops = [path for path in targets.values() if path.startswith("/dev/")]
        detach = f"losetup -d {quoted(*loops)};" if loops else ""
        self._dom0.run(f"{detach} rm -f -- {quoted(self._folder.path)}/{name}-* {quoted(self._folder.path)}/{name}.cfg")

    def _answers(
        self, rows: Sequence[DiskRow], created: Created, vdevs: Mapping[str, str], targets: Mapping[str, str]
    ) -> dict[str, str] | None:
        if created.domid < 1:
            if len(rows) > 1:
                return None
            (row,) = rows
            wanted = predicted(row, targets[row.name], vdevs[row.name], self._series)
            said = isinstance(wanted, Prediction) and wanted.refusal.lower() in created.problem.lower()
            return {row.name: REFUSED if said else f"refused, but with {created.problem[-300:]!r}"}
        store = read_xenstore(self._dom0, f"/local/domain/{created.domid}/device", "/local/domain/0/backend")
        return {
            row.name: vbd_in_words(vbd_in_xenstore(store, created.domid, vdevs[row.name]), targets[row.name])
            for row in rows
        }

    def _end(self, name: str, created: Created, files: tuple[str, ...], own: Sequence[Thing]) -> None:
        """Destroy the guest and wait until dom0 has nothing of it but its `own`; raises GuestError otherwise."""
        destroy(self._dom0, name)
        if not await_gone(self._dom0, name, SETTLE_LIMIT_S):
            raise GuestError(f"{name} is still in xl list {SETTLE_LIMIT_S:.0f} s after xl destroy; end it by hand")
        self._dom0.run(f"rm -f -- /var/log/xen/*-{name}.log*")  # a name holds nothing that a shell would expand
        if left := leaks(
            self._dom0, Traces(name, created.domid, created.uuid, files), self._folder.path, SETTLE_LIMIT_S, own
        ):
            raise GuestError(f"{name} left in dom0: {'; '.join(map(str, left))}")


def expected_words(row: DiskRow, series: XlSeries) -> str:
    """What the rules of `series` say of a row, in words."""
    # The letter and the path do not matter to any rule.
    disk = predicted(row, "/x.img", "xvda", series)
    if isinstance(disk, Prediction):
        return REFUSED
    loop = disk.backendtype == "phy" and row.target is not Target.BLOCK
    return in_words(disk.backendtype, disk.format, writable=disk.writable, loop=loop)


def vbd_in_words(vbd: StoreVbd, target: str) -> str:
    """A disk as xenstore has it, in the same words; raises ParseError where it is not at `target`."""
    name = "raw"
    if vbd.type == "qdisk":
        prefix, colon, path = vbd.params.partition(":")
        if not colon or path != target:
            raise ParseError(f"{vbd.path}/params is {vbd.params!r}, expected FORMAT:{target}")
        name = _FORMATS.get(prefix, prefix)
    loop = vbd.type == "phy" and vbd.node != target and vbd.node.startswith("/dev/loop")
    return in_words(vbd.type, name, writable=vbd.mode == "w", loop=loop)
