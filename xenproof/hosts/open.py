"""Opens the live host or the recording that an address names."""

from pathlib import Path

from xenproof.errors import UsageError
from xenproof.source.address import FORMS, Address, Scheme
from xenproof.source.connection import Connection
from xenproof.source.host_keys import HostKeys
from xenproof.source.local import LocalConnection
from xenproof.source.probe import Recording
from xenproof.source.ssh import SSHConnection


def open_connection(address: Address, *, identity: Path | None = None, pins: HostKeys | None = None) -> Connection:
    """A connection to the live host that an ssh or local address names.

    Raises UsageError for an address without a live host, SourceError where the host cannot be
    reached.  A lab host is started by `xenproof.lab`, which opens its own connection.
    """
    match address.scheme:
        case Scheme.SSH:
            return SSHConnection(
                url=address.url, host=address.host, port=address.port, user=address.user, identity=identity, pins=pins
            )
        case Scheme.LOCAL:
            return LocalConnection(address.url)
        case _:
            raise UsageError(
                f"{address.url!r} names no host that can be logged in to; "
                f"expected {FORMS[Scheme.SSH]!r} or {FORMS[Scheme.LOCAL]!r}"
            )


def open_recording(address: Address) -> Recording:
    """The recording that a recording address names; raises UsageError for any other, SourceError if it is broken."""
    if address.scheme is not Scheme.RECORDING or address.path is None:
        raise UsageError(f"expected {FORMS[Scheme.RECORDING]!r}, found {address.url!r}")
    return Recording.read(address.path)
