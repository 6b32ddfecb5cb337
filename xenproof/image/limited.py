"""A bound on the text that is made of what an image says, while it is made: a few bytes may stand for gigabytes."""

from collections.abc import Iterable, Iterator

from xenproof.errors import NotEvaluable

MOST_LETTERS = 8 << 20


def limited(lines: Iterable[str], what: str, most: int = MOST_LETTERS) -> Iterator[str]:
    """The lines as they come; raises NotEvaluable, naming `what` they are, if they have more letters than `most`."""
    letters = 0
    for line in lines:
        letters += len(line) + 1
        if letters > most:
            raise NotEvaluable(f"{what} make more than the {most} letters that are kept of them")
        yield line
