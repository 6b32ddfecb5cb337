"""Mistakes in the structure of a profile, as sentences with their place."""

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from xenproof.profile.schema import SCHEMA

Place = tuple[str | int, ...]

MOST_PROBLEMS = 100
_LONGEST_QUOTE = 80
# A longer name is not a typing mistake, and comparing it takes time that grows with the square of its length.
_LONGEST_NAME = 100

# JSON Schema takes 1024.0 for an integer; a profile does not.
_TYPES = Draft202012Validator.TYPE_CHECKER.redefine(
    "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
)


def _unique(_: object, wanted: bool, value: object, __: object) -> Iterator[ValidationError]:
    # jsonschema's own rule compares every pair of items if they are not strings.
    if wanted and isinstance(value, list) and _first_twice(value) is not None:
        yield ValidationError("an item is there twice")


_EXTENDED = extend(Draft202012Validator, {"uniqueItems": _unique}, type_checker=_TYPES)  # type: ignore[no-untyped-call]  # jsonschema's
_VALIDATOR = _EXTENDED(SCHEMA)
_KEYS = {0: "top level key", 2: "family", 3: "entry", 4: "attribute"}


def complaints(data: object, raw: Mapping[Place, str]) -> Iterator[tuple[Place, Callable[[], str]]]:
    """Each violation of the schema in `data`: its place, and a function that writes the sentence about it.

    `raw` holds the text of values that were not written as strings, so that they can be quoted.
    """
    for error in _VALIDATOR.iter_errors(data):
        place = tuple(error.absolute_path)
        if error.validator == "additionalProperties":
            known = list(error.schema["properties"])
            for name in [name for name in error.instance if name not in known]:
                yield (*place, name), partial(_unknown, name, known, place)
        elif "propertyNames" in error.absolute_schema_path:
            found = f"expected {error.schema['description']}, found {quoted(error.instance)}"
            yield (*place, str(error.instance)), partial(str, found)
        else:
            yield place, partial(_wrong, error, place, raw.get(place))


def _wrong(error: ValidationError, place: Place, raw: str | None) -> str:
    assert isinstance(error.schema, Mapping)  # noqa: S101  # all of our schemas are
    return f"{_subject(place)}expected {error.schema['description']}, {_found(error, raw)}"


def nearest(name: str, known: Iterable[str]) -> str:
    """The text "; did you mean X?" if a known name is similar to `name`, else an empty string."""
    close = difflib.get_close_matches(name, list(known), n=1) if len(name) <= _LONGEST_NAME else []
    return f"; did you mean {close[0]!r}?" if close else ""


def _unknown(name: str, known: list[str], place: Place) -> str:
    kind = _KEYS.get(len(place) + 1, "top level key")
    within = f" of {dotted(place[1:])}" if len(place) > 1 else ""
    return (
        f"expected a known {kind}{within}, found {quoted(name)}{nearest(name, known) or '; known: ' + ', '.join(known)}"
    )


def _subject(place: Place) -> str:
    below = place[1:] if place[:1] == ("families",) and len(place) > 1 else place
    words = [word for word in below if isinstance(word, str)]
    return f"{dotted(words)}: " if words else ""


def _found(error: ValidationError, raw: str | None) -> str:
    value: Any = error.instance
    schema: Mapping[str, Any] = error.schema if isinstance(error.schema, Mapping) else {}
    wants = schema.get("type")
    if isinstance(value, dict):
        return "found a map"
    if isinstance(value, list):
        return _found_list(error, value)
    if raw is not None and value is None:
        return "found nothing"
    if raw is not None:
        kind = "" if isinstance(value, bool) else "the number "
        if not raw.isprintable() or len(raw) > _LONGEST_QUOTE:
            return f"found {kind}{quoted(raw)}"
        return f"found {kind}{raw}" + (f'; quote it: "{raw}"' if wants == "string" else "")
    if wants == "integer" and str(value).isdecimal():
        return f"found the string {quoted(value)}; remove its quotes"
    return f"found {quoted(value)}{nearest(str(value), schema.get('enum', ()))}"


def _found_list(error: ValidationError, value: list[object]) -> str:
    if not value:
        return "found an empty list"
    if error.validator == "uniqueItems":
        return f"found {quoted(_first_twice(value))} twice"
    return "found a list"


def _first_twice(items: list[object]) -> object:
    """The first item that occurs a second time, None without one; lists and mappings are skipped."""
    seen: set[tuple[type, object]] = set()
    for item in items:
        if isinstance(item, str | int | float):
            if (type(item), item) in seen:
                return item
            seen.add((type(item), item))
    return None


def quoted(value: object, most: int = _LONGEST_QUOTE) -> str:
    """A value of a profile on one line, with its escape sequences spelled out, in at most `most` characters."""
    text = repr(value[: 2 * most] if isinstance(value, str) else value)
    return text if len(text) <= most else f"{text[: most - 3]}..."


def dotted(place: Iterable[object]) -> str:
    """The words of a place joined with dots, each of them shortened."""
    words = map(str, place)
    return ".".join(word if len(word) <= _LONGEST_QUOTE else f"{word[: _LONGEST_QUOTE - 3]}..." for word in words)


def listed(problems: Sequence[str], more: int = 0) -> str:
    """Each problem on its own line; if there are very many, the first ones and the number of the others."""
    more += max(len(problems) - MOST_PROBLEMS, 0)
    rest = [f"... and {more:,} more mistakes; mend these first"] if more else []
    return "\n".join([*problems[:MOST_PROBLEMS], *rest])
