"""Many guests: as many at once as the host's memory holds, up to a hundred, and a hundred one after another."""

import pytest

from xenproof.guest.actions.cycles import CYCLES, Change, cycle
from xenproof.guest.features.crowd import Crowd
from xenproof.guest.guest import Guest
from xenproof.suite.each import req
from xenproof.suite.evidence import Evidence
from xenproof.suite.expect import Expect
from xenproof.suite.fixtures.crowd_plot import plot, table
from xenproof.suite.fixtures.promises import Documented

pytestmark = [pytest.mark.many, pytest.mark.timeout(9000)]


@req("S25")
def test_host_holds_many_small_guests(crowd: Crowd, documented: Documented, expect: Expect, evidence: Evidence) -> None:
    """As many small guests as the host has memory for, up to a hundred, come up and answer while all of them run."""
    wanted = crowd.fill()
    assert crowd.empty is not None
    evidence.save("guests.csv", table(crowd.empty, crowd.arrivals).encode())
    evidence.save("guests.svg", plot(crowd.empty, crowd.arrivals))
    source = "deck: Xen scales to many small guests; xl info, free_memory"
    expect(documented("guests", wanted, source), len(crowd.arrivals), by=crowd.problem or "the guests' consoles")
    expect(documented("guests that answer", crowd.names, source), crowd.answering(), by="the guests' consoles")


@req("S25")
def test_many_guests_leave_the_host_as_it_was(still_guest: Guest, documented: Documented, expect: Expect) -> None:
    """A guest that is created and destroyed a hundred times leaves dom0 as it was: nothing more, and nothing less."""
    wanted = Change(CYCLES, (), ())
    found = cycle(still_guest)
    expect(documented("change", wanted, "xl(1), destroy"), found, by="xl list, xenstore-ls, ps, /sys and find in dom0")
