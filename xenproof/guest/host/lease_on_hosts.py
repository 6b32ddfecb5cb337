"""A lease on several hosts at a time, for a guest that moves from one to another."""

import time
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager

from xenproof.errors import GuestError
from xenproof.guest.host.host import GuestHost


@contextmanager
def leased_on(
    hosts: Collection[GuestHost], name: str, *, memory_mib: int, vcpus: int, limit_s: float
) -> Iterator[None]:
    """Hold capacity of each of `hosts` for the guest `name`, during the context; `limit_s` is for all of them.

    The hosts are leased in one fixed order, whatever their order and their URLs in a run: of two runs that lease the
    same hosts, the one with the first host gets the others, too, so there is no deadlock.  Raises what `leased`
    raises, and GuestError where two of the hosts are the same.
    """
    deadline = time.monotonic() + limit_s
    by_identity: dict[str, GuestHost] = {}
    for host in hosts:
        if (other := by_identity.setdefault(host.identity(), host)) is not host:
            raise GuestError(f"{other.dom0.url} and {host.dom0.url} are the same host, expected different ones")
    with ExitStack() as held:
        for _, host in sorted(by_identity.items()):
            left_s = max(0.0, deadline - time.monotonic())
            held.enter_context(host.lease(name, memory_mib=memory_mib, vcpus=vcpus, limit_s=left_s))
        yield
