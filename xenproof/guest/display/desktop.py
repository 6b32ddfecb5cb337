"""A guest with a screen: an HVM guest, whose qemu serves it by SPICE and by VNC on dom0's loopback."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from xenproof.errors import NotEvaluable, ParseError
from xenproof.guest.description import GuestDescription
from xenproof.guest.display import spice, vnc
from xenproof.guest.display.certificates import AUTHORITY, certificates
from xenproof.guest.display.screen import Picture, screen
from xenproof.guest.guest import Guest
from xenproof.guest.image.guest_image import GuestImage
from xenproof.plain import first_lines
from xenproof.source.connection import Connection, Forwards, quoted
from xenproof.source.forward import LOOPBACK
from xenproof.xen.backend import DiskBackend
from xenproof.xlcfg.config import Setting, Start

CERTIFIED = "xenproof-guest"
"""The name in the certificate of an encrypted server."""
RUNNING = "running"
LET_IN = "let in, with a screen"
REFUSED = "refused"
UNTRUSTED = "not trusted"
MEMORY_MIB = 128
_ANSWER_LIMIT_S = 60.0
_CREATE_LIMIT_S = 300.0


def by_firmware(image: GuestImage) -> GuestDescription:
    """An HVM guest that its firmware starts: only HVM guests have a screen."""
    return GuestDescription(image, DiskBackend.QDISK, Start(firmware=True), started_by="firmware")


@dataclass(frozen=True, slots=True)
class Desktop:
    """How a guest's screen is served: the ports in dom0, and the passwords, "" for a server that requires none.

    `certificates` is the folder in dom0 with the keys for the encrypted `tls_port`.
    """

    port: int
    tls_port: int = 0
    certificates: str = ""
    password: str = ""
    vnc: bool = False
    vnc_password: str = ""
    agent: bool = False

    def settings(self) -> Mapping[str, Setting]:
        """The settings in the guest's configuration."""
        found: dict[str, Setting] = {
            "spice": 1, "spicehost": LOOPBACK, "spiceport": self.port, "spicedisable_ticketing": int(not self.password),
            "vnc": int(self.vnc), "serial": "pty",
        }  # fmt: skip
        if self.password:
            found["spicepasswd"] = self.password
        if self.tls_port:
            found["spicetls_port"] = self.tls_port
            found["device_model_args_hvm"] = ["-spice", f"x509-dir={self.certificates}"]
        if self.agent:
            found |= {"spicevdagent": 1, "spice_clipboard_sharing": 1, "spiceagent_mouse": 1}
        if self.vnc:
            found |= {"vnclisten": LOOPBACK, "vncunused": 1}
        if self.vnc_password:
            found["vncpasswd"] = self.vnc_password
        return found

    def described(self, description: GuestDescription) -> GuestDescription:
        """The same guest with this screen; `description` must be of an HVM guest that its firmware starts."""
        return replace(description, memory_mib=MEMORY_MIB, more=self.settings())


class DesktopGuest:
    """An HVM guest with a screen."""

    def __init__(self, guest: Guest, desktop: Desktop) -> None:
        """`guest` was made with the settings of `desktop`, and is not defined yet."""
        self.guest, self.desktop = guest, desktop

    @property
    def dom0(self) -> Connection:
        """The connection to the host where the guest is."""
        return self.guest.dom0

    def start(self) -> str:
        """Define and start the guest; returns RUNNING, or why there is no domain."""
        self.guest.define()
        created = self.guest.create(_CREATE_LIMIT_S)
        if created.domid < 1:
            return f"no domain: {first_lines(created.problem, 300)}"
        self.dom0.run(self.guest.description.toolstack.resume_command(self.guest.name)).check()
        return RUNNING

    @contextmanager
    def spice(self, password: str = "", *, ca: Path | None = None) -> Iterator[spice.SpiceSession]:
        """A SPICE session with the guest, encrypted if `ca` is given; raises what `spice.session` raises."""
        port = self.desktop.tls_port if ca else self.desktop.port
        with (
            _forward(self.dom0, port) as ours,
            spice.session(
                spice.SpiceAddress(LOOPBACK, ours, ca, CERTIFIED), password, limit_s=_ANSWER_LIMIT_S
            ) as session,
        ):
            yield session

    @contextmanager
    def vnc(self, password: str) -> Iterator[vnc.VncSession]:
        """A VNC session with the guest; raises what `vnc.session` raises."""
        with (
            _forward(self.dom0, self.vnc_port()) as ours,
            vnc.session(LOOPBACK, ours, password, limit_s=_ANSWER_LIMIT_S) as session,
        ):
            yield session

    def by_spice(self, password: str = "", *, ca: Path | None = None) -> str:
        """The result of a SPICE client: LET_IN where it gets a screen, "refused: REASON", UNTRUSTED, or the error."""
        try:
            with self.spice(password, ca=ca) as session:
                session.first_surface()
        except spice.SpiceRefused as refused:
            return f"refused: {refused.result.name}"
        except spice.SpiceUntrusted:
            return UNTRUSTED
        except spice.SpiceError as error:
            return str(error)
        return LET_IN

    def by_vnc(self, password: str) -> str:
        """The result of a VNC client: LET_IN where it gets a screen, REFUSED, or the error."""
        try:
            with self.vnc(password) as session:
                session.picture()
        except vnc.VncRefused:
            return REFUSED
        except vnc.VncError as error:
            return str(error)
        return LET_IN

    def vnc_port(self) -> int:
        """The port of the guest's VNC server, from xenstore; raises ParseError where there is none."""
        path = f"/local/domain/{self.guest.domid}/console/vnc-port"
        found = self.dom0.run(quoted("xenstore-read", path)).text.strip()
        if not re.fullmatch(r"[0-9]{1,5}", found):
            raise ParseError(f"{path} is {found[:100]!r}, expected a port")
        return int(found)

    def qemu_words(self) -> list[str]:
        """The command line of the guest's qemu, split into words."""
        script = f"ps -ww -e -o args= | grep -e '[-]xen-domid {self.guest.domid:d} '"
        return self.dom0.run(script).text.split()


@dataclass(frozen=True, slots=True)
class Screens:
    """One screen, read in three ways; by SPICE only its size."""

    by_qemu: Picture
    by_vnc: Picture
    by_spice: tuple[int, int]


def screens(desktop: DesktopGuest) -> Screens:
    """The screen of the guest, read in three ways one after the other; raises what each of them raises."""
    by_qemu = screen(desktop.guest)
    with desktop.vnc(desktop.desktop.vnc_password) as by_vnc:
        picture = Picture(by_vnc.picture())
    with desktop.spice(desktop.desktop.password) as by_spice:
        surface = by_spice.first_surface()
    return Screens(by_qemu, picture, (surface.width, surface.height))


# Each option is recognized by words of qemu's command line.
AGENT_OPTIONS: Mapping[str, Callable[[Sequence[str]], bool]] = {
    "the agent's channel": lambda words: any("spicevmc" in word and "vdagent" in word for word in words),
    "the agent's port": lambda words: any("com.redhat.spice.0" in word for word in words),
    "agent-mouse": lambda words: any("agent-mouse=on" in word for word in words),
    "sharing of the clipboard": lambda words: not any("disable-copy-paste" in word for word in words),
}


def another_authority(folder: Path) -> Path:
    """The certificate of an authority that has certified no guest."""
    path = folder / AUTHORITY
    path.write_bytes(certificates(CERTIFIED)[AUTHORITY])
    return path


def put_certificates(dom0: Connection, folder: str) -> bytes:
    """Write the files for an encrypted port to a folder in dom0; returns the certificate of its authority."""
    files = certificates(CERTIFIED)
    dom0.run(f"mkdir -p -m 700 {quoted(folder)}").check()
    for name, data in files.items():
        dom0.run(f"cat >{quoted(f'{folder}/{name}')}", stdin=data).check()
    return files[AUTHORITY]


def _forward(dom0: Connection, port: int) -> AbstractContextManager[int]:
    if not isinstance(dom0, Forwards):
        raise NotEvaluable(f"ports of {dom0.url} cannot be reached from here; use ssh://user@host")
    return dom0.forward(port)
