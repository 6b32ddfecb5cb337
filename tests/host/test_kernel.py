"""The kernel of dom0: its flavour, its kind, and how it was built."""

from xenproof.facts.kernel import Kernel
from xenproof.facts.kernel_config import KernelConfig
from xenproof.probing.answer import one_of
from xenproof.profile.expectation import Expectation
from xenproof.suite.each import each, req
from xenproof.suite.expect import Expect


@req("S08")
@each("kernel.flavour.is")
def test_kernel_is_of_the_flavour(kernel: Kernel, expected: Expectation, expect: Expect) -> None:
    """The running kernel is of the flavour {value}."""
    expect(
        expected,
        kernel.flavour,
        by="/proc/sys/kernel/osrelease",
        hint="install the package of that flavour, and boot its entry with Xen",
    )


@req("S08")
@each("kernel.kind.is")
def test_kernel_is_of_the_kind(kernel: Kernel, expected: Expectation, expect: Expect) -> None:
    """The running kernel's support of Xen is of the kind {value}."""
    expect(
        expected,
        kernel.kind,
        by="/proc/filesystems and /proc/xen",
        hint="boot the kernel of this release",
    )


@req("S08")
@each("kernel_config.*.one_of")
def test_kernel_was_built_with(kernel_config: KernelConfig, expected: Expectation, expect: Expect) -> None:
    """The running kernel was built with {name} as one of {value}."""
    expect(
        expected,
        kernel_config.value(expected.name),
        by="/boot/config of the running kernel",
        matches=one_of,
        hint="boot a kernel of this release",
    )
