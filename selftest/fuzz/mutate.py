"""Changes of texts by lines and words, which a change of single bytes rarely comes to."""

import random
import re
from collections.abc import Sequence

_NUMBER = re.compile(rb"\d+")
_WORD = re.compile(rb"[^\s]+")
_PART = re.compile(rb"[^\s=:,;()\[\]{}\"'/]+")
# What stands where a number or a word is expected.
ODD: tuple[bytes, ...] = (
    b"", b"0", b"-1", b"00", b"9" * 5000, b"4294967296", b"18446744073709551616", b"1e999", b"NaN", b"Infinity", b"1_0",
    "²".encode(), "٣".encode(), "\u06f5\u06f0".encode(), b"0x", b"\xff\xfe", b"\0", b"\r", b"\x1b]52;c;x\x07", b"\t",
    b"  ", b"\x0b", b"\x0c", b"\x85", "\u0085".encode(), b"\xe2\x80\xa8", b"unknowable x", b"unknowable ", b"[/b]",
    b"{", b"}", b"[", b"(", b")", b"'", b'"', b"\\", b"\\777", b"*", b"%", b"%s", b"../..", b"/", b"//", b"-",
    b"x" * 9000,
)  # fmt: skip


def mutated(data: bytes, others: Sequence[bytes], words: Sequence[bytes], most: int, chance: random.Random) -> bytes:
    """`data` with one to four changes; lines are taken of `others`, words of `words`."""
    for _ in range(chance.randint(1, 4)):
        data = _changed(data, others, words, chance)
    return data[:most]


def _changed(data: bytes, others: Sequence[bytes], words: Sequence[bytes], chance: random.Random) -> bytes:
    lines = data.split(b"\n")
    at = chance.randrange(len(lines))
    match chance.randrange(9):
        case 0:
            del lines[at : at + chance.choice((1, 1, 2, 8))]
        case 1:
            lines.insert(chance.randrange(len(lines) + 1), lines[at])
        case 2 if others:
            theirs = chance.choice(others).split(b"\n")
            begin = chance.randrange(len(theirs))
            lines[at:at] = theirs[begin : begin + chance.choice((1, 1, 2, 8))]
        case 3:
            other = chance.randrange(len(lines))
            lines[at], lines[other] = lines[other], lines[at]
        case 4:
            lines[at] = _replaced(_NUMBER, lines[at], words, chance)
        case 5:
            lines[at] = _replaced(_WORD, lines[at], words, chance)
        case 6:
            lines[at : at + 1] = lines[at : at + 1] * chance.choice((2, 10, 300))
        case 7:
            lines = lines[: at + 1]
            lines[at] = lines[at][: chance.randrange(len(lines[at]) + 1)]
        case _:
            lines[at] = _replaced(_PART, lines[at], words, chance)
    return b"\n".join(lines)


def _replaced(pattern: re.Pattern[bytes], line: bytes, words: Sequence[bytes], chance: random.Random) -> bytes:
    found = list(pattern.finditer(line))
    word = chance.choice((*ODD, *words))
    if not found:
        return line + word
    one = chance.choice(found)
    return line[: one.start()] + word + line[one.end() :]
