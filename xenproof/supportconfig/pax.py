"""The extended headers of tar's pax format: the full name of a member; other records are refused or skipped."""

from collections.abc import Iterator
from pathlib import Path

from xenproof.errors import SourceError

# Records that change the size or the content of a member; a size is only needed above 8 GiB.
_REFUSED = ("size", "GNU.sparse.")
_LONGEST_LENGTH = 10


def pax_name(data: bytes, path: Path, *, of_all: bool) -> str:
    """The name that the header `data` gives to the following member, empty if it gives none.

    Raises SourceError if it is damaged or contains what no supportconfig needs, such as one name for
    all members (`of_all`).
    """
    name = ""
    for key, value in _records(data, path):
        if key.startswith(_REFUSED) or (of_all and key == "path"):
            raise SourceError(f"{path} has an extended header with {key[:80]!r}, which no supportconfig has")
        if key == "path":
            name = value.partition(b"\0")[0].decode("utf-8", "replace")
    return name


def _records(data: bytes, path: Path) -> Iterator[tuple[str, bytes]]:
    """Key and value of each record: b"18 path=a/rpm.txt\\n"; the length includes itself and the newline."""
    at = 0
    while at < len(data):
        digits = data[at : at + _LONGEST_LENGTH].partition(b" ")[0]
        end = at + int(digits) if digits.isdigit() else 0
        record = data[at + len(digits) + 1 : end]
        key, equals, value = record.partition(b"=")
        if not equals or end > len(data) or not record.endswith(b"\n"):
            raise SourceError(f"{path} is damaged: its extended header has {data[at : at + 80]!r}")
        yield key.decode("utf-8", "replace"), value[:-1]
        at = end
