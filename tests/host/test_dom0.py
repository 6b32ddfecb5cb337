"""Domain-0's share of the machine."""

from xenproof.facts.dom0 import Dom0
from xenproof.probing.answer import at_least, at_most, says
from xenproof.profile.expectation import Expectation
from xenproof.suite.each import each, req
from xenproof.suite.expect import Expect


@req("S13", "S14")
@each("dom0.*.pinned")
def test_share_is_pinned(dom0_share: Dom0, expected: Expectation, expect: Expect) -> None:
    """An option of the hypervisor fixes Domain-0's {name}: {value}."""
    expect(
        expected,
        dom0_share.pinned(expected.name),
        by="xl info, xen_commandline",
        matches=says,
        hint="set dom0_mem=N,max:N and dom0_max_vcpus=N in GRUB_CMDLINE_XEN_DEFAULT, run grub-mkconfig, reboot",
    )


@req("S13", "S14")
@each("dom0.*.running")
def test_share_is_what_the_option_gives(dom0_share: Dom0, expected: Expectation, expect: Expect) -> None:
    """Domain-0's {name} is what the option gives it: {value}."""
    expect(
        expected,
        dom0_share.running(expected.name),
        by="xl list 0, against xl info, xen_commandline",
        matches=says,
        hint="give memory back with xl mem-set 0, or vCPUs with xl vcpu-set 0; a size without a suffix is in KiB",
    )


@req("S13")
@each("dom0.memory.min_mib")
def test_memory_suffices(dom0_share: Dom0, expected: Expectation, expect: Expect) -> None:
    """Domain-0 has {value} MiB of memory or more."""
    expect(
        expected,
        dom0_share.measured.mem_mib,
        by="xl list 0",
        matches=at_least,
        hint="raise dom0_mem in GRUB_CMDLINE_XEN_DEFAULT, run grub-mkconfig, reboot",
    )


@req("S14")
@each("dom0.vcpus.max")
def test_vcpus_are_limited(dom0_share: Dom0, expected: Expectation, expect: Expect) -> None:
    """Domain-0 has {value} vCPUs or fewer."""
    expect(
        expected,
        dom0_share.measured.vcpus,
        by="xl list 0",
        matches=at_most,
        hint="lower dom0_max_vcpus in GRUB_CMDLINE_XEN_DEFAULT, run grub-mkconfig, reboot",
    )


@req("S08")
@each("dom0.control.is")
def test_linux_is_the_control_domain(dom0_share: Dom0, expected: Expectation, expect: Expect) -> None:
    """The Linux that was examined is the domain that controls Xen: {value}."""
    expect(
        expected,
        dom0_share.control,
        by="/proc/xen/capabilities",
        matches=says,
        hint="boot the entry with Xen, and mount xenfs on /proc/xen",
    )
