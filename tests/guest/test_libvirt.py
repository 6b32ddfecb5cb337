"""A guest that libvirt manages, from its definition to its end: read by virsh and by xl, and told by the guest."""

import pytest

from xenproof.guest.actions import by_libvirt as actions
from xenproof.guest.actions.running_guest import RunningGuest
from xenproof.profile.expectation import Expectation
from xenproof.suite.each import each, req
from xenproof.suite.expect import Expect
from xenproof.suite.fixtures.promises import Documented

pytestmark = [pytest.mark.matrix, pytest.mark.same_worker("the guest of libvirt"), pytest.mark.shares_guest]

NOTHING: list[str] = []
LIST = "xl list"
VIRSH = "virsh domstate"
WITNESS = "the witness in the guest"


@req("S20", "S21")
def test_guest_of_libvirt_boots(libvirt_guest: RunningGuest, documented: Documented, expect: Expect) -> None:
    """libvirt makes XML of a guest's configuration for xl, defines and starts it, and xl lists it, too."""
    expect(documented("state", "running", "virsh(1), start"), actions.state(libvirt_guest), by=VIRSH)
    row = libvirt_guest.row()
    expect(documented("name", libvirt_guest.name, "virsh(1), start"), row.name if row else "no domain", by=LIST)
    token = documented("token", libvirt_guest.guest.token, "virsh(1), domxml-from-native")
    expect(token, libvirt_guest.guest.witness.token, by=WITNESS)


@req("S21")
@each("guest.*.converted")
def test_configuration_survives_a_round_trip(
    libvirt_guest: RunningGuest, expected: Expectation, expect: Expect
) -> None:
    """The XML of a guest, made into a configuration of the form {name} and into XML again: what matters is {value}."""
    found = actions.round_trip(libvirt_guest, expected.name)
    expect(expected, found, by="virsh domxml-to-native and domxml-from-native")


@req("S20")
def test_guest_of_libvirt_is_saved_and_restored(
    libvirt_guest: RunningGuest, documented: Documented, expect: Expect
) -> None:
    """virsh save stores a guest in a file and ends it, and virsh restore lets it go on."""
    found = actions.save_and_restore(libvirt_guest)
    expect(documented("ended", True, "virsh(1), save"), found.ended, by=LIST)
    expect(documented("state", "shut off", "virsh(1), save"), found.by_virsh, by=VIRSH)
    expect(documented("boot", found.before.nonce, "virsh(1), restore"), found.after.nonce, by=WITNESS)


@req("S20")
def test_guest_of_libvirt_is_suspended(libvirt_guest: RunningGuest, documented: Documented, expect: Expect) -> None:
    """virsh suspend stops a guest, which xl sees, and virsh resume lets it go on."""
    found = actions.suspend(libvirt_guest)
    expect(documented("state", "paused", "virsh(1), suspend"), found.by_virsh, by=VIRSH)
    expect(documented("state", "p", "virsh(1), suspend"), found.by_xl, by=LIST)
    expect(documented("state", "running", "virsh(1), resume"), found.afterwards, by=VIRSH)
    expect(documented("answers", True, "virsh(1), resume"), found.answers, by=WITNESS)


@req("S20")
def test_guest_of_libvirt_goes_on_after_a_managed_save(
    libvirt_guest: RunningGuest, documented: Documented, expect: Expect
) -> None:
    """virsh managedsave ends a guest, and its next start goes on where it was."""
    found = actions.managed_save(libvirt_guest)
    expect(documented("ended", True, "virsh(1), managedsave"), found.ended, by=LIST)
    expect(documented("state", "shut off", "virsh(1), managedsave"), found.by_virsh, by=VIRSH)
    expect(documented("boot", found.before.nonce, "virsh(1), managedsave"), found.after.nonce, by=WITNESS)


@req("S20")
def test_guest_of_libvirt_is_marked_for_autostart(
    libvirt_guest: RunningGuest, documented: Documented, expect: Expect
) -> None:
    """virsh autostart marks a guest to be started with the host, and takes that back."""
    expect(
        documented("marked", (True, False), "virsh(1), autostart"), actions.autostart(libvirt_guest), by="virsh list"
    )


@req("S10", "S20")
def test_guest_of_libvirt_that_xl_destroys_can_be_started(
    libvirt_guest: RunningGuest, documented: Documented, expect: Expect
) -> None:
    """libvirt learns that xl destroyed a guest of its own, which it still knows and can start again."""
    found = actions.destroy_by_xl(libvirt_guest)
    source = "libvirt, src/libxl: the domain's death is an event of libxl"
    expect(documented("gone", True, "xl(1), destroy"), found.gone, by=LIST)
    expect(documented("state", "shut off", source), found.by_virsh, by=VIRSH)
    expect(documented("another boot", True, "virsh(1), start"), found.another_boot, by=WITNESS)


@req("S17", "S20")
def test_guest_of_libvirt_ends(libvirt_guest: RunningGuest, documented: Documented, expect: Expect) -> None:
    """virsh shuts a guest down, keeps its log, and knows it no more when it is undefined; dom0 has nothing of it."""
    found = actions.end(libvirt_guest)
    expect(documented("gone", True, "virsh(1), shutdown"), found.gone, by=LIST)
    expect(documented("state", "shut off", "virsh(1), shutdown"), found.by_virsh, by=VIRSH)
    log = documented("has a log", True, "libvirt's drvxen page: /var/log/libvirt/libxl/NAME.log")
    expect(log, found.has_log, by="/var/log/libvirt/libxl")
    expect(documented("still known", False, "virsh(1), undefine"), found.still_known, by="virsh list --all")
    expect(documented("left", NOTHING, "virsh(1), shutdown"), found.left, by="xl list, xenstore-ls, ps, /sys and find")
