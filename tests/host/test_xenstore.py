"""What dom0 has put into xenstore."""

from xenproof.facts.xenstore import Xenstore
from xenproof.probing.answer import confirmed, says
from xenproof.profile.expectation import Expectation
from xenproof.suite.each import each, req
from xenproof.suite.expect import Expect


@req("S07")
@each("xenstore.*.exists")
def test_entry_exists(xenstore: Xenstore, expected: Expectation, expect: Expect) -> None:
    """xenstore has an entry {name}: {value}."""
    expect(
        expected,
        xenstore.exists(expected.name),
        by="xenstore-read",
        matches=says,
        hint="restart the service that starts xenstored, at the next reboot",
    )


@req("S07")
@each("xenstore.*.is")
def test_entry_holds(xenstore: Xenstore, expected: Expectation, expect: Expect) -> None:
    """The entry {name} of xenstore holds {value}."""
    expect(
        expected,
        xenstore.holds(expected.name, expected.text),
        by="xenstore-read",
        matches=confirmed,
        hint="see what the service wrote that starts xenstored",
    )
