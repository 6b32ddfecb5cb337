"""A limit on text that is generated from an image's data, applied while generating: few bytes may expand a lot."""

from collections.abc import Iterable, Iterator

from xenproof.errors import NotEvaluable

MOST_LETTERS = 8 << 20


def limited(lines: Iterable[str], what: str, most: int = MOST_LETTERS) -> Iterator[str]:
    """The lines one by one; raises NotEvaluable with `what` they are if they have more than `most` characters."""
    letters = 0
    for line in lines:
        letters += len(line) + 1
        if letters > most:
            raise NotEvaluable(f"{what} make more than the {most} letters that are kept of them")
        yield line
