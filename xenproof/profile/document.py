"""One profile file: its YAML as plain data that remembers the line of everything in it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from xenproof.errors import ProfileError
from xenproof.profile.complaint import Place, complaints
from xenproof.profile.schema import DEFAULTS, METADATA

REMOVE = "!remove"
_TAG = "tag:yaml.org,2002:"


@dataclass(frozen=True, slots=True)
class Document:
    """A profile file whose shape is right; what it inherits is not looked at yet.

    `shown` is how messages name the file.  `data` has no removed things in it: `removed` lists the
    place of each.  `lines` knows the line of each key and list item.
    """

    path: Path
    shown: str
    data: Mapping[str, Any]
    lines: Mapping[Place, int]
    removed: tuple[Place, ...]

    def where(self, *place: str | int) -> str:
        """FILE:LINE of the nearest thing at or around `place`."""
        while place and place not in self.lines:
            place = place[:-1]
        return f"{self.shown}:{self.lines.get(place, 1)}"

    @property
    def name(self) -> str:
        """The name that the file gives itself, or that of the file."""
        return str(self.data.get("name", self.path.stem))

    @property
    def families(self) -> Mapping[str, Mapping[str, Mapping[str, Any]]]:
        """Family, entry and attribute of what this file itself says."""
        families: Mapping[str, Mapping[str, Mapping[str, Any]]] = self.data.get("families", {})
        return families


def read_document(path: Path, shown: str) -> Document:
    """The profile file `path`; raises ProfileError with one line for each thing that is wrong in it."""
    text = _text(path, shown)
    try:
        root = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        problem = " ".join(str(error.problem or error.context).split())
        raise ProfileError(f"{shown}:{line}: expected YAML, found a mistake: {problem}") from error
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ProfileError(f"{shown}:{line}: expected printable text, found a control character") from error
    except (YAMLError, RecursionError) as error:
        raise ProfileError(f"{shown}:1: expected YAML, found something else: {type(error).__name__}") from error
    if root is None:
        raise ProfileError(f"{shown}:1: expected a map with name, title, scheme and families, found an empty file")
    reading = _Reading(shown)
    data = reading.value(root, ())
    if problems := sorted({(reading.line(place), message) for place, message in complaints(data, reading.raw)}):
        raise ProfileError("\n".join(f"{shown}:{line}: {message}" for line, message in problems))
    return Document(path, shown, data, reading.lines, tuple(reading.removed))


def _text(path: Path, shown: str) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ProfileError(f"{shown}:1: expected a readable file, found: {error.strerror}") from error
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ProfileError(f"{shown}:{line}: expected UTF-8, found the byte 0x{data[error.start]:02x}") from error


class _Reading:
    """Turns nodes into plain data; `raw` keeps numbers as they were written, for messages."""

    def __init__(self, shown: str) -> None:
        self.shown = shown
        self.lines: dict[Place, int] = {}
        self.raw: dict[Place, str] = {}
        self.removed: list[Place] = []
        self._open: set[int] = set()

    def line(self, place: Place) -> int:
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)

    def value(self, node: Node, place: Place) -> Any:
        self.lines.setdefault(place, node.start_mark.line + 1)
        if isinstance(node, ScalarNode):
            return self._scalar(node, place)
        if id(node) in self._open:  # an anchor that is used inside itself
            raise self._wrong(node, "expected a value, found an alias of what it stands in")
        self._open.add(id(node))
        try:
            if isinstance(node, SequenceNode) and node.tag == f"{_TAG}seq":
                return [self.value(below, (*place, index)) for index, below in enumerate(node.value)]
            if isinstance(node, MappingNode) and node.tag == f"{_TAG}map":
                return self._map(node, place)
        finally:
            self._open.discard(id(node))
        raise self._wrong(node, f"expected plain YAML or {REMOVE} in place of a value, found the tag {node.tag}")

    def _map(self, node: MappingNode, place: Place) -> dict[str, Any]:
        found: dict[str, Any] = {}
        first: dict[str, int] = {}
        for key, node_below in self._keys(node):
            name, line = str(key.value), key.start_mark.line + 1
            if name in first:
                raise self._wrong(key, f"expected each key once, found {name!r} again, first in line {first[name]}")
            first[name] = self.lines[(*place, name)] = line
            if isinstance(node_below, ScalarNode) and node_below.tag == REMOVE:
                self._remove(node_below, (*place, name))
            else:
                found[name] = self.value(node_below, (*place, name))
        return found

    def _keys(self, node: MappingNode) -> Iterator[tuple[ScalarNode, Node]]:
        for key, below in node.value:
            if not isinstance(key, ScalarNode) or not str(key.value).strip() or not str(key.value).isprintable():
                raise self._wrong(key, "expected a name of printable characters as key, found something else")
            if key.tag == f"{_TAG}merge":
                raise self._wrong(key, "expected `extends` or a family's `defaults` to share values, found `<<`")
            yield key, below

    def _remove(self, node: ScalarNode, place: Place) -> None:
        removable = place[0] == "families" and len(place) in (3, 4) and place[2] != DEFAULTS
        if not removable or place[-1] in METADATA or node.value:
            raise self._wrong(
                node,
                f"expected {REMOVE} as the whole value of an inherited entry or attribute, "
                f"found it at {'.'.join(map(str, place))}",
            )
        self.removed.append(place)

    def _scalar(self, node: ScalarNode, place: Place) -> object:
        text = str(node.value)
        kind = str(node.tag).removeprefix(_TAG)
        if kind == "str":
            return text
        self.raw[place] = text
        if kind == "null":
            return None
        if kind == "bool":
            return text.lower() in ("true", "yes", "on")
        if kind == "float":
            return float("nan")  # no attribute takes one; the message quotes the text
        if kind == "int":
            return _whole(text)
        if kind == "timestamp":
            raise self._wrong(node, f'expected a string, number, true or false, found a date; quote it: "{text}"')
        raise self._wrong(node, f"expected plain YAML or {REMOVE} in place of a value, found the tag {node.tag}")

    def _wrong(self, node: Node, message: str) -> ProfileError:
        return ProfileError(f"{self.shown}:{node.start_mark.line + 1}: {message}")


def _whole(text: str) -> int | float:
    """A whole number as YAML writes it: 12, 0x1f, 0o17; one that is too long to be meant is as wrong as a fraction."""
    digits = text.replace("_", "")
    if len(digits) > 20:
        return float("nan")
    try:
        return int(digits, 0)
    except ValueError:  # 0755, which Python does not take with base 0
        return int(digits, 10)
