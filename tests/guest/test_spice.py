"""Guests with a screen: whom their SPICE and VNC servers let in, and what is to be seen there."""

from dataclasses import replace
from pathlib import Path

import pytest

from xenproof.facts.ports import read_ports
from xenproof.guest.display import desktop as actions
from xenproof.guest.display.desktop import LET_IN, REFUSED, UNTRUSTED, DesktopGuest
from xenproof.source.connection import Connection
from xenproof.suite.each import req
from xenproof.suite.evidence import Evidence
from xenproof.suite.expect import Expect
from xenproof.suite.fixtures.desktops import WITH_PASSWORDS, Desktops
from xenproof.suite.fixtures.guest_teardown import GuestTeardown
from xenproof.suite.fixtures.promises import Documented

pytestmark = [pytest.mark.matrix, pytest.mark.same_worker("guests with a screen"), pytest.mark.shares_guest]

CLIENT = "a SPICE client"
TICKET = "xl.cfg(5), spicepasswd"
DENIED = "refused: PERMISSION_DENIED"


@req("S07")
def test_spice_lets_in_whoever_has_the_password(
    desktop: DesktopGuest, spice_password: str, documented: Documented, expect: Expect
) -> None:
    """The SPICE server of a guest lets in a client that has the password, and shows it the screen."""
    expect(documented("with the password", LET_IN, TICKET), desktop.by_spice(spice_password), by=CLIENT)


@req("S07")
@pytest.mark.usefixtures("spice_password")
@pytest.mark.parametrize("wrong", ["", "another one"], ids=["none", "another one"])
def test_spice_refuses_another_password(
    desktop: DesktopGuest, documented: Documented, expect: Expect, wrong: str
) -> None:
    """The SPICE server of a guest refuses a client without the password."""
    expect(documented("without the password", DENIED, TICKET), desktop.by_spice(wrong), by=CLIENT)


@req("S07")
def test_spice_without_ticketing_lets_in_anybody(
    open_desktop: tuple[DesktopGuest, Path], documented: Documented, expect: Expect
) -> None:
    """The SPICE server of a guest without ticketing lets in a client that knows no password."""
    guest, _ = open_desktop
    expect(documented("without a password", LET_IN, "xl.cfg(5), spicedisable_ticketing"), guest.by_spice(), by=CLIENT)


@req("S07")
def test_encrypted_spice_proves_whose_it_is(
    open_desktop: tuple[DesktopGuest, Path], documented: Documented, expect: Expect, tmp_path: Path
) -> None:
    """The encrypted SPICE port of a guest has the certificate that it was given, and another authority is not its."""
    guest, authority = open_desktop
    source = "xl.cfg(5), spicetls_port; qemu(1), -spice x509-dir"
    expect(documented("to whom trusts its authority", LET_IN, source), guest.by_spice(ca=authority), by=CLIENT)
    other = actions.another_authority(tmp_path)
    expect(documented("to whom trusts another", UNTRUSTED, source), guest.by_spice(ca=other), by=CLIENT)


@req("S07")
@pytest.mark.parametrize("option", actions.AGENT_OPTIONS)
def test_option_of_the_agent_reaches_qemu(
    desktop: DesktopGuest, documented: Documented, expect: Expect, option: str
) -> None:
    """{option} is on the command line of the guest's qemu."""
    given = documented("given", True, "xl.cfg(5), spicevdagent, spice_clipboard_sharing and spiceagent_mouse")
    expect(given, actions.AGENT_OPTIONS[option](desktop.qemu_words()), by="dom0's /proc")


@req("S07")
@pytest.mark.parametrize(
    ("word", "before", "wanted"),
    [("the password", "", LET_IN), ("another one", "x", REFUSED)],
    ids=["the password", "another one"],
)
def test_vnc_asks_for_the_password(
    desktop: DesktopGuest,
    vnc_password: str,
    documented: Documented,
    expect: Expect,
    word: str,
    before: str,
    wanted: str,
) -> None:
    """The VNC server of a guest lets in a client that has the password, and no other one."""
    given = f"{before}{vnc_password}"
    expect(documented(f"with {word}", wanted, "xl.cfg(5), vncpasswd"), desktop.by_vnc(given), by="a VNC client")


@req("S07")
def test_screen_is_the_same_by_all_ways(
    desktop: DesktopGuest, documented: Documented, expect: Expect, evidence: Evidence
) -> None:
    """SPICE, VNC and qemu itself show a screen of the same size; what is on it is in the report."""
    screens = actions.screens(desktop)
    evidence.save("screen-by-qemu.png", screens.by_qemu.png)
    evidence.save("screen-by-vnc.png", screens.by_vnc.png)
    size = documented("size", screens.by_qemu.size, "qemu has one screen for all of them")
    expect(size, screens.by_vnc.size, by="a VNC client")
    expect(size, screens.by_spice, by=CLIENT)


@req("S07")
def test_port_of_another_guest_is_not_had(
    desktop: DesktopGuest, desktops: Desktops, documented: Documented, expect: Expect, guest_teardown: GuestTeardown
) -> None:
    """A guest whose SPICE port another one has does not start, and the other one does not lose it."""
    second = desktops.try_to_start(guest_teardown, replace(desktop.desktop, vnc=False, agent=False))
    none = documented("the second guest", "no domain", "bind(2), EADDRINUSE")
    expect(none, second, by="xl create and xenstore", matches=lambda start, said: str(said).startswith(str(start)))
    first = documented("the first guest", LET_IN, "bind(2), EADDRINUSE")
    expect(first, desktop.by_spice(desktop.desktop.password), by=CLIENT)


@req("S07")
def test_ports_are_free_after_the_guest(
    desktop: DesktopGuest, desktops: Desktops, dom0: Connection, documented: Documented, expect: Expect
) -> None:
    """When a guest with a screen is destroyed, nothing listens on its ports any more."""
    ports = {desktop.desktop.port, desktop.vnc_port()}
    before = ports & read_ports(dom0).listening_on
    desktops.remove(WITH_PASSWORDS)
    after = ports & read_ports(dom0).listening_on
    expect(documented("before", ports, "xl.cfg(5), spiceport and vnclisten"), before, by="/proc/net/tcp")
    expect(documented("afterwards", set[int](), "xl(1), destroy"), after, by="/proc/net/tcp")
