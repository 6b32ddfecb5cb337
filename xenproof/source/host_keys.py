"""Pinned host keys: the entries of a known_hosts file for a host."""

import base64
import binascii
import fnmatch
import hashlib
import hmac
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from xenproof.errors import SourceError

DEFAULT_PINS = Path("~/.ssh/known_hosts")
_MAX_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class HostKey:
    """A public host key: its type, such as `ssh-ed25519`, and its bytes as on the wire."""

    type: str
    blob: bytes

    @property
    def fingerprint(self) -> str:
        """The fingerprint as OpenSSH prints it: `SHA256:` and unpadded base64."""
        return "SHA256:" + base64.b64encode(hashlib.sha256(self.blob).digest()).decode().rstrip("=")

    def __str__(self) -> str:
        return f"{self.type} {self.fingerprint}"


@dataclass(frozen=True, slots=True)
class _Line:
    patterns: tuple[str, ...]
    key: HostKey
    revoked: bool


@dataclass(frozen=True, slots=True)
class HostKeys:
    """The keys that a known_hosts file pins; `path` is the file for new pins."""

    path: Path
    lines: tuple[_Line, ...]

    @staticmethod
    def read(path: Path = DEFAULT_PINS) -> "HostKeys":
        """The pins in the file `path`, none if it does not exist; raises SourceError if it cannot be read."""
        try:
            path = path.expanduser()
            with path.open("rb") as file:
                data = file.read(_MAX_BYTES + 1)
        except FileNotFoundError:
            data = b""
        except (OSError, RuntimeError) as error:  # RuntimeError: a user without a home
            why = getattr(error, "strerror", None) or error
            raise SourceError(f"cannot read the pinned host keys in {path}: {why}") from error
        if len(data) > _MAX_BYTES:
            raise SourceError(f"cannot read the pinned host keys in {path}: more than {_MAX_BYTES} bytes")
        text = data.decode("utf-8", "replace")
        return HostKeys(path, tuple(_lines(text)))

    def pinned(self, host: str, port: int) -> list[HostKey]:
        """The keys pinned for `host` at `port`, without revoked ones, in the file's order."""
        name = known_name(host, port)
        revoked = {line.key for line in self.lines if line.revoked and _names(line.patterns, name)}
        pinned = (line.key for line in self.lines if not line.revoked and _names(line.patterns, name))
        return [key for key in dict.fromkeys(pinned) if key not in revoked]

    def pin_command(self, host: str, port: int, key: HostKey) -> str:
        """The shell command that pins `key` for `host`."""
        line = f"{known_name(host, port)} {key.type} {base64.b64encode(key.blob).decode()}"
        return f"echo {shlex.quote(line)} >> {shlex.quote(str(self.path))}"

    def forget_command(self, host: str, port: int) -> str:
        """The shell command that removes every pin of `host`."""
        return f"ssh-keygen -R {shlex.quote(known_name(host, port))} -f {shlex.quote(str(self.path))}"


def known_name(host: str, port: int) -> str:
    """The name of a host in a known_hosts file: `xen1`, or `[xen1]:2222` if the port is not 22."""
    return host.lower() if port == 22 else f"[{host.lower()}]:{port}"


def _lines(text: str) -> Iterator[_Line]:
    # xen1,10.0.0.1 ssh-ed25519 AAAA... a comment
    # @revoked *.example.org ssh-rsa AAAA...
    for line in text.splitlines():
        words = line.split()
        marker = words.pop(0) if words and words[0].startswith("@") else ""
        # A line that OpenSSH skips pins nothing; the key of a certificate authority is not a host key.
        if len(words) < 3 or words[0].startswith("#") or marker not in ("", "@revoked"):
            continue
        try:
            blob = base64.b64decode(words[2], validate=True)
        except (binascii.Error, ValueError):
            continue
        yield _Line(tuple(words[0].split(",")), HostKey(words[1], blob), marker == "@revoked")


def _names(patterns: tuple[str, ...], name: str) -> bool:
    if any(pattern.startswith("!") and _matches(pattern[1:], name) for pattern in patterns):
        return False
    return any(_matches(pattern, name) for pattern in patterns)


def _matches(pattern: str, name: str) -> bool:
    if pattern.startswith("|1|"):  # |1|SALT|HMAC-SHA1 of the name|, both base64
        try:
            salt, digest = (base64.b64decode(part, validate=True) for part in pattern[3:].split("|"))
        except (binascii.Error, ValueError):
            return False
        return hmac.compare_digest(hmac.new(salt, name.encode(), hashlib.sha1).digest(), digest)
    # Only * and ? are special in a known_hosts file; brackets belong to the name.
    return fnmatch.fnmatchcase(name, pattern.lower().replace("[", "[[]"))
