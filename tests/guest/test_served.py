"""Settings of guests that the toolstack takes and that qemu has to serve."""

from collections.abc import Callable

import pytest

from xenproof.profile.expectation import Expectation
from xenproof.suite.each import each, req
from xenproof.suite.expect import Expect

pytestmark = pytest.mark.matrix


@req("S07", "S16")
@each("guest.*.served")
def test_setting_is_served(expected: Expectation, served: Callable[[str], bool], expect: Expect) -> None:
    """Whether a guest that asks for {name} gets it from the qemu of this release: {value}."""
    hint = "qemu-dm-*.log of the guest says what its qemu lacks"
    expect(expected, served(expected.name), by="xl create, and the states in xenstore", hint=hint)
