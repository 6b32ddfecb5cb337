"""What is fuzzed: a function of bytes, and what one starts from."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from xenproof.errors import XenproofError

Run = Callable[[bytes], object]


@dataclass(frozen=True, slots=True)
class FuzzTarget:
    """A reader of what others wrote, as a function of bytes.

    `run` may raise an XenproofError and nothing else, ends in time and needs no more memory than a reader may.
    `seeds` are good inputs, `known` those that once were handled wrongly, by a name that says what they are.  `words`
    are tokens of its language.  An input is no longer than `longest` bytes.
    """

    name: str
    run: Run
    seeds: Callable[[], Sequence[bytes]]
    known: Callable[[], Mapping[str, bytes]] = dict
    words: tuple[bytes, ...] = ()
    longest: int = 1 << 16
    is_text: bool = True


@dataclass(frozen=True, slots=True)
class Choice:
    """Several readers as one: the first byte of an input says which of them gets the rest."""

    readers: Mapping[str, Run]
    _names: list[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_names", list(self.readers))

    def __call__(self, data: bytes) -> object:
        """Give the rest of `data` to its reader."""
        return self.readers[self._names[data[0] % len(self._names)]](data[1:]) if data else None

    def input(self, name: str, data: bytes) -> bytes:
        """The input that gives `data` to the reader of that name."""
        return bytes([self._names.index(name)]) + data


def text_of(data: bytes) -> str:
    """The text of an input, as connections give it."""
    return data.decode("utf-8", "replace")


def each(*steps: Callable[[], object]) -> None:
    """Take all steps, also where one of them cannot say anything."""
    for step in steps:
        try:
            step()
        except XenproofError:  # each for itself
            continue
