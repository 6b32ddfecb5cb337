"""What xl does to a guest that runs, one thing after another to the same guest: read in dom0, and told by the guest."""

import secrets

import pytest

from xenproof.guest.guest import GONE, MEMORY_MIB
from xenproof.guest.leak import Thing, Traces, leaks
from xenproof.guest.life import Life
from xenproof.profile.profile import Profile
from xenproof.source.connection import quoted
from xenproof.suite.each import req
from xenproof.suite.expect import Expect
from xenproof.suite.promises import Documented
from xenproof.xen.acting import act

pytestmark = pytest.mark.matrix

LIST = "xl list"
WITNESS = "the witness in the guest"


@req("S07", "S10")
def test_guest_is_paused_and_goes_on(life: Life, documented: Documented, expect: Expect) -> None:
    """xl pause stops a guest, which answers nothing until xl unpause lets it go on."""
    act(life.dom0, "pause", life.name)
    row = life.row_when(lambda row: row is not None and row.state[2] == "p")
    number = life.ask()
    early = life.answer(number, 2.0)
    act(life.dom0, "unpause", life.name)
    late = life.answer(number)

    expect(documented("state", "p", "xl(1), pause"), row.state[2] if row else "no domain", by=LIST)
    expect(documented("answer while paused", None, "xl(1), pause"), early, by=WITNESS)
    expect(documented("answer afterwards", True, "xl(1), unpause"), late is not None, by=WITNESS)


@req("S10")
def test_guest_is_renamed(life: Life, documented: Documented, expect: Expect) -> None:
    """xl rename gives a running guest another name, under which it is found."""
    other = f"{life.name}-renamed"
    act(life.dom0, "rename", life.name, other)
    try:
        row = life.row()
    finally:
        act(life.dom0, "rename", other, life.name)
    back = life.row()

    expect(documented("name", other, "xl(1), rename"), row.name if row else "no domain", by=LIST)
    expect(documented("name", life.name, "xl(1), rename"), back.name if back else "no domain", by=LIST)


@req("S07", "S10")
@pytest.mark.parametrize("less_mib", [32, 0], ids=["down", "up again"])
def test_memory_of_guest_follows_the_balloon(life: Life, documented: Documented, expect: Expect, less_mib: int) -> None:
    """xl mem-set changes the memory that a running guest has, and the guest sees the difference."""
    at_boot = life.guest.witness.memory_kib
    act(life.dom0, "mem-set", life.name, f"{MEMORY_MIB - less_mib}m")
    row = life.row_when(lambda row: row is not None and row.mem_mib == MEMORY_MIB - less_mib)
    state = life.until(lambda state: (at_boot - state.memory_kib) >> 10 == less_mib)

    wanted = documented("memory", MEMORY_MIB - less_mib, "xl(1), mem-set")
    expect(wanted, row.mem_mib if row else "no domain", by=LIST)
    seen = documented("MiB fewer than at boot", less_mib, "xl(1), mem-set")
    expect(seen, (at_boot - state.memory_kib) >> 10, by=f"/proc/meminfo, {WITNESS}")


@req("S07", "S10")
@pytest.mark.parametrize(("count", "used"), [(2, "0-1"), (1, "0")], ids=["plugged", "unplugged"])
def test_processors_of_guest_are_hotplugged(
    life: Life, documented: Documented, expect: Expect, count: int, used: str
) -> None:
    """xl vcpu-set plugs a virtual processor into a running guest and takes it away again."""
    act(life.dom0, "vcpu-set", life.name, str(count))
    state = life.until(lambda state: state.processors == used, meanwhile=lambda: life.use_processors(count))

    expect(
        documented("processors", used, "xl(1), vcpu-set"), state.processors, by=f"/sys/devices/system/cpu, {WITNESS}"
    )


@req("S07", "S10", "S16")
def test_disk_is_attached_and_detached(life: Life, documented: Documented, expect: Expect) -> None:
    """xl block-attach gives a running guest a disk that it can read, xl block-detach takes it away without a trace."""
    path, token = f"{life.guest.folder.path}/{life.name}-more.raw", secrets.token_hex(16)
    make = f"truncate -s 1M {quoted(path)} && echo {token} | dd of={quoted(path)} conv=notrunc 2>/dev/null"
    life.dom0.run(make).check(0)
    try:
        act(life.dom0, "block-attach", life.name, f"format=raw, vdev=xvdb, access=ro, target={path}")
        attached = life.until(lambda state: "xvdb" in state.disks)
        line = life.first_line("xvdb") if "xvdb" in attached.disks else ""
        act(life.dom0, "block-detach", life.name, "xvdb")
        detached = life.until(lambda state: "xvdb" not in state.disks)
        traces = Traces("no guest's name", -1, "", (path,))
        left = leaks(life.dom0, traces, life.guest.folder.path, 30.0, (Thing("file", path),))
    finally:
        life.dom0.run(f"rm -f -- {quoted(path)}")

    expect(documented("first line", token, "xl(1), block-attach"), line, by=f"/dev/xvdb, {WITNESS}")
    expect(documented("disks", life.disks_at_boot, "xl(1), block-detach"), detached.disks, by=f"/sys/block, {WITNESS}")
    nothing: list[str] = []
    expect(documented("left in dom0", nothing, "xl(1), block-detach"), [str(thing) for thing in left], by="dom0's /sys")


@req("S07", "S10")
def test_network_is_attached_and_detached(life: Life, profile: Profile, documented: Documented, expect: Expect) -> None:
    """xl network-attach puts a running guest on the bridge, and xl network-detach takes it off without a trace."""
    bridge, vif = profile.entries("bridges")[0], f"vif{life.guest.domid}.0"
    ports = f"ls /sys/class/net/{quoted(bridge)}/brif"
    act(life.dom0, "network-attach", life.name, f"bridge={bridge}")
    attached = life.until(lambda state: "eth0" in state.networks)
    with_it = life.dom0.run(ports).text.split()
    act(life.dom0, "network-detach", life.name, "0")
    detached = life.until(lambda state: not state.networks)
    without = life.dom0.run(ports).text.split()

    expect(
        documented("networks", ("eth0",), "xl(1), network-attach"), attached.networks, by=f"/sys/class/net, {WITNESS}"
    )
    expect(documented("on the bridge", True, "xl(1), network-attach"), vif in with_it, by=ports)
    expect(documented("networks", (), "xl(1), network-detach"), detached.networks, by=f"/sys/class/net, {WITNESS}")
    expect(documented("on the bridge", False, "xl(1), network-detach"), vif in without, by=ports)


@req("S07", "S10")
def test_guest_is_saved_and_goes_on_when_restored(life: Life, documented: Documented, expect: Expect) -> None:
    """xl save stores a guest and ends it; xl restore lets it go on, with its own disk and the right time."""
    path = f"{life.guest.folder.path}/{life.name}.save"
    before, saved = life.now(), life.guest.created
    assert saved is not None
    act(life.dom0, "save", life.name, path, limit_s=300)
    row = life.row_when(lambda row: row is None)
    try:
        act(life.dom0, "restore", path, limit_s=300)
        life.found_again()
        after = life.now()
        clock = int(life.dom0.run("date +%s").check(0).text)
        line = life.first_line("xvda2")
    finally:
        life.dom0.run(f"rm -f -- {quoted(path)}")

    expect(documented("domain after xl save", None, "xl(1), save"), row, by=LIST)
    expect(documented("boot", before.nonce, "xl(1), restore"), after.nonce, by=WITNESS)
    went_on = documented("uptime", "no less than before", "xl(1), restore")
    expect(went_on, after.uptime_s, by=f"/proc/uptime, {WITNESS}", matches=lambda _, found: found >= before.uptime_s)
    right = documented("seconds off dom0's clock", "3 at most", "xl(1), restore; xen/include/public/xen.h, wc_sec")
    expect(right, abs(after.clock - clock), by=f"date, {WITNESS}", matches=lambda _, found: found <= 3)
    expect(
        documented("disk", f"XENPROOF-TOKEN {life.guest.token}", "xl(1), restore"), line, by=f"/dev/xvda2, {WITNESS}"
    )
    nothing: list[str] = []
    expect(documented("left of the saved domain", nothing, "xl(1), save"), life.left_of(saved), by="xenstore and dom0")


@req("S02", "S07", "S10")
@pytest.mark.parametrize("why", ["reboot", "crash"])
def test_guest_starts_again(life: Life, documented: Documented, expect: Expect, why: str) -> None:
    """A guest that is to be restarted boots again from its own disk after a {why}; nothing stays of before."""
    before, state = life.guest.created, life.now()
    assert before is not None
    begin = len(life.guest.console.text)
    if why == "reboot":
        act(life.dom0, "reboot", life.name)
    else:
        life.say("crash")
    life.found_again()
    witness = life.booted_again(begin)

    source = "xl.cfg(5), on_reboot and on_crash"
    expect(documented("disk", life.guest.token, source), witness.token, by=WITNESS)
    expect(documented("booted again", True, source), witness.nonce != state.nonce, by=WITNESS)
    nothing: list[str] = []
    expect(documented("left of the domain before", nothing, source), life.left_of(before), by="xenstore and dom0")


@req("S07", "S10")
def test_guest_is_destroyed(life: Life, documented: Documented, expect: Expect) -> None:
    """xl destroy ends a guest at once, with nothing left of it in dom0."""
    act(life.dom0, "destroy", life.name)
    row = life.row_when(lambda row: row is None)

    expect(documented("domain", GONE, "xl(1), destroy"), GONE if row is None else row.state, by=LIST)
    nothing: list[str] = []
    left = [str(thing) for thing in life.guest.leaked(30.0, with_files=False)]
    expect(
        documented("left in dom0", nothing, "xl(1), destroy"),
        left,
        by="xl list, xenstore-ls, ps, /sys and find in dom0",
    )
