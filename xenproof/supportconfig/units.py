"""Systemd's units, from systemd.txt: the properties of each loaded unit, and the unit files of the others."""

import re
from collections.abc import Iterable

from xenproof.errors import NotEvaluable, ParseError
from xenproof.probing.sections import UNKNOWABLE
from xenproof.supportconfig.blocks import Blocks

# /usr/bin/systemctl show 'libvirtd.service'   or   ... | sort
_SHOW = re.compile(r"(?:\S*/)?systemctl show '([^']+)'(?: \| sort)?")
_PROPERTIES = ("Id", "LoadState", "ActiveState", "SubState", "UnitFileState")
_LONGEST_VALUE = 512
# xendomains.service   enabled   enabled
_UNIT_FILE = re.compile(r"(\S+\.[a-z]+) +([a-z-]+)(?: +\S+)? *")
_END = re.compile(r"\d+ unit files listed\.|\d+ loaded units listed\..*|LOAD +=.*")
# States that depend on start links, which are not collected.
_OF_SCRIPTS = ("", "bad", "generated")
_LIST_UNITS, _LIST_FILES = "systemctl --no-pager --all list-units", "systemctl --no-pager list-unit-files"


def show_units(blocks: Blocks, names: Iterable[str]) -> str:
    """What 'systemctl show' of the probe would have printed for the units.

    Raises NotEvaluable if systemd.txt is missing, ParseError if it has another form.
    """
    shown = dict(_shown(blocks))
    files = _unit_files(blocks)
    if not shown:
        raise NotEvaluable("this supportconfig has no unit in systemd.txt")
    texts: list[str] = []
    for name in names:
        properties = shown.get(name) or _not_loaded(name, files)
        if properties["UnitFileState"] in _OF_SCRIPTS and properties["LoadState"] != "not-found":
            properties |= {"UnitFileState": f"{UNKNOWABLE}supportconfig does not collect the start links of {name}"}
        texts.append("".join(f"{key}={properties[key]}\n" for key in _PROPERTIES))
    return "\n".join(texts)


def list_units(blocks: Blocks) -> str:
    """The units as 'systemctl list-units' of the probe lists them; raises NotEvaluable if they were not collected."""
    if (block := blocks.command(_LIST_UNITS)) is None or block.is_missing:
        raise NotEvaluable("this supportconfig has no list of units in systemd.txt")
    header, *rows = block.lines or ("",)
    if header.split()[:2] != ["UNIT", "LOAD"]:
        raise ParseError(f"expected the header of `systemctl list-units`, found {header[:80]!r}")
    return "".join(f"{row}\n" for row in _until_end(rows))


def _until_end(rows: Iterable[str]) -> Iterable[str]:
    for row in rows:
        if not row.strip() or _END.fullmatch(row):
            return
        yield row


def _shown(blocks: Blocks) -> Iterable[tuple[str, dict[str, str]]]:
    for block in blocks.commands():
        if (call := _SHOW.fullmatch(block.title)) is None:
            continue
        rows = (line.partition("=") for line in block.lines)
        properties = {name: value for name, equals, value in rows if equals and name in _PROPERTIES}
        # Before systemd 217 UnitFileState may be missing for a unit without a file.
        properties.setdefault("UnitFileState", "")
        if any(len(value) > _LONGEST_VALUE for value in properties.values()):
            raise ParseError(f"expected the state of {call[1]!r} from `systemctl show`, found a very long value")
        if len(properties) == len(_PROPERTIES):
            yield call[1], properties | {"Id": call[1]}


def _unit_files(blocks: Blocks) -> dict[str, str] | None:
    """The state of each unit file, None if the states were not collected."""
    if (block := blocks.command(_LIST_FILES)) is None or block.is_missing:
        return None
    header, *rows = block.lines or ("",)
    if header.split()[:2] != ["UNIT", "FILE"]:
        raise ParseError(f"expected the header of `systemctl list-unit-files`, found {header[:80]!r}")
    found: dict[str, str] = {}
    for line in _until_end(rows):
        if (row := _UNIT_FILE.fullmatch(line)) is None:
            raise ParseError(f"expected a unit file and its state, found {line[:200]!r}")
        found[row[1]] = row[2]
    return found


def _not_loaded(name: str, files: dict[str, str] | None) -> dict[str, str]:
    """What systemd would print about a unit that it has not loaded; such a unit is never active."""
    if files is None:
        reason = f"{UNKNOWABLE}supportconfig does not tell whether there is a unit {name}"
        return dict.fromkeys(_PROPERTIES, reason) | {"Id": name}
    state = files.get(name)
    loaded = "not-found" if state is None else "masked" if state.startswith("masked") else "loaded"
    return {
        "Id": name,
        "LoadState": loaded,
        "ActiveState": "inactive",
        "SubState": "dead",
        "UnitFileState": state or "",
    }
