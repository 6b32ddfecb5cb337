"""The guests with a screen of one run on one host.  Not imported before a check asks for one: it loads cryptography."""

import secrets
from collections.abc import Callable
from pathlib import Path

from xenproof.errors import GuestError
from xenproof.guest.desktop import RUNNING, Desktop, DesktopGuest, put_certificates
from xenproof.guest.guest import Guest, remove_all
from xenproof.guest.place import HostFolder
from xenproof.guest.served import OF_FIRMWARE, SERVICES
from xenproof.profile.profile import Profile
from xenproof.source.connection import Connection
from xenproof.suite.care import Care

MakeGuest = Callable[[bool], Guest]
"""Makes a guest that is not defined yet: an HVM guest, or one of grub.xen."""
WITH_PASSWORDS = "with passwords"


class Desktops:
    """Guests with a screen; each is made when the first check asks for it, and serves all."""

    def __init__(
        self, make: MakeGuest, folder: HostFolder, run_folder: Path, profile: Profile, dom0: Connection
    ) -> None:
        """`folder` is the run's in dom0."""
        self._make_guest, self._folder, self._profile = make, folder, profile
        self._dom0 = dom0
        self.authority = run_folder / "spice-authority.pem"
        self._known: dict[str, DesktopGuest] = {}
        self._states: dict[str, str] = {}

    def with_passwords(self, care: Care) -> DesktopGuest:
        """One whose servers want passwords where the release has that, with all for the agent."""
        return self._lend(WITH_PASSWORDS, care, self._describe_closed)

    def open(self, care: Care) -> DesktopGuest:
        """One whose SPICE server wants no password, in clear and encrypted."""
        return self._lend("open", care, self._describe_open)

    def served(self, name: str, care: Care) -> bool:
        """Whether a guest that asks for something, by its name in the profile, gets it; removed after the check."""
        return SERVICES[name](care.take_over(self._make_guest(name in OF_FIRMWARE)))

    def _lend(self, name: str, care: Care, describe: Callable[[], Desktop]) -> DesktopGuest:
        """The guest of this name, as `describe` says; raises GuestError, for each check, where it did not start."""
        if name in self._known and self._known[name].guest.is_lost():
            self.remove(name)
        if name not in self._known:
            self._known[name] = made = self._make(describe())
            care.take(made.guest)
            self._states[name] = made.start()
        else:
            care.take(self._known[name].guest)
        if self._states[name] != RUNNING:
            raise GuestError(f"the guest with a screen did not start: {self._states[name]}")
        return self._known[name]

    def _make(self, desktop: Desktop) -> DesktopGuest:
        return DesktopGuest(self._make_guest(True), desktop)

    def _describe_closed(self) -> Desktop:
        (port,) = self._folder.lease_ports(1)
        spice, vnc = (
            "" if why_not_served(self._profile, name) else secrets.token_hex(4)
            for name in ("spice_password", "vnc_password")
        )
        return Desktop(port, password=spice, vnc=True, vnc_password=vnc, agent=True)

    def _describe_open(self) -> Desktop:
        port, tls_port = self._folder.lease_ports(2)
        folder = f"{self._folder.path}/certificates"
        self.authority.write_bytes(put_certificates(self._dom0, folder))
        return Desktop(port, tls_port, folder)

    def try_to_start(self, care: Care, desktop: Desktop) -> str:
        """How far another guest comes; it is removed at the end of the check."""
        made = self._make(desktop)
        care.take_over(made.guest)
        return made.start()

    def remove(self, name: str) -> None:
        """Remove the guest of this name; the next check that asks gets another one."""
        self._known.pop(name).guest.remove()

    def close(self) -> None:
        """Remove all."""
        remove_all(made.guest for made in self._known.values())
        self._known.clear()


def why_not_served(profile: Profile, name: str) -> str:
    """Why no guest of this release can have it, "" where the profile does not say so."""
    promised = profile.get("guest", name, "served")
    return f"{profile.name} cannot serve it: {promised.source}" if promised and promised.value is False else ""
