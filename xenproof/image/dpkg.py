"""The packages in dpkg's database."""

from collections.abc import Iterator

from xenproof.errors import ParseError
from xenproof.image.tree import Tree

STATUS = "/var/lib/dpkg/status"
# Stanzas that an interrupted dpkg has not yet merged into the status file; they replace those there.
_UPDATES = "/var/lib/dpkg/updates"

# The words of a package's Status as the letters of ${db:Status-Abbrev}.
_WANT = {"unknown": "u", "install": "i", "hold": "h", "deinstall": "r", "purge": "p"}
_ERROR = {"ok": " ", "reinstreq": "R"}
_STATE = {
    "not-installed": "n",
    "config-files": "c",
    "half-installed": "H",
    "unpacked": "U",
    "half-configured": "F",
    "triggers-awaited": "W",
    "triggers-pending": "t",
    "installed": "i",
}


def dpkg_packages(tree: Tree) -> str | None:
    """The packages as 'dpkg-query -W' of the probe prints them, None if the image has no such database.

    Raises ParseError if a stanza is no package's.
    """
    if tree.file(STATUS) is None:
        return None
    rows = [_row(fields) for fields in dpkg_stanzas(tree)]
    return "deb\n" + "".join(f"{row}\n" for row in rows if row[1] != "n")


def dpkg_stanzas(tree: Tree) -> Iterator[dict[str, str]]:
    """The fields of each package in the database, the newest where it has several; lines that go on are kept."""
    updates = [tree.text(f"{_UPDATES}/{name}") or "" for name in tree.names(_UPDATES) if name.isdecimal()]
    found: dict[tuple[str, str], dict[str, str]] = {}
    for text in [tree.text(STATUS) or "", *updates]:
        for stanza in text.split("\n\n"):
            if fields := _fields(stanza):
                _row(fields)
                found[fields["Package"], fields.get("Architecture", "")] = fields
    yield from found.values()


def _fields(stanza: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    name = ""
    for line in stanza.strip("\n").split("\n"):
        if line[:1].isspace():
            if name:
                fields[name] += f"\n{line}"
            continue
        name, colon, value = line.partition(":")
        if colon and name:
            fields[name] = value.strip()
        else:
            name = ""
    return fields


def _row(fields: dict[str, str]) -> str:
    # Status: install ok installed
    want, error, state = (*fields.get("Status", "").split(), "", "", "")[:3]
    if not fields.get("Package") or want not in _WANT or error not in _ERROR or state not in _STATE:
        raise ParseError(f"expected Package and Status in a stanza of {STATUS}, found {str(fields)[:200]!r}")
    return f"{_WANT[want]}{_STATE[state]}{_ERROR[error]}\t{fields['Package']}\t{fields.get('Version', '')}"
