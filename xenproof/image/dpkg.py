"""The packages in dpkg's database."""

import re
from collections.abc import Iterator

from xenproof.errors import NotEvaluable, ParseError
from xenproof.image.tree import MOST_LINES, MOST_TEXT_BYTES, Tree

STATUS = "/var/lib/dpkg/status"
# Stanzas that an interrupted dpkg has not yet merged into the status file; they replace older ones.
_UPDATES = "/var/lib/dpkg/updates"
_WANTED = ("Package", "Status", "Version", "Architecture", "Conffiles")
_EMPTY_LINES = re.compile(r"\n\n+")
_MOST_PACKAGES = 100_000

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

    Raises ParseError if a stanza is not a package's.
    """
    if tree.file(STATUS) is None:
        return None
    rows = [_row(fields) for fields in dpkg_stanzas(tree).values()]
    return "deb\n" + "".join(f"{row}\n" for row in rows if row[1] != "n")


def dpkg_stanzas(tree: Tree) -> dict[tuple[str, str], dict[str, str]]:
    """The wanted fields of each package, by its name and architecture; the newest stanza if it has several.

    Continuation lines are kept.  Raises NotEvaluable if there are too many packages.
    """
    paths = [STATUS, *(f"{_UPDATES}/{name}" for name in tree.names(_UPDATES) if name.isdecimal())]
    found: dict[tuple[str, str], dict[str, str]] = {}
    count = size = 0
    for path in paths:
        for stanza in _stanzas(tree.text(path) or ""):
            tree.budget.check()
            if (fields := _fields(stanza)) is not None:
                _row(fields)
                found[fields["Package"], fields.get("Architecture", "")] = fields
                count, size = count + 1, size + sum(map(len, fields.values()))
            if count > _MOST_PACKAGES or size > MOST_TEXT_BYTES:
                raise NotEvaluable(
                    f"{STATUS} tells of more than the {_MOST_PACKAGES} packages that are read, or at length"
                )
    return found


def _stanzas(text: str) -> Iterator[str]:
    """The text between empty lines, piece by piece."""
    begin = 0
    for empty in _EMPTY_LINES.finditer(text):
        yield text[begin : empty.start()]
        begin = empty.end()
    yield text[begin:]


def _fields(stanza: str) -> dict[str, str] | None:
    """The wanted fields, None if the stanza has no field at all."""
    if stanza.count("\n") > MOST_LINES:
        raise NotEvaluable(f"{STATUS} has a package of more than the {MOST_LINES} lines that are read")
    fields: dict[str, list[str]] = {}
    name, some = "", False
    for line in stanza.strip("\n").split("\n"):
        if line[:1].isspace():
            if name:
                fields[name].append(line)
            continue
        name, colon, value = line.partition(":")
        some = some or bool(colon and name)
        if colon and name in _WANTED:
            fields[name] = [value.strip()]
        else:
            name = ""
    return {name: "\n".join(lines) for name, lines in fields.items()} if some else None


def _row(fields: dict[str, str]) -> str:
    # Status: install ok installed
    want, error, state = (*fields.get("Status", "").split(), "", "", "")[:3]
    if not fields.get("Package") or want not in _WANT or error not in _ERROR or state not in _STATE:
        raise ParseError(f"expected Package and Status in a stanza of {STATUS}, found {str(fields)[:200]!r}")
    return f"{_WANT[want]}{_STATE[state]}{_ERROR[error]}\t{fields['Package']}\t{fields.get('Version', '')}"
