"""Leases on a host's TCP ports, for the servers of guests' screens: no two runs choose the same.

They are stored on the host, beside those on memory and processors, until the folder of their run is removed.
"""

import re
import secrets
from importlib.resources import files

from xenproof.errors import GuestError
from xenproof.facts.ports import read_ports
from xenproof.guest.host.lease import LEASES, on_leases
from xenproof.source.connection import Connection

PORTS = range(20000, 30000)
_MORE = 50  # so many more ports than needed are tried, as other runs may have leased some of them
_SCRIPT = (files("xenproof.guest.host") / "port_lease.sh").read_text("utf-8")


def lease_ports(dom0: Connection, folder: str, count: int, ports: range = PORTS, leases: str = LEASES) -> list[int]:
    """Lease `count` ports of the host, on which nothing listens now, for the run whose folder on it is `folder`.

    Raises GuestError where fewer of `ports` are free, CommandFailed where leases cannot be stored.
    """
    listening = read_ports(dom0).listening_on
    free = [port for port in ports if port not in listening]
    some = secrets.SystemRandom().sample(free, min(len(free), count + _MORE))
    words = {"folder": folder, "count": str(count), "ports": " ".join(map(str, some))}
    printed = on_leases(dom0, _SCRIPT, words, leases).split()
    if len(leased := [int(port) for port in printed if re.fullmatch(r"[0-9]{1,5}", port)]) < count:
        raise GuestError(
            f"{dom0.url} has {len(leased)} free TCP ports of the {len(some)} from {ports.start} on that were tried, "
            f"expected {count}; see {leases} and `ss -ltn` there"
        )
    return leased
