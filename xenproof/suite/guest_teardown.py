"""The teardown of guests after a check: `guest_teardown`, the same for all guests, whoever made them."""

from collections.abc import Callable, Iterator

import pytest

from xenproof.guest.guest import Guest
from xenproof.guest.logs import guest_logs
from xenproof.suite.evidence import Evidence
from xenproof.suite.failed import has_failed
from xenproof.suite.items import ITEM
from xenproof.suite.kept_guests import Keep

Afterwards = Callable[[bool], None]


def _nothing(kept: bool) -> None:
    """The guest lives on, for the next check."""


class GuestTeardown:
    """Keeps what the guests of one check have to say when it has ended, while they are still there."""

    def __init__(self, item: pytest.Item, evidence: Evidence, keep: Keep) -> None:
        self._item, self._evidence, self._keep = item, evidence, keep
        self._guests: list[tuple[Guest, Afterwards]] = []

    def take(self, guest: Guest, afterwards: Afterwards = _nothing) -> Guest:
        """Report on `guest` when the check has ended, and then call `afterwards` with whether the user keeps it."""
        self._guests.append((guest, afterwards))
        return guest

    def take_over(self, guest: Guest) -> Guest:
        """Report on a guest that is this check's alone, and then remove it."""
        return self.take(guest, lambda _: guest.remove())

    def close(self) -> None:
        """Keep what explains the check's result, and its guests if the user wants them; raises what `afterwards` does.

        The guests that are left are reported on all the same.
        """
        while self._guests:
            guest, afterwards = self._guests.pop()
            try:
                afterwards(self._report(guest))
            except BaseException:
                self.close()
                raise

    def _report(self, guest: Guest) -> bool:
        guest.console.drain()
        line = guest.time_line()
        if has_failed(self._item):
            for name, data in guest_logs(guest):
                self._evidence.save(name, data)
        elif line:
            self._evidence.save("console.txt", guest.console.data)
        if line:
            self._item.stash[ITEM].guest = line
        return self._keep(guest)


@pytest.fixture
def guest_teardown(request: pytest.FixtureRequest, evidence: Evidence, keep: Keep) -> Iterator[GuestTeardown]:
    """Keeps what the guests of this check have to say, and removes those that are its own."""
    made = GuestTeardown(request.node, evidence, keep)
    try:
        yield made
    finally:
        made.close()
