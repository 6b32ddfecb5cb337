"""The host that both sides ask, and the ways in which each side is told of it."""

from dataclasses import dataclass
from pathlib import Path

from xenproof.source.address import Address
from xenproof.source.host_keys import HostKeys
from xenproof.source.ssh import SSHConnection


@dataclass(frozen=True, slots=True)
class Place:
    """A host that answers over ssh; without `identity` or `known_hosts` each side takes its own defaults."""

    address: Address
    identity: Path | None = None
    known_hosts: Path | None = None

    @property
    def of_xenproof(self) -> list[str]:
        """The options that name it to xenproof."""
        options = [f"--hosts={self.address.url}"]
        options += [f"--identity={self.identity}"] if self.identity else []
        return options + ([f"--known-hosts={self.known_hosts}"] if self.known_hosts else [])

    @property
    def of_testinfra(self) -> list[str]:
        """The options that name it to testinfra, which takes any host key."""
        name = f"[{self.address.host}]" if ":" in self.address.host else self.address.host
        options = [f"--hosts=paramiko://{self.address.user}@{name}:{self.address.port}"]
        return options + ([f"--ssh-identity-file={self.identity}"] if self.identity else [])

    def log_in_once(self) -> None:
        """Log in and out, with the host's key checked, so that neither side is the first to wake the host.

        Raises HostKeyError or SourceError.
        """
        pins = HostKeys.read(self.known_hosts) if self.known_hosts else HostKeys.read()
        connection = SSHConnection(
            url=self.address.url,
            host=self.address.host,
            port=self.address.port,
            user=self.address.user,
            identity=self.identity,
            pins=pins,
        )
        try:
            connection.run("true").check()
        finally:
            connection.close()
