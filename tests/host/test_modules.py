"""The modules of dom0's kernel."""

from xenproof.facts.modules import Modules
from xenproof.probing.answer import says
from xenproof.profile.expectation import Expectation
from xenproof.suite.each import each, req
from xenproof.suite.expect import Expect


@req("S08")
@each("modules.*.loaded")
def test_module_is_loaded(modules: Modules, expected: Expectation, expect: Expect) -> None:
    """The kernel has the module {name}: {value}."""
    expect(
        expected,
        modules.loaded(expected.name),
        by="/proc/modules and modules.builtin",
        matches=says,
        hint="use modprobe, and see why the service of Xen did not",
    )
