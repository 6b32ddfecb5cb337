"""Converts the results to plain values of JSON and back; the types of the dataclasses define the format."""

from typing import Any, TypeVar

import msgspec

from xenproof.errors import ParseError

T = TypeVar("T")


def to_plain(value: object) -> Any:
    """A dataclass of the results as dictionaries, lists, text and numbers."""
    return msgspec.to_builtins(value)


def from_plain(kind: type[T], value: object) -> T:
    """The object of type `kind` that `to_plain` turned into `value`; raises ParseError with mistake and place."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise ParseError(str(error)) from error
