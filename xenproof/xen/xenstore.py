"""Xenstore as `xenstore-ls -f` prints it: every path with its value."""

import re
from collections.abc import Mapping

from xenproof.errors import ParseError
from xenproof.source.connection import Connection, quoted

# Such as: /local/domain/1/console/tty = "/dev/pts/0"
_LINE = re.compile(r'(/\S*) = "(.*)"\Z')
# A node whose value could not be read any more, as its guest went away meanwhile.
_GONE = re.compile(r"/\S*:\Z")
# xenstore-ls writes each byte that is not printable as \t, \n, \r, \\, \007 or \xc3.
_ESCAPE = re.compile(rb"\\(?:([0-7]{3})|x([0-9a-f]{2})|(.))")
_NAMED = {b"t": b"\t", b"n": b"\n", b"r": b"\r"}


def parse_xenstore(text: str) -> dict[str, str]:
    """Paths and values of `xenstore-ls -f`; raises ParseError for another shape or no row at all."""
    rows: dict[str, str] = {}
    for line in text.split("\n"):
        if not line or _GONE.match(line):
            continue
        if (match := _LINE.match(line)) is None:
            raise ParseError(f'xenstore-ls printed {line[:200]!r}, expected PATH = "VALUE"')
        rows[match[1]] = _value(match[2])
    if not rows:
        raise ParseError("xenstore-ls printed no path at all, expected at least those of dom0")
    return rows


def read_xenstore(dom0: Connection, *paths: str) -> dict[str, str]:
    """The nodes below `paths`; raises CommandFailed or ParseError where one of the paths cannot be read.

    Each node costs a round trip in dom0, so name no more than is needed.
    """
    command = " && ".join(quoted("xenstore-ls", "-f", path) for path in paths)
    return parse_xenstore(dom0.run(command, limit_s=90).check().text)


def below(store: Mapping[str, str], path: str) -> dict[str, str]:
    """The part of `store` below `path`, with relative paths: "console/tty" below "/local/domain/1"."""
    prefix = path.rstrip("/") + "/"
    return {key[len(prefix) :]: value for key, value in store.items() if key.startswith(prefix)}


def _value(text: str) -> str:
    """The value that was printed as `text`; bytes that are not UTF-8 become U+FFFD."""
    return _ESCAPE.sub(_unescaped, text.encode("utf-8", "replace")).decode("utf-8", "replace") if "\\" in text else text


def _unescaped(match: re.Match[bytes]) -> bytes:
    if match[1] or match[2]:
        return bytes([int(match[1], 8) & 0xFF if match[1] else int(match[2], 16)])
    return _NAMED.get(match[3], match[3])
