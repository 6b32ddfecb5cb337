"""S-expressions as xend wrote and read them: configuration files that an upgrade leaves behind."""

import re

from xenproof.errors import ParseError

Sxp = str | list["Sxp"]

# xend's own files are five levels deep; deeper text is not xend's configuration.
_DEEPEST = 64
# A comment, a parenthesis, a quoted string with escapes, or a bare word.
_TOKEN = re.compile(
    r"""
    (?P<blank>\s+|\#[^\n]*)
    |(?P<paren>[()])
    |(?P<quoted>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")
    |(?P<word>[^\s()'"]+)
    """,
    re.VERBOSE | re.DOTALL,
)
# \n, \t, \\ and the like; \101 and \x41 are bytes.
_ESCAPE = re.compile(r"\\(?:([0-7]{3})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_LETTERS = {"a": "\a", "b": "\b", "t": "\t", "n": "\n", "v": "\v", "f": "\f", "r": "\r"}


def parse_sxp(text: str) -> list[Sxp]:
    """The expressions of a file, lists as lists and words as strings.

    Raises ParseError with the line if a parenthesis or a quote is not closed.

    >>> parse_sxp("(dom0-cpus 2) # of 8")
    [['dom0-cpus', '2']]
    """
    outermost: list[Sxp] = []
    open_lists: list[list[Sxp]] = [outermost]
    at = 0
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None:
            raise ParseError(f"line {_line(text, at)}: the quote before {text[at + 1 : at + 40]!r} has no end")
        at = token.end()
        if token["paren"] == "(":
            inner: list[Sxp] = []
            open_lists[-1].append(inner)
            open_lists.append(inner)
            if len(open_lists) > _DEEPEST:
                raise ParseError(f"line {_line(text, at)}: lists are nested more than {_DEEPEST} deep")
        elif token["paren"]:
            open_lists.pop()
            if not open_lists:
                raise ParseError(f"line {_line(text, at)}: a ')' closes nothing")
        elif token["quoted"] is not None:
            open_lists[-1].append(_ESCAPE.sub(_meaning, token["quoted"][1:-1]))
        elif token["word"] is not None:
            open_lists[-1].append(token["word"])
    if len(open_lists) > 1:
        raise ParseError(f"{len(open_lists) - 1} lists have no end")
    return outermost


def child(expression: Sxp, name: str) -> list[Sxp] | None:
    """The elements of the first list in `expression` that begins with `name`, without the name; None without one.

    >>> child(["domain", ["name", "sles11"]], "name")
    ['sles11']
    """
    if isinstance(expression, str):
        return None
    lists = (part for part in expression if isinstance(part, list))
    return next((part[1:] for part in lists if part[:1] == [name]), None)


def _meaning(escape: re.Match[str]) -> str:
    if escape[1] or escape[2]:
        return chr(int(escape[1], 8) if escape[1] else int(escape[2], 16))
    return _LETTERS.get(escape[3], escape[3])


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1
