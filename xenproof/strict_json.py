"""JSON from a stranger: limited in size, each key once, only finite numbers, values of the wanted types."""

import json
from collections.abc import Mapping
from typing import Any, NoReturn, TypeVar

# Each of these characters begins or separates a value: a million of them make 100 MB of Python objects at most.
_PARTS = "[{,"
MOST_PARTS = 1_000_000
T = TypeVar("T")


def parse_strictly(text: str, most_parts: int = MOST_PARTS) -> object:
    """The value of `text`; raises ValueError with the reason if it is not JSON or has too many values."""
    if (parts := sum(map(text.count, _PARTS))) > most_parts:
        raise ValueError(f"it has {parts} values, more than the {most_parts} that are read")
    try:
        found: object = json.loads(text, object_pairs_hook=_each_once, parse_constant=_no_number)
    except RecursionError:
        raise ValueError("its values are nested too deeply") from None
    return found


def value(row: object, name: str, kind: type[T]) -> T:
    """The value of `name` in the object `row`; raises ValueError with what was found if it is not of that type."""
    found = mapping(row).get(name)
    # To Python, True is an integer.
    if not isinstance(found, kind) or (kind is int and isinstance(found, bool)):
        raise ValueError(f"expected {name!r} to be {_KINDS[kind]}, found {_described(found)}")
    return found


def mapping(row: object) -> Mapping[str, Any]:
    """`row` if it is an object; raises ValueError otherwise."""
    if not isinstance(row, dict):
        raise ValueError(  # noqa: TRY004  # the text is wrong, not the call
            f"expected an object, found {_described(row)}"
        )
    return row


_KINDS: dict[type, str] = {str: "text", int: "a whole number", bool: "true or false", list: "a list", dict: "an object"}


def _described(found: object) -> str:
    kind = _KINDS.get(type(found), "nothing" if found is None else "a number")
    return f"{kind} {str(found)[:80]!r}" if isinstance(found, str | float) else kind


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, below in pairs:
        if name in found:
            raise ValueError(f"the key {name[:80]!r} is there twice")
        found[name] = below
    return found


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number in JSON")
