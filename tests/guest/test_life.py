"""What xl does to a guest that runs, one thing after another to the same guest: read in dom0, and told by the guest."""

from collections.abc import Callable, Mapping

import pytest

from xenproof.guest.actions import by_libvirt, by_xl, cpu_affinity
from xenproof.guest.actions.by_xl import Restarted
from xenproof.guest.actions.running_guest import RunningGuest
from xenproof.guest.description import MEMORY_MIB
from xenproof.guest.image.guest_image import SECOND_ENTRY
from xenproof.profile.profile import Profile
from xenproof.suite.each import req
from xenproof.suite.expect import Expect
from xenproof.suite.fixtures.promises import Documented

pytestmark = [pytest.mark.matrix, pytest.mark.same_worker("the guest of xl"), pytest.mark.shares_guest]

NOTHING: list[str] = []
LIST = "xl list"
WITNESS = "the witness in the guest"
DOM0 = "xl list, xenstore-ls, ps, /sys and find in dom0"
CLOCK = "xl(1), restore; xen/include/public/xen.h, wc_sec"
AGAIN = "xl.cfg(5), on_reboot and on_crash"


@req("S07", "S10")
def test_guest_is_paused_and_goes_on(running_guest: RunningGuest, documented: Documented, expect: Expect) -> None:
    """xl pause stops a guest, which answers nothing until xl unpause lets it go on."""
    found = by_xl.pause(running_guest)
    expect(documented("state", "p", "xl(1), pause"), found.letter, by=LIST)
    expect(documented("answers while paused", False, "xl(1), pause"), found.answered_paused, by=WITNESS)
    expect(documented("answers afterwards", True, "xl(1), unpause"), found.answered_afterwards, by=WITNESS)


@req("S10")
def test_guest_is_renamed(running_guest: RunningGuest, documented: Documented, expect: Expect) -> None:
    """xl rename gives a running guest another name, and its own again."""
    other = f"{running_guest.name}-renamed"
    expect(
        documented("names", (other, running_guest.name), "xl(1), rename"), by_xl.rename(running_guest, other), by=LIST
    )


@req("S07", "S10")
@pytest.mark.parametrize("less_mib", [32, 0], ids=["down", "up again"])
def test_memory_of_guest_follows_the_balloon(
    running_guest: RunningGuest, documented: Documented, expect: Expect, less_mib: int
) -> None:
    """xl mem-set changes the memory that a running guest has, and the guest sees the difference."""
    memory, missing = by_xl.take_memory(running_guest, less_mib)
    expect(documented("memory", MEMORY_MIB - less_mib, "xl(1), mem-set"), memory, by=LIST)
    expect(documented("MiB fewer", less_mib, "xl(1), mem-set"), missing, by=f"/proc/meminfo, {WITNESS}")


@req("S07", "S10")
@pytest.mark.parametrize(("count", "used"), [(2, "0-1"), (1, "0")], ids=["plugged", "unplugged"])
def test_processors_of_guest_are_hotplugged(
    running_guest: RunningGuest, documented: Documented, expect: Expect, count: int, used: str
) -> None:
    """xl vcpu-set plugs a virtual processor into a running guest and takes it away again."""
    found = by_xl.plug_processors(running_guest, count, used)
    expect(documented("processors", used, "xl(1), vcpu-set"), found, by=f"/sys/devices/system/cpu, {WITNESS}")


@req("S07", "S10", "S16")
def test_disk_is_attached_and_detached(running_guest: RunningGuest, documented: Documented, expect: Expect) -> None:
    """xl block-attach gives a running guest a disk that it can read, xl block-detach takes it away without a trace."""
    found = by_xl.change_disks(running_guest)
    expect(documented("first line", found.written, "xl(1), block-attach"), found.read, by=f"/dev/xvdb, {WITNESS}")
    disks = documented("disks", running_guest.disks_at_boot, "xl(1), block-detach")
    expect(disks, found.disks_afterwards, by=f"/sys/block, {WITNESS}")
    expect(documented("left", NOTHING, "xl(1), block-detach"), found.left, by=DOM0)


@req("S07", "S10")
def test_network_is_attached_and_detached(
    running_guest: RunningGuest, profile: Profile, documented: Documented, expect: Expect
) -> None:
    """xl network-attach puts a running guest on the bridge, and xl network-detach takes it off again."""
    bridge = profile.entries("bridges")[0]
    found = by_xl.change_networks(running_guest, bridge)
    by = f"/sys/class/net, {WITNESS}"
    expect(documented("networks", ("eth0",), "xl(1), network-attach"), found.attached, by=by)
    expect(documented("on the bridge", True, "xl(1), network-attach"), found.on_bridge, by=f"the ports of {bridge}")
    expect(documented("networks", (), "xl(1), network-detach"), found.detached, by=by)
    off = documented("on the bridge", False, "xl(1), network-detach")
    expect(off, found.still_on_bridge, by=f"the ports of {bridge}")


@req("S07", "S10")
def test_guest_is_saved_and_goes_on_when_restored(
    running_guest: RunningGuest, documented: Documented, expect: Expect
) -> None:
    """xl save stores a guest and ends it; xl restore lets it go on, with its own disk and the right time."""
    found = by_xl.save_and_restore(running_guest)
    expect(documented("ended", True, "xl(1), save"), found.ended, by=LIST)
    expect(documented("boot", found.before.nonce, "xl(1), restore"), found.after.nonce, by=WITNESS)
    later = documented("uptime", found.before.uptime_s, "xl(1), restore")
    expect(
        later, found.after.uptime_s, by=f"/proc/uptime, {WITNESS}", matches=lambda before, after: after >= before,
        wanted=f"{found.before.uptime_s} s or more",
    )  # fmt: skip
    right = documented("seconds off dom0's clock", 3, CLOCK)
    expect(right, found.skew_s, by=f"date, {WITNESS}", matches=lambda most, off: off <= most, wanted="3 at most")
    token = documented("disk", f"XENPROOF-TOKEN {running_guest.guest.token}", "xl(1), restore")
    expect(token, found.line, by=f"/dev/xvda2, {WITNESS}")
    expect(documented("left", NOTHING, "xl(1), save"), found.left, by=DOM0)


# Each boot takes half a minute and more where the host is emulated, so each is good for both.
@req("S02", "S07", "S10")
@pytest.mark.parametrize(
    ("why", "start_again"),
    [
        ("a reboot, as its changed grub.cfg says", by_xl.reboot_from_changed_menu),
        ("a crash, as a key on its console says", by_xl.crash_and_choose),
    ],
    ids=["a reboot, as its changed grub.cfg says", "a crash, as a key on its console says"],
)
def test_guest_starts_again(
    running_guest: RunningGuest,
    documented: Documented,
    expect: Expect,
    why: str,  # noqa: ARG001  # the docstring names it
    start_again: Callable[[RunningGuest], Restarted],
) -> None:
    """A guest boots again from its own disk, by the second entry of its menu, after {why}; nothing stays of before."""
    found = start_again(running_guest)
    expect(documented("disk", running_guest.guest.token, AGAIN), found.token, by=WITNESS)
    expect(documented("another boot", True, AGAIN), found.another_boot, by=WITNESS)
    expect(documented("entry", SECOND_ENTRY, "GRUB's manual: default, timeout"), found.entry, by=WITNESS)
    expect(documented("left", NOTHING, AGAIN), found.left, by=DOM0)


Cpus = Mapping[int, list[int]]
"""The CPUs of each NUMA node."""


def all_of(nodes: Cpus) -> list[int]:
    """All CPUs of the host."""
    return sorted(cpu for cpus in nodes.values() for cpu in cpus)


def a_cpu(nodes: Cpus) -> tuple[str, list[int]]:
    """The last CPU: what xl is told, and where the guest may run then."""
    return str(all_of(nodes)[-1]), all_of(nodes)[-1:]


def a_node(nodes: Cpus) -> tuple[str, list[int]]:
    """The CPUs of the last NUMA node."""
    return f"nodes:{max(nodes)}", nodes[max(nodes)]


def all_cpus(nodes: Cpus) -> tuple[str, list[int]]:
    """All CPUs."""
    return "all", all_of(nodes)


@req("S07")
@pytest.mark.parametrize(
    ("where", "choose"),
    [("a CPU of its own", a_cpu), ("the CPUs of a NUMA node", a_node), ("all CPUs", all_cpus)],
    ids=["a CPU of its own", "the CPUs of a NUMA node", "all CPUs"],
)
def test_guest_runs_where_it_may(
    running_guest: RunningGuest,
    documented: Documented,
    expect: Expect,
    where: str,  # noqa: ARG001  # the docstring names it
    choose: Callable[[Cpus], tuple[str, list[int]]],
) -> None:
    """xl vcpu-pin lets a guest run on {where} only, and it goes on there."""
    nodes = cpu_affinity.nodes(running_guest.dom0)
    cpus, wanted = choose(nodes)
    before, found = running_guest.now(), cpu_affinity.pin(running_guest, cpus, all_of(nodes))
    expect(documented("CPUs", wanted, "xl(1), vcpu-pin; xl.cfg(5), cpus"), found, by="xl vcpu-list")
    expect(documented("boot", before.nonce, "xl(1), vcpu-pin"), running_guest.now().nonce, by=WITNESS)


@req("S07", "S10")
def test_guest_uses_a_pool_of_its_own(running_guest: RunningGuest, documented: Documented, expect: Expect) -> None:
    """xl makes a pool of one CPU, moves a guest into it and out again, and takes the pool away."""
    if len(cpu_affinity.pools(running_guest.dom0).get(cpu_affinity.POOL, [])) < 2:  # dom0 needs one
        pytest.skip(f"{cpu_affinity.POOL} of {running_guest.dom0.url} has one CPU, and dom0 needs it")
    found = cpu_affinity.use_own_pool(running_guest)
    source = "xl(1), CPUPOOLS COMMANDS"
    expect(documented("CPUs", found.pools[cpu_affinity.POOL][-1:], source), found.cpus, by="xl cpupool-list -c")
    expect(documented("members", [running_guest.name], source), found.members, by="xl list -c")
    expect(documented("answers there", True, source), found.answered, by=WITNESS)
    expect(documented("pools afterwards", found.pools, source), found.pools_afterwards, by="xl cpupool-list -c")


@req("S10", "S20")
def test_libvirt_leaves_guests_of_xl_alone(running_guest: RunningGuest, documented: Documented, expect: Expect) -> None:
    """libvirt does not list a guest that xl started, and cannot end it."""
    found = by_libvirt.leave_alone(running_guest)
    source = "libvirt, src/libxl: the driver knows the domains that were defined or started by it"
    expect(documented("listed", False, source), found.listed, by="virsh list --all")
    expect(documented("answers", True, source), found.answers, by=WITNESS)


@req("S07", "S18")
def test_crashed_guest_is_preserved(preserved_guest: RunningGuest, documented: Documented, expect: Expect) -> None:
    """A guest that is to be preserved when it crashes stays, can be dumped as a core, and goes when it is destroyed."""
    source = "xl.cfg(5), on_crash"
    found = by_xl.crash_and_preserve(preserved_guest)
    expect(documented("why it ended", "c", source), found.letter, by=LIST)
    core = documented("MiB of its core", MEMORY_MIB, "xl(1), dump-core")
    expect(
        core, found.core_mib, by="head, stat", matches=lambda least, size: size >= least, wanted="its memory, or more"
    )
    expect(documented("gone", True, "xl(1), destroy"), found.gone, by=LIST)
    expect(documented("left", NOTHING, "xl(1), destroy"), found.left, by=DOM0)


@req("S07", "S10")
def test_guest_is_destroyed(running_guest: RunningGuest, documented: Documented, expect: Expect) -> None:
    """xl destroy ends a guest at once, with nothing left of it in dom0."""
    gone, left = by_xl.end(running_guest)
    expect(documented("gone", True, "xl(1), destroy"), gone, by=LIST)
    expect(documented("left", NOTHING, "xl(1), destroy"), left, by=DOM0)
