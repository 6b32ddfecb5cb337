"""One profile file: its YAML as plain data, with the line of every value."""

import heapq
import os
import stat
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from xenproof.errors import ProfileError
from xenproof.profile.complaint import MOST_PROBLEMS, Place, complaints, dotted, listed, quoted
from xenproof.profile.schema import DEFAULTS, METADATA

REMOVE = "!remove"
# Our largest file has 38 kB.  The worst YAML of 256 KiB takes 20 s and 100 MiB of memory.
MOST_BYTES = 256 << 10
MOST_VALUES = 100_000  # in a file; an alias counts as many as the values it stands for
_MOST_DEPTH = 16
_LONGEST_KEY, _LONGEST_TEXT = 1000, 20_000
_LONGEST_PROBLEM = 200
_TAG = "tag:yaml.org,2002:"


@dataclass(frozen=True, slots=True)
class Document:
    """A profile file whose structure is valid; its parents are not read yet.

    `shown` is the file's name in messages.  `data` does not contain removed things: `removed` lists the
    place of each.  `lines` has the line of each key and list item.
    """

    path: Path
    shown: str
    data: Mapping[str, Any]
    lines: Mapping[Place, int]
    removed: tuple[Place, ...]

    @property
    def size(self) -> int:
        """The number of values in the file."""
        return len(self.lines)

    def where(self, *place: str | int) -> str:
        """FILE:LINE of the nearest thing at or around `place`."""
        while place and place not in self.lines:
            place = place[:-1]
        return f"{self.shown}:{self.lines.get(place, 1)}"

    @property
    def name(self) -> str:
        """The profile's name as the file states it, else the name of the file."""
        return str(self.data.get("name", self.path.stem))

    @property
    def rolling(self) -> bool:
        """Whether it is of a release without fixed content, for which inherited values are only a starting point."""
        return bool(self.data.get("rolling", False))

    @property
    def families(self) -> Mapping[str, Mapping[str, Mapping[str, Any]]]:
        """Family, entry and attribute as this file itself states them."""
        families: Mapping[str, Mapping[str, Mapping[str, Any]]] = self.data.get("families", {})
        return families


def read_document(path: Path, shown: str) -> Document:
    """The profile file `path`; raises ProfileError with one line for each mistake in it."""
    text = _text(path, shown)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they quote the file unescaped
            root = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        problem = " ".join(str(error.problem or error.context)[:_LONGEST_PROBLEM].split())
        problem = problem if problem.isprintable() else repr(problem)
        raise ProfileError(f"{shown}:{line}: expected YAML, found a mistake: {problem}") from error
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ProfileError(f"{shown}:{line}: expected printable text, found a control character") from error
    except Exception as error:  # asserts and conversions in the YAML reader fail on some files
        raise ProfileError(f"{shown}:1: expected YAML, found something else: {type(error).__name__}") from error
    if root is None:
        raise ProfileError(f"{shown}:1: expected a map with name, title, scheme and families, found an empty file")
    reading = _Reading(shown)
    data = reading.value(root, ())
    _check(data, reading)
    return Document(path, shown, data, reading.lines, tuple(reading.removed))


def _text(path: Path, shown: str) -> str:
    try:
        # O_NONBLOCK, so that opening a FIFO does not wait.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise ProfileError(f"{shown}:1: expected a regular file, found something else")
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise ProfileError(f"{shown}:1: expected a readable file, found: {error.strerror}") from error
    except ValueError as error:
        raise ProfileError(f"{quoted(shown)}: expected the path of a file, found one that none can have") from error
    if len(data) > MOST_BYTES:
        raise ProfileError(f"{shown}:1: expected a file of at most {MOST_BYTES >> 10} KiB, found a larger one")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ProfileError(f"{shown}:{line}: expected UTF-8, found the byte 0x{data[error.start]:02x}") from error


def _check(data: object, reading: "_Reading") -> None:
    """Raise ProfileError with each violation of the schema, or with the first ones if there are very many."""
    count = 0

    def counted() -> Iterator[tuple[int, int, Callable[[], str]]]:
        nonlocal count
        for place, write in complaints(data, reading.raw):
            count += 1
            yield reading.line(place), count, write

    first = heapq.nsmallest(MOST_PROBLEMS, counted())
    if first:
        problems = sorted({(line, write()) for line, _, write in first})
        more = count - len(first)
        raise ProfileError(listed([f"{reading.shown}:{line}: {message}" for line, message in problems], more))


class _Reading:
    """Turns nodes into plain data; `raw` keeps numbers as they were written, for messages."""

    def __init__(self, shown: str) -> None:
        self.shown = shown
        self.lines: dict[Place, int] = {}
        self.raw: dict[Place, str] = {}
        self.removed: list[Place] = []
        self._open: set[int] = set()
        self._count = 0

    def line(self, place: Place) -> int:
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)

    def value(self, node: Node, place: Place) -> Any:
        self._count += 1
        if self._count > MOST_VALUES:
            raise self._wrong(
                node, f"expected at most {MOST_VALUES:,} values, each alias counted as what it stands for"
            )
        if len(place) > _MOST_DEPTH:
            raise self._wrong(node, f"expected values that are nested {_MOST_DEPTH} deep at most, found deeper ones")
        self.lines.setdefault(place, node.start_mark.line + 1)
        if isinstance(node, ScalarNode):
            return self._scalar(node, place)
        if id(node) in self._open:  # an anchor that contains an alias to itself
            raise self._wrong(node, "expected a value, found an alias of what it stands in")
        self._open.add(id(node))
        try:
            if isinstance(node, SequenceNode) and node.tag == f"{_TAG}seq":
                return [self.value(below, (*place, index)) for index, below in enumerate(node.value)]
            if isinstance(node, MappingNode) and node.tag == f"{_TAG}map":
                return self._map(node, place)
        finally:
            self._open.discard(id(node))
        raise self._wrong(node, f"expected plain YAML or {REMOVE} in place of a value, found the tag {_tag(node)}")

    def _map(self, node: MappingNode, place: Place) -> dict[str, Any]:
        found: dict[str, Any] = {}
        first: dict[str, int] = {}
        for key, node_below in self._keys(node):
            name, line = str(key.value), key.start_mark.line + 1
            if name in first:
                raise self._wrong(
                    key, f"expected each key once, found {quoted(name)} again, first in line {first[name]}"
                )
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
            if len(str(key.value)) > _LONGEST_KEY:
                raise self._wrong(key, f"expected a name of at most {_LONGEST_KEY:,} characters, found a longer one")
            if key.tag == f"{_TAG}merge":
                raise self._wrong(key, "expected `extends` or a family's `defaults` to share values, found `<<`")
            yield key, below

    def _remove(self, node: ScalarNode, place: Place) -> None:
        removable = place[0] == "families" and len(place) in (3, 4) and place[2] != DEFAULTS
        if not removable or place[-1] in METADATA or node.value:
            raise self._wrong(
                node,
                f"expected {REMOVE} as the whole value of an inherited entry or attribute, found it at {dotted(place)}",
            )
        self.removed.append(place)

    def _scalar(self, node: ScalarNode, place: Place) -> object:
        text = str(node.value)
        if len(text) > _LONGEST_TEXT:
            raise self._wrong(node, f"expected a value of at most {_LONGEST_TEXT:,} characters, found {quoted(text)}")
        kind = str(node.tag).removeprefix(_TAG)
        if kind == "str":
            return text
        self.raw[place] = text
        if kind == "null":
            return None
        if kind == "bool":
            return text.lower() in ("true", "yes", "on")
        if kind == "float":
            return float("nan")  # no attribute accepts NaN; the message quotes the original text
        if kind == "int":
            return _whole(text)
        if kind == "timestamp":
            raise self._wrong(node, f"expected a string, number, true or false, found a date; quote it: {quoted(text)}")
        raise self._wrong(node, f"expected plain YAML or {REMOVE} in place of a value, found the tag {_tag(node)}")

    def _wrong(self, node: Node, message: str) -> ProfileError:
        return ProfileError(f"{self.shown}:{node.start_mark.line + 1}: {message}")


def _tag(node: Node) -> str:
    """A tag if it is printable; a tag may contain any character, written as %1b."""
    tag = str(node.tag)
    return tag if tag.isprintable() and len(tag) <= _LONGEST_PROBLEM else quoted(tag)


def _whole(text: str) -> int | float:
    """A whole number in YAML's forms: 12, 0x1f, 0o17; one that is far too long is rejected as a fraction would be."""
    digits = text.replace("_", "")
    if len(digits) > 20:
        return float("nan")
    try:
        return int(digits, 0)
    except ValueError:  # 0755, which Python does not take with base 0; 1:30 of YAML 1.1, and what a tag calls a number
        return int(digits, 10) if digits.isascii() and digits.isdecimal() else float("nan")
