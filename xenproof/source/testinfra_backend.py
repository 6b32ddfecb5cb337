"""testinfra's Host over a xenproof connection, for users' checks with `host.run`, `host.file` and the like."""

from testinfra.backend.base import BaseBackend, CommandResult
from testinfra.host import Host

from xenproof.source.connection import Connection
from xenproof.source.testinfra_host import CorrectedHost


def testinfra_host(connection: Connection, limit_s: float = 60.0) -> Host:  # noqa: PT028  # no test function, it is only called so
    """A testinfra Host whose every command goes through `connection` and ends within `limit_s`.

    A command that does not end or a connection that breaks raises what Connection.run raises; it
    never returns an empty result.
    """
    backend = _Backend(connection, limit_s)
    host = CorrectedHost(backend)
    backend.set_host(host)
    return host


# pytest collects every module attribute whose name begins with `test`.
testinfra_host.__test__ = False  # type: ignore[attr-defined]  # functions accept any attribute


class _Backend(BaseBackend):  # type: ignore[misc]  # testinfra has no types
    NAME = "xenproof"

    def __init__(self, connection: Connection, limit_s: float) -> None:
        super().__init__(connection.url)
        self._connection = connection
        self._limit_s = limit_s

    def get_pytest_id(self) -> str:
        return self._connection.url

    def run(self, command: str, *args: str, **_: object) -> CommandResult:
        text = self.get_command(command, *args)
        done = self._connection.run(text, limit_s=self._limit_s)
        return self.result(done.exit_code, text.encode(), done.stdout, done.stderr)

    # testinfra would run python on the host to find its encoding.

    def decode(self, data: bytes) -> str:
        return data.decode("utf-8", "replace")

    def encode(self, data: str) -> bytes:
        return data.encode()
