"""One host of a run, as the controller opened it and as every worker sees it."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xenproof.codec import from_plain, to_plain
from xenproof.errors import NotEvaluable, XenproofError
from xenproof.run.process_identity import ProcessIdentity
from xenproof.run.runs import Member
from xenproof.source.address import Address, Scheme
from xenproof.source.connection import Connection
from xenproof.source.host_keys import HostKeys
from xenproof.source.local import LocalConnection
from xenproof.source.probe import Recording
from xenproof.source.reconnecting import ReconnectingConnection

if TYPE_CHECKING:
    from xenproof.source.ssh import SSHConnection


@dataclass(frozen=True, slots=True)
class SshParameters:
    """How to reach a live host over ssh; plain data, so that it can be handed to workers."""

    host: str
    port: int
    user: str
    identity: str
    known_hosts: str

    def connect(self, url: str, retry_until_s: float = 0.0) -> "SSHConnection":
        """A new connection; where the host does not answer, it is tried again for `retry_until_s` seconds."""
        # Imported here: ssh takes long to load, and a recording does not need it.
        from xenproof.source.ssh import SSHConnection

        return SSHConnection(
            url=url,
            host=self.host,
            port=self.port,
            user=self.user,
            identity=Path(self.identity) if self.identity else None,
            pins=HostKeys.read(Path(self.known_hosts)) if self.known_hosts else HostKeys.read(),
            retry_until_s=retry_until_s,
        )


@dataclass(frozen=True, slots=True)
class Target:
    """One host of the run: the address that the user gave, and what was found there.

    `recording` is the file with the output of all its probes.  `ssh` is None for a host that is not
    reached by ssh; `live` says whether commands can be run on it.  `blocked` is why the host cannot be
    evaluated, empty if it can.  `qemu` is the process that runs a lab host on this machine, `member` its part in its
    pair, both None for any other host.
    """

    address: Address
    recording: str = ""
    live: bool = False
    ssh: SshParameters | None = None
    blocked: str = ""
    qemu: ProcessIdentity | None = None
    member: Member | None = None

    @property
    def url(self) -> str:
        """The URL by which the user named the host: its name in reports."""
        return self.address.url

    def connect(self) -> Connection:
        """A new connection; raises NotEvaluable where the source is not a live host."""
        if not self.live:
            raise NotEvaluable(f"{self.url} is not a live host: give ssh://, local:// or lab://")
        return self.ssh.connect(self.url) if self.ssh else LocalConnection(self.url)

    def connect_for_guests(self) -> Connection:
        """A new connection that reconnects when it breaks; raises NotEvaluable as `connect` does."""
        if (ssh := self.ssh) is None:
            return self.connect()
        return ReconnectingConnection(lambda retry_until_s: ssh.connect(self.url, retry_until_s))

    @property
    def replayed(self) -> bool:
        """Whether commands are answered from a recording."""
        return self.address.scheme is Scheme.RECORDING

    def read(self) -> Recording:
        """The recording of its probes; raises XenproofError where there is none."""
        if self.blocked or not self.recording:
            raise XenproofError(self.blocked or f"{self.url} was not recorded")
        return Recording.read(Path(self.recording))

    def to_plain(self) -> Any:
        """The target as plain data."""
        return to_plain(self)

    @staticmethod
    def from_plain(data: object) -> "Target":
        """The target from the output of `to_plain`; raises ParseError if it is none."""
        return from_plain(Target, data)
