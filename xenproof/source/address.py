"""The URLs with which a user names a host or a stored state of one."""

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from urllib.parse import unquote

from xenproof.errors import UsageError
from xenproof.source.lab_name import FORM, LabName, numbered

SSH_PORT = 22
ROOT = "root"


class Scheme(StrEnum):
    """The kinds of sources; the value is the URL's scheme."""

    SSH = "ssh"
    LOCAL = "local"
    LAB = "lab"
    RECORDING = "recording"
    IMAGE = "image"
    SUPPORTCONFIG = "supportconfig"


FORMS = {
    Scheme.SSH: "ssh://[user@]host[:port]",
    Scheme.LOCAL: "local://",
    Scheme.LAB: f"lab://{FORM} or lab://FILE.qcow2",
    Scheme.RECORDING: "recording://PATH",
    Scheme.IMAGE: "image://PATH",
    Scheme.SUPPORTCONFIG: "supportconfig://PATH",
}

# A host name: `xen1`, `xen-1.example.org`; other programs would take a leading dash for an option.
_HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\Z")
# A user name: `root`, `svc.xen`, `DOMAIN+joe`.
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*\Z")
_DISKS = (".qcow2", ".raw", ".img")
# `[user@]host[:port]` with an IPv6 host in brackets: `root@[fe80::1%eth0]:2222`.
_AUTHORITY = re.compile(r"(?:(?P<user>[^@]*)@)?(?:\[(?P<six>[^\]]*)\]|(?P<host>[^:@\[\]]*))(?::(?P<port>.*))?\Z")


@dataclass(frozen=True, slots=True)
class Address:
    """A parsed URL; the fields that its scheme does not use keep their defaults.

    `host` is a name or an IP address without brackets; `user` is root if the URL names none,
    because the checks need root.  `lab` is set for hosts of the lab's recipes, `path` for recordings, images,
    supportconfigs and disks that the lab boots.
    """

    url: str
    scheme: Scheme
    host: str = ""
    port: int = SSH_PORT
    user: str = ROOT
    lab: LabName | None = None
    path: Path | None = None

    @property
    def offline(self) -> bool:
        """Whether it is a stored state of a host."""
        return self.scheme in (Scheme.RECORDING, Scheme.IMAGE, Scheme.SUPPORTCONFIG)


def parse_urls(text: str) -> list[Address]:
    """The addresses in a comma-separated list; raises UsageError if one is wrong, named twice or missing.

    A lab host that is named again is another host, with a number in its URL: `lab://debian12#2`.
    """
    addresses = _numbered([parse_url(part.strip()) for part in text.split(",") if part.strip()])
    if not addresses:
        raise UsageError(f"no host is named; expected one or more of: {_known()}")
    urls = [address.url for address in addresses]
    if twice := sorted({url for url in urls if urls.count(url) > 1}):
        raise UsageError(f"{', '.join(twice)} is named more than once; name each host once")
    return addresses


def _numbered(addresses: Sequence[Address]) -> list[Address]:
    names = iter(numbered([address.lab for address in addresses if address.lab is not None]))
    return [
        replace(address, url=f"{Scheme.LAB}://{name}", lab=name)
        if address.lab is not None and (name := next(names)) != address.lab
        else address
        for address in addresses
    ]


def parse_url(url: str) -> Address:
    """The address that `url` names; raises UsageError with what was expected and what was found.

    >>> parse_url("ssh://xen1:2222").port
    2222
    """
    name, separator, rest = url.partition("://")
    if not separator:
        raise UsageError(f"{url!r} is no URL; expected one of: {_known()} (for a host over ssh: 'ssh://root@{url}')")
    try:
        scheme = Scheme(name)
    except ValueError:
        raise UsageError(f"the scheme {name!r} is unknown; expected one of: {_known()}") from None
    match scheme:
        case Scheme.SSH:
            return _ssh(url, rest)
        case Scheme.LOCAL:
            if rest:
                raise UsageError(f"expected {FORMS[scheme]!r}, which names this machine, found {url!r}")
            return Address(url, scheme)
        case Scheme.LAB:
            if rest.endswith(_DISKS):
                return Address(url, scheme, path=Path(rest).expanduser())
            return Address(url, scheme, lab=LabName.parse(rest))
        case Scheme.RECORDING | Scheme.IMAGE | Scheme.SUPPORTCONFIG:
            if not rest:
                raise UsageError(f"expected a path in {FORMS[scheme]!r}, found {url!r}")
            return Address(url, scheme, path=Path(rest).expanduser())


def _ssh(url: str, rest: str) -> Address:
    form = FORMS[Scheme.SSH]
    # More than one colon outside of brackets does not begin a port: it is an IPv6 address, `fe80::1`.
    if (found := _AUTHORITY.match(rest)) and ":" not in (found["port"] or ""):
        user = ROOT if found["user"] is None else unquote(found["user"])
        if ":" in user:
            # The URL contains a password, so it is not quoted here.
            raise UsageError(f"a URL holds no password; expected {form!r} and a key for the login")
        if not _USER.match(user):
            raise UsageError(f"expected a user name before '@' in {form!r}, found {user!r} in {url!r}")
        return Address(url, Scheme.SSH, _host(url, found["six"], found["host"]), _port(url, found["port"]), user)
    raise UsageError(f"expected {form!r} (an IPv6 address in brackets: 'ssh://[fe80::1]:22'), found {url!r}")


def _host(url: str, six: str | None, name: str) -> str:
    if six is not None:
        try:
            return str(ipaddress.IPv6Address(unquote(six)))
        except ValueError:
            raise UsageError(f"expected an IPv6 address in the brackets of {url!r}, found {six!r}") from None
    if not name:
        raise UsageError(f"expected a host in {FORMS[Scheme.SSH]!r}, found none in {url!r}")
    if not _HOST.match(name):
        raise UsageError(f"expected a host name or an address and nothing after it, found {name!r} in {url!r}")
    return name


def _port(url: str, text: str | None) -> int:
    if text is None:
        return SSH_PORT
    if not re.fullmatch(r"[0-9]{1,5}", text) or not 1 <= int(text) <= 65535:
        raise UsageError(f"expected a port from 1 to 65535 after ':', found {text!r} in {url!r}")
    return int(text)


def _known() -> str:
    return ", ".join(FORMS.values())
