"""TCP ports: nothing listens, or something does against the rules."""

import re
from collections.abc import Iterator

from selftest.mutants.mutation import Case, Maker, Mutation, Mutator
from selftest.mutants.raw import Lines, NotPossible, Raw
from selftest.mutants.texts import edit_file, paths

_V4, _V6 = "/proc/net/tcp", "/proc/net/tcp6"
_LOOPBACK = {_V4: "0100007F", _V6: "00000000000000000000000001000000"}
_LISTEN, _TIME_WAIT = "0A", "06"
# The rest of a socket's row: queues, timer, owner, inode.
_REST = "00000000:00000000 00:00000000 00000000     0        0 12209 1 000000002f7d1e80 100 0 0 10 0"


def with_socket(host: Raw, table: str, port: int, state: str) -> Raw:
    """The host with one more socket in the table."""
    address = "0" * (8 if table == _V4 else 32)

    def change(lines: Lines) -> Lines:
        return [*lines, f"{len(lines) - 1:4d}: {address}:{port:04X} {address}:0000 {state} {_REST}"]

    return edit_file(host, table, change)


def in_state(host: Raw, port: int, state: str) -> Raw:
    """The host whose sockets that listened on the port are in another state."""
    row = re.compile(rf"( *\d+: [0-9A-F]+:{port:04X} [0-9A-F:]+) {_LISTEN} (.*)")
    for table in _tables(host):
        host = edit_file(host, table, lambda lines: [row.sub(rf"\1 {state} \2", line) for line in lines])
    return host


def to_itself(host: Raw, port: int) -> Raw:
    """The host whose sockets that listen on the port do so at addresses of loopback."""
    row = re.compile(rf"( *\d+: )[0-9A-F]+(:{port:04X} [0-9A-F:]+ {_LISTEN} .*)")
    for table in _tables(host):
        own = _LOOPBACK[table]
        host = edit_file(host, table, lambda lines: [row.sub(rf"\g<1>{own}\g<2>", line) for line in lines])  # noqa: B023  # called at once
    return host


def _tables(host: Raw) -> list[str]:
    return [table for table in (_V4, _V6) if table in paths(host)]


def _listening(case: Case) -> Iterator[Mutation]:
    port = int(case.name)
    if case.expected.value is True:
        yield Mutation("nothing listens on the port any more", in_state(case.host, port, _TIME_WAIT))
        other = with_socket(in_state(case.host, port, _TIME_WAIT), _V4, port + 1, _LISTEN)
        yield Mutation("a process listens on the next port instead", other)
        yield Mutation("a process listens to the host itself only", to_itself(case.host, port))
        return
    for table in _tables(case.host):
        kind = "IPv4" if table == _V4 else "IPv6"
        found = with_socket(case.host, table, port, _LISTEN)
        yield Mutation(f"a process listens on the port by {kind}", found)
        yield Mutation(f"a process listens on the port by {kind}, to the host itself", to_itself(found, port))


def _make_listening(case: Case) -> Raw:
    port = int(case.name)
    if not _tables(case.host):
        raise NotPossible("no table of sockets was read")
    host = in_state(case.host, port, _TIME_WAIT)
    return with_socket(host, _V4, port, _LISTEN) if case.expected.value is True else host


MUTATORS: dict[str, Mutator] = {"listening": _listening}
MAKERS: dict[str, Maker] = {"listening": _make_listening}
