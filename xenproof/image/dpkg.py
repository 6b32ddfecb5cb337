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
    if (status := tree.text(STATUS)) is None:
        return None
    found: dict[tuple[str, str], str] = {}
    updates = [tree.text(f"{_UPDATES}/{name}") or "" for name in tree.names(_UPDATES) if name.isdecimal()]
    for text in [status, *updates]:
        for fields in _stanzas(text):
            row = _row(fields)
            found[fields["Package"], fields.get("Architecture", "")] = row
    return "deb\n" + "".join(f"{row}\n" for row in found.values() if row[1] != "n")


def _stanzas(text: str) -> Iterator[dict[str, str]]:
    for stanza in text.split("\n\n"):
        fields: dict[str, str] = {}
        for line in stanza.strip("\n").split("\n"):
            name, colon, value = line.partition(":")
            if colon and name and not name[0].isspace():
                fields[name] = value.strip()
        if fields:
            yield fields


def _row(fields: dict[str, str]) -> str:
    # Status: install ok installed
    want, error, state = (*fields.get("Status", "").split(), "", "", "")[:3]
    if not fields.get("Package") or want not in _WANT or error not in _ERROR or state not in _STATE:
        raise ParseError(f"expected Package and Status in a stanza of {STATUS}, found {str(fields)[:200]!r}")
    return f"{_WANT[want]}{_STATE[state]}{_ERROR[error]}\t{fields['Package']}\t{fields.get('Version', '')}"
