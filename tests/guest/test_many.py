"""Many guests: as many at once as the host's memory holds, up to a hundred, and a hundred one after another."""

import pytest

from xenproof.guest.actions.cycles import CYCLES, Change, cycle
from xenproof.guest.features.many_guests import ManyGuests
from xenproof.guest.guest import Guest
from xenproof.suite.each import req
from xenproof.suite.evidence import Evidence
from xenproof.suite.expect import Expect
from xenproof.suite.fixtures.crowd_plot import plot, table
from xenproof.suite.fixtures.promises import Documented

pytestmark = [pytest.mark.many, pytest.mark.timeout(9000)]


@req("S25")
def test_host_holds_many_small_guests(
    many_guests: ManyGuests, documented: Documented, expect: Expect, evidence: Evidence
) -> None:
    """As many small guests as the host has memory for, up to a hundred, come up and answer while all of them run."""
    wanted = many_guests.fill()
    assert many_guests.empty is not None
    evidence.save("guests.csv", table(many_guests.empty, many_guests.arrivals).encode())
    evidence.save("guests.svg", plot(many_guests.empty, many_guests.arrivals))
    source = "deck: Xen scales to many small guests; xl info, free_memory"
    expect(
        documented("guests", wanted, source),
        len(many_guests.arrivals),
        by=many_guests.problem or "the guests' consoles",
    )
    expect(
        documented("guests that answer", many_guests.names, source), many_guests.answering(), by="the guests' consoles"
    )


@req("S25")
def test_many_guests_leave_the_host_as_it_was(still_guest: Guest, documented: Documented, expect: Expect) -> None:
    """A guest that is created and destroyed a hundred times leaves dom0 as it was: nothing more, and nothing less."""
    wanted = Change(CYCLES, (), ())
    found = cycle(still_guest)
    expect(documented("change", wanted, "xl(1), destroy"), found, by="xl list, xenstore-ls, ps, /sys and find in dom0")
