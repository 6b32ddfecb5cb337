"""The guests with a screen of one run on one host.  Not imported before a check asks for one: it loads cryptography."""

import secrets
from pathlib import Path

from xenproof.errors import GuestError
from xenproof.guest.desktop import RUNNING, Desktop, DesktopGuest, by_firmware, put_certificates
from xenproof.guest.guest import Guest
from xenproof.guest.image import GuestImage
from xenproof.guest.maker import GuestMaker
from xenproof.guest.pool import GuestPool
from xenproof.profile.profile import Profile
from xenproof.suite.guest_teardown import GuestTeardown

WITH_PASSWORDS = "with passwords"
OPEN = "open"


class Desktops:
    """Guests with a screen; each is made when the first check asks for it, and serves all."""

    def __init__(self, make: GuestMaker, image: GuestImage, run_folder: Path, profile: Profile) -> None:
        self._make_guest, self._image, self._profile = make, image, profile
        self.authority = run_folder / "spice-authority.pem"
        self._desktops: dict[str, Desktop] = {}
        self._pool: GuestPool[str, DesktopGuest] = GuestPool(self._make, self._started)

    def with_passwords(self, teardown: GuestTeardown) -> DesktopGuest:
        """One whose servers want passwords where the release has that, with all for the agent.

        Raises GuestError, for each check, where it did not start; so does `open`.
        """
        return self._pool.lend(WITH_PASSWORDS, teardown.take)

    def open(self, teardown: GuestTeardown) -> DesktopGuest:
        """One whose SPICE server wants no password, in clear and encrypted."""
        return self._pool.lend(OPEN, teardown.take)

    def _make(self, name: str) -> Guest:
        desktop = self._describe_closed() if name == WITH_PASSWORDS else self._describe_open()
        guest = self._make_guest(desktop.described(by_firmware(self._image)))
        self._desktops[guest.name] = desktop
        return guest

    def _started(self, guest: Guest) -> DesktopGuest:
        made = DesktopGuest(guest, self._desktops[guest.name])
        if (state := made.start()) != RUNNING:
            raise GuestError(f"the guest with a screen did not start: {state}")
        return made

    def _describe_closed(self) -> Desktop:
        (port,) = self._make_guest.host.lease_ports(1)
        spice, vnc = (
            "" if why_not_served(self._profile, name) else secrets.token_hex(4)
            for name in ("spice_password", "vnc_password")
        )
        return Desktop(port, password=spice, vnc=True, vnc_password=vnc, agent=True)

    def _describe_open(self) -> Desktop:
        host = self._make_guest.host
        port, tls_port = host.lease_ports(2)
        folder = f"{host.folder.path}/certificates"
        self.authority.write_bytes(put_certificates(host.dom0, folder))
        return Desktop(port, tls_port, folder)

    def try_to_start(self, teardown: GuestTeardown, desktop: Desktop) -> str:
        """How far another guest comes; it is removed at the end of the check."""
        guest = teardown.take_over(self._make_guest(desktop.described(by_firmware(self._image))))
        return DesktopGuest(guest, desktop).start()

    def remove(self, name: str) -> None:
        """Remove the guest of this name; the next check that asks gets another one."""
        self._pool.remove(name)

    def close(self) -> None:
        """Remove all."""
        self._pool.close()


def why_not_served(profile: Profile, name: str) -> str:
    """Why no guest of this release can have it, "" where the profile does not say so."""
    promised = profile.get("guest", name, "served")
    return f"{profile.name} cannot serve it: {promised.source}" if promised and promised.value is False else ""
