"""What is wrong with the shape of a profile, as sentences with a place."""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from xenproof.profile.schema import SCHEMA

Place = tuple[str | int, ...]

# JSON Schema takes 1024.0 for an integer; a profile does not.
_TYPES = Draft202012Validator.TYPE_CHECKER.redefine(
    "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
)
_VALIDATOR = extend(Draft202012Validator, type_checker=_TYPES)(SCHEMA)  # type: ignore[no-untyped-call]  # jsonschema's
_KEYS = {0: "top level key", 2: "family", 3: "entry", 4: "attribute"}


def complaints(data: object, raw: Mapping[Place, str]) -> Iterator[tuple[Place, str]]:
    """Each thing in `data` that the schema does not allow, and where.

    `raw` holds the text of values that were not written as strings, so that they can be quoted.
    """
    for error in _VALIDATOR.iter_errors(data):
        place = tuple(error.absolute_path)
        if error.validator == "additionalProperties":
            known = list(error.schema["properties"])
            for name in [name for name in error.instance if name not in known]:
                yield (*place, name), _unknown(name, known, place)
        elif "propertyNames" in error.absolute_schema_path:
            yield (*place, str(error.instance)), f"expected {error.schema['description']}, found {error.instance!r}"
        else:
            yield place, f"{_subject(place)}expected {error.schema['description']}, {_found(error, raw.get(place))}"


def nearest(name: str, known: Iterable[str]) -> str:
    """ "; did you mean X?" where something known is near `name`, else an empty string."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _unknown(name: str, known: list[str], place: Place) -> str:
    kind = _KEYS.get(len(place) + 1, "top level key")
    within = f" of {'.'.join(map(str, place[1:]))}" if len(place) > 1 else ""
    return f"expected a known {kind}{within}, found {name!r}{nearest(name, known) or '; known: ' + ', '.join(known)}"


def _subject(place: Place) -> str:
    below = place[1:] if place[:1] == ("families",) and len(place) > 1 else place
    words = [word for word in below if isinstance(word, str)]
    return f"{'.'.join(words)}: " if words else ""


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
        return f"found {kind}{raw}" + (f'; quote it: "{raw}"' if wants == "string" else "")
    if wants == "integer" and str(value).isdecimal():
        return f"found the string {value!r}; remove its quotes"
    return f"found {_shortened(value)}{nearest(str(value), schema.get('enum', ()))}"


def _found_list(error: ValidationError, value: list[object]) -> str:
    if not value:
        return "found an empty list"
    if error.validator == "uniqueItems":
        twice = next(item for item in value if value.count(item) > 1)
        return f"found {_shortened(twice)} twice"
    return "found a list"


def _shortened(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
