"""Converts dataclasses to plain values of JSON and back; their types define the format."""

from pathlib import Path
from typing import Any, TypeVar

import msgspec

from xenproof.errors import ParseError

T = TypeVar("T")


def to_plain(value: object) -> Any:
    """A dataclass as dictionaries, lists, text and numbers; bytes become base64, and paths text."""
    return msgspec.to_builtins(value, enc_hook=_path_as_text)


def from_plain(kind: type[T], value: object) -> T:
    """The object of type `kind` that `to_plain` turned into `value`; raises ParseError with mistake and place."""
    try:
        return msgspec.convert(value, kind, dec_hook=_text_as_path)
    except msgspec.ValidationError as error:
        raise ParseError(str(error)) from error


def _path_as_text(value: object) -> str:
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"a {type(value).__name__} has no form in JSON")


def _text_as_path(kind: type, value: object) -> object:
    if kind is Path and isinstance(value, str | Path):
        return Path(value)
    raise ValueError(f"Expected `{kind.__name__}`, got `{type(value).__name__}`")
