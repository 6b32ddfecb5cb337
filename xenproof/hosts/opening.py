"""Opens the hosts of a run: connects to each one, reads all its facts in one round trip, stores the recording."""

import contextlib
import dataclasses
import os
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from xenproof.errors import LabError, UsageError, XenproofError
from xenproof.facts.families import probes
from xenproof.facts.identity import PROBE, parse_identity
from xenproof.hosts.pairing import Pairing
from xenproof.hosts.target import SshParameters, Target
from xenproof.plain import shortened
from xenproof.profile.profile import Profile
from xenproof.run.progress import Progress
from xenproof.source.address import Address, Scheme
from xenproof.source.connection import Connection
from xenproof.source.gather import gather
from xenproof.source.probe import Recording

# Modules that only some sources need are imported where those are opened: ssh, the lab and the readers of images
# take longer to load than a recording takes to judge.
if TYPE_CHECKING:
    from xenproof.lab.host import LabHost


@dataclass(slots=True)
class OpenHost:
    """A host during the run: its target, which workers receive, and what the controller keeps open."""

    target: Target
    recording: Recording | None = None
    connection: Connection | None = None
    lab_host: "LabHost | None" = None
    seconds: dict[str, float] = field(default_factory=dict)

    def close(self) -> None:
        """End the connection and the lab host, if there is one."""
        if self.connection is not None:
            with contextlib.suppress(XenproofError, OSError):
                self.connection.close()
        if self.lab_host is not None:
            self.lab_host.down()


def open_host(
    address: Address, profile: Profile, folder: Path, progress: Progress, *, identity: Path | None,
    known_hosts: Path | None, lab_memory_mib: int | None = None, backing: tuple[Path, ...] = (),
    pairing: Pairing | None = None,
) -> OpenHost:  # fmt: skip
    """Open one host and record its facts in `folder`; `backing` are the backing files that an image may name.

    A lab host takes its place in `pairing`, if that has one for it.

    Where the host cannot be evaluated, the result's `target.blocked` says why; raises UsageError for a
    release that the lab does not have, or too little memory for it.
    """
    url = address.url
    opened = OpenHost(Target(address))
    try:
        if address.offline:
            _read_offline(opened, profile, folder, progress, backing)
        else:
            _reach(opened, progress, identity, known_hosts, lab_memory_mib, backing, pairing)
            _gather(opened, profile, folder, progress)
        assert opened.recording is not None  # noqa: S101  # either ssh above sets it or raises
        parse_identity(opened.recording.output(PROBE)).require_dom0(url)
    except UsageError:
        opened.close()
        raise
    except XenproofError as error:
        opened.target = dataclasses.replace(opened.target, blocked=str(error))
    except Exception as error:  # noqa: BLE001  # an error about one host must not stop the others
        why = f"an error of xenproof itself while {url} was read: {type(error).__name__}: {error} ({_place(error)})"
        opened.target = dataclasses.replace(opened.target, blocked=shortened(why, 2000))
    except BaseException:
        opened.close()
        raise
    return opened


def _place(error: Exception) -> str:
    """The file and line where `error` was raised, for whoever debugs it."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(last.filename).name}:{last.lineno}"


def _reach(
    opened: OpenHost, progress: Progress, identity: Path | None, known_hosts: Path | None, lab_memory_mib: int | None,
    backing: tuple[Path, ...], pairing: Pairing | None,
) -> None:  # fmt: skip
    ssh: SshParameters | None
    address = opened.target.address
    member = None
    if address.scheme is Scheme.LAB:
        from xenproof.lab import host as lab
        from xenproof.lab.own_disk import up_disk

        if (disk := address.path) is not None:
            host = up_disk(address.url, disk, identity, progress, backing=backing, memory_mib=lab_memory_mib)
        else:
            place = pairing.place_of(address) if pairing is not None else None
            host = lab.up(str(address.lab), progress, memory_mib=lab_memory_mib, place=place)
        opened.lab_host = host
        run, member = host.run, host.run.member
        ssh = SshParameters("127.0.0.1", run.port, "root", str(host.image.key), str(run.folder / "known_hosts"))
    elif address.scheme is Scheme.SSH:
        ssh = SshParameters(address.host, address.port, address.user, str(identity or ""), str(known_hosts or ""))
    else:
        ssh = None
    qemu = opened.lab_host.run.qemu if opened.lab_host is not None else None
    opened.target = Target(address, live=True, ssh=ssh, qemu=qemu, member=member)
    opened.connection = opened.target.connect()


def _gather(opened: OpenHost, profile: Profile, folder: Path, progress: Progress) -> None:
    assert opened.connection is not None  # noqa: S101  # _reach set it or raised
    about = {}
    if (lab_host := opened.lab_host) is not None:
        about = {"accelerator": lab_host.run.accelerator, "built from": lab_host.image.origin}
    with progress.phase(f"reading {opened.target.url}", 4):
        opened.recording = gather(opened.connection, [PROBE, *probes(profile)], about)
    _keep(opened, folder)


def _keep(opened: OpenHost, folder: Path) -> None:
    assert opened.recording is not None  # noqa: S101  # the callers have read it
    path = folder / f"recording-{len(list(folder.glob('recording-*')))}.json"
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
            out.write(opened.recording.to_json())
    except OSError as error:
        raise LabError(f"cannot keep the recording of {opened.target.url} in {path}: {error.strerror}") from error
    opened.target = dataclasses.replace(opened.target, recording=str(path))


def _read_offline(
    opened: OpenHost, profile: Profile, folder: Path, progress: Progress, backing: tuple[Path, ...],
) -> None:  # fmt: skip
    address = opened.target.address
    path = address.path
    assert path is not None  # noqa: S101  # as it is offline
    if address.scheme is Scheme.RECORDING:
        opened.recording = Recording.read(path)
        opened.target = Target(address, str(path.absolute()))
        return
    from xenproof.image.source import read_image
    from xenproof.source.confined import Confinement
    from xenproof.supportconfig.source import read_supportconfig

    with progress.phase(f"reading {address.url}", 4):
        confined = Confinement(below=folder)
        if address.scheme is Scheme.IMAGE:
            opened.recording = confined.read(read_image, address.url, path, profile, backing)
        else:
            opened.recording = confined.read(read_supportconfig, address.url, path, profile)
    _keep(opened, folder)


def close_all(hosts: Sequence[OpenHost]) -> None:
    """Close every host; a problem with one does not keep the others open."""
    for opened in hosts:
        with contextlib.suppress(XenproofError):
            opened.close()
