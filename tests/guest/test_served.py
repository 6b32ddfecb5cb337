"""What the toolstack lets guests ask for, and the release gives them or not."""

from collections.abc import Callable

import pytest

from xenproof.profile.expectation import Expectation
from xenproof.suite.each import each, req
from xenproof.suite.expect import Expect

pytestmark = pytest.mark.matrix


@req("S07", "S16")
@each("guest.*.served")
def test_setting_is_served(expected: Expectation, supports: Callable[[str], bool], expect: Expect) -> None:
    """Whether a guest that asks for {name} gets it on this release: {value}."""
    hint = "qemu-dm-*.log of the guest says what its qemu lacks"
    by = "the guest's domain, its qemu, and the states in xenstore"
    expect(expected, supports(expected.name), by=by, hint=hint)
