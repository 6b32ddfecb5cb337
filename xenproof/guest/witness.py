"""Parses what the witness in a guest prints on the console, one fact a line: "XENPROOF1 NAME VALUE"."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from xenproof.errors import ParseError
from xenproof.guest.image.guest_image import BLOCK, BLOCKS

# Such as "XENPROOF1 vcpus 1"; GRUB puts cursor movements before its own.
_FACT = re.compile(r"XENPROOF1 ([a-z_]+)(?: ([^\r\n]*))?\r*\n")
_TOKEN = re.compile(r"[0-9a-f]{32}\Z")
_NONCE = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_NUMBER = re.compile(r"[1-9]\d{0,9}\Z")
# Facts that it prints repeatedly: by itself, or on request.
_REPEATED = frozenset({"beat", "told", "first_line", "synced", "menu_set"})
# Such as: 3 0c5f... 61.20 1796000000 113724 0-1 xvda,xvda1,xvda2; eth0;
_TOLD = re.compile(r"(\d{1,9}) (\S{36}) (\d{1,9}\.\d\d) (\d{1,12}) (\d{1,10}) ([\d,-]+) ([a-z0-9,]*); ([a-z0-9,]*);\Z")


@dataclass(frozen=True, slots=True)
class Witness:
    """What the witness reported about its boot.

    `loader` is the platform that GRUB printed, `token` what the guest read from its disk, `nonce` a random
    identifier of this boot, `virtualizes` its processor's extension for nested guests ("svm", "vmx", "no"),
    `read_back` the sha256 of what it wrote to its disk and read again.
    """

    loader: str
    release: str
    cmdline: str
    memory_kib: int
    vcpus: int
    virtualizes: str
    token: str
    menu: str
    nonce: str
    read_back: str

    @property
    def pattern_sha256(self) -> str:
        """The sha256 of what the guest must write, from its token and nonce."""
        return pattern_sha256(self.token, self.nonce)


@dataclass(frozen=True, slots=True)
class WitnessStatus:
    """The status of a guest at one moment, as its witness reports it.

    `asked` is the number of the request, `nonce` identifies the boot, `uptime_s` is from its monotonic clock, `clock`
    in seconds since 1970, `processors` are those in use as the kernel lists them, such as "0-1".
    """

    asked: int
    nonce: str
    uptime_s: float
    clock: int
    memory_kib: int
    processors: str
    disks: tuple[str, ...]
    networks: tuple[str, ...]


def statuses(console: str) -> Iterator[WitnessStatus]:
    """Each status that the witness has printed so far; raises ParseError for another shape."""
    for name, value in facts(console):
        if name == "told":
            if (match := _TOLD.match(value)) is None:
                raise ParseError(f"the witness printed the status {value[:200]!r}, expected {_TOLD.pattern}")
            asked, nonce, uptime, clock, memory, processors, disks, networks = match.groups()
            yield WitnessStatus(
                int(asked), nonce, float(uptime), int(clock), int(memory), processors,
                tuple(filter(None, disks.split(","))), tuple(filter(None, networks.split(","))),
            )  # fmt: skip


def pattern_sha256(token: str, nonce: str) -> str:
    """The sha256 of the blocks that a guest with this token writes in the boot with this nonce."""
    line = f"{token} {nonce}\n".encode()
    size = BLOCK * BLOCKS
    return hashlib.sha256((line * (size // len(line) + 1))[:size]).hexdigest()


def block_of(token: str, nonce: str, device: str, number: int) -> bytes:
    """The block of this number that a guest with this token writes to `device` on request, in the boot of `nonce`."""
    line = f"{token} {nonce} {device} {number}\n".encode()
    return (line * (BLOCK // len(line) + 1))[:BLOCK]


def facts(console: str) -> Iterator[tuple[str, str]]:
    """The name and value of each complete line of the witness so far."""
    for match in _FACT.finditer(console):
        yield match[1], match[2] or ""


def parse_witness(console: str) -> Witness:
    """The witness's report of its boot, once it is ready.

    Raises ParseError where a fact is missing, repeated or of another shape, or where the witness
    itself reports a problem.
    """
    values: dict[str, str] = {}
    problems: list[str] = []
    for name, value in facts(console):
        if name == "problem":
            problems.append(value)
        elif name in _REPEATED:
            continue
        elif name in values:
            raise ParseError(f"the witness printed {name!r} twice, first {values[name][:200]!r}, then {value[:200]!r}")
        else:
            values[name] = value
    if problems:
        raise ParseError(f"the witness has a problem: {'; '.join(problems)[:500]}")
    if "ready" not in values:
        raise ParseError(f"the witness is not ready; so far it printed {sorted(values)}")
    return Witness(
        values.get("grub", ""),
        _of(values, "release", re.compile(r"\S+\Z")),
        _of(values, "cmdline", re.compile(r".+\Z")),
        int(_of(values, "memory_kib", _NUMBER)),
        int(_of(values, "vcpus", _NUMBER)),
        _of(values, "virtualizes", re.compile(r"(svm|vmx|no)\Z")),
        _of(values, "token", _TOKEN),
        _of(values, "menu", re.compile(r".+\Z")),
        _of(values, "nonce", _NONCE),
        _of(values, "read_back", _SHA256),
    )


def _of(values: dict[str, str], name: str, shape: re.Pattern[str]) -> str:
    if (value := values.get(name)) is None:
        raise ParseError(f"the witness is ready but never printed {name!r}; it printed {sorted(values)}")
    if not shape.match(value):
        raise ParseError(f"the witness printed {name} {value[:200]!r}, expected {shape.pattern}")
    return value
