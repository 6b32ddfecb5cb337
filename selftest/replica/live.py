"""The replica as a host that runs: behind a real sshd on loopback whose every command runs in it."""

import dataclasses
import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from selftest.replica.replica import SYSTEM, Replica
from selftest.sshd import HOST, Server, starter
from xenproof.facts import identity
from xenproof.facts.families import probes
from xenproof.profile.profile import Profile
from xenproof.source.gather import gather
from xenproof.source.probe import Recording


@dataclass(frozen=True, slots=True)
class LiveReplica:
    """The replica while its sshd listens."""

    replica: Replica
    server: Server

    @property
    def url(self) -> str:
        """How a user names it."""
        return f"ssh://{getpass.getuser()}@{HOST}:{self.server.port}"

    @property
    def options(self) -> list[str]:
        """The options of pytest that name it, with its key and its pinned host key."""
        folder = self.server.folder
        return [f"--hosts={self.url}", f"--identity={folder / 'id'}", f"--known-hosts={folder / 'known_hosts'}"]

    def record(self, profile: Profile) -> Recording:
        """The recording of the replica, under a name that is the same each time."""
        connection = self.server.connect()
        try:
            asked = (identity.PROBE, *probes(profile))
            found = gather(connection, asked, {"replica": f"{SYSTEM}: no SLES 12 was run"})
        finally:
            connection.close()
        return dataclasses.replace(found, host="ssh://root@xenproof-replica")


@contextmanager
def served(replica: Replica, folder: Path, enter: Path | None = None) -> Iterator[LiveReplica]:
    """Serve the replica by ssh while the context lasts; `folder` takes the keys of the sshd.

    `enter` is the program that enters it, its own if not given.
    """
    folder.mkdir()
    with starter(folder, f"ForceCommand {enter or replica.folder / 'enter'}") as start:
        server = start()
        server.wait_until_it_listens()
        yield LiveReplica(replica, server)
