"""A guest's configuration file, as xl reads it: KEY=VALUE, numbers, quoted strings and lists of them.

Source: xl.cfg(5), and libxlu_cfg_l.l and libxlu_cfg_y.y of each release.  xl runs no Python: it refuses a file of xm
that contains Python code, with a warning that says so.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NoReturn

Value = str | list["Value"]

# The most lists within each other.  xl's own parser allows far more, but no key needs that many.
_DEEPEST = 100

_TOKEN = re.compile(
    r"""(?P<space>[ \t]+)
    |(?P<newline>\#[^\n]*\n|\n)
    |(?P<append>\+=)
    |(?P<mark>[,\[\]=;])
    |(?P<ident>[a-z][._0-9a-z]*)
    |(?P<number>[0-9][0-9a-fx]*)
    |(?P<string>'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*")
    |(?P<wrong>[^ \t\n]+)""",
    re.VERBOSE,
)
# Where a lexical error begins with one of these, xl guesses that the file is Python.
_LIKELY_PYTHON = re.compile(r"[+,\-.():]")
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{1,2}|[0-7]{1,3}|.)")
_NAMED = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_SHOWN = {"ident": "IDENT", "number": "NUMBER", "string": "STRING", "newline": "NEWLINE", "end": "end of file"}


@dataclass(frozen=True, slots=True)
class Assignment:
    """`key = value`, or `key += value` where `appends`, which begins on `line`."""

    key: str
    value: Value
    line: int
    appends: bool = False


@dataclass(frozen=True, slots=True)
class Trouble:
    """A syntax error, for which xl refuses the whole file."""

    line: int
    near: str
    message: str


@dataclass(slots=True)
class CfgFile:
    """What xl reads in a file: the assignments in their order, and the errors for which it refuses the file."""

    assignments: list[Assignment] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    likely_python: bool = False

    def last(self, key: str) -> Assignment | None:
        """The assignment that counts for `key`: the last one."""
        found = [row for row in self.assignments if row.key == key]
        return found[-1] if found else None


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    line: int


def parse_cfg(text: str, *, appends: bool = True) -> CfgFile:
    """The configuration in `text`; `appends`: this xl accepts `+=`.  Never raises: errors are in CfgFile.troubles."""
    found = CfgFile()
    _Parser(_tokens(text, found, appends=appends), found, ("=", "+=") if appends else ("=",)).run()
    found.troubles.sort(key=lambda trouble: trouble.line)
    return found


def _tokens(text: str, found: CfgFile, *, appends: bool) -> Iterator[_Token]:
    line, place = 1, 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        kind = match.lastgroup if match else None
        if match is None or kind is None:  # no token of xl
            break
        word, place = match[0], match.end()
        if kind == "append" and not appends:
            kind = "wrong"
        if kind == "wrong":
            # xl drops the rest of the word, too, such as "():" after "f".
            while place < len(text) and text[place] not in " \t\n":
                place += 1
            word = text[match.start() : place]
            found.likely_python |= bool(_LIKELY_PYTHON.match(word))
            found.troubles.append(Trouble(line, word, "lexical error"))
        elif kind != "space":
            yield _Token({"mark": word, "append": "+="}.get(kind, kind), word, line)
        line += word.count("\n")
    yield _Token("end", "", line)


class _Unexpected(Exception):
    """The grammar does not allow this token here."""


class _Parser:
    """Takes tokens one at a time, as xl does, so that lexical and grammar errors come in the order of the file."""

    def __init__(self, tokens: Iterator[_Token], found: CfgFile, operators: tuple[str, ...]) -> None:
        self._tokens = tokens
        self._operators = operators
        self._found = found
        self._peeked: _Token | None = None

    def run(self) -> None:
        while self._next().kind != "end":
            if self._next().kind in ("newline", ";"):
                self._advance()
                continue
            try:
                self._assignment()
            except _Unexpected:
                while self._next().kind not in ("newline", "end"):
                    self._advance()

    def _assignment(self) -> None:
        key = self._take("ident")
        operator = self._take(*self._operators)
        value = self._value()
        if self._next().kind != "end":
            self._take("newline", ";")
        self._found.assignments.append(Assignment(key.text, value, key.line, operator.kind == "+="))

    def _value(self, depth: int = 0) -> Value:
        token = self._take("string", "number", "[")
        if token.kind == "string":
            return _ESCAPE.sub(_unescaped, token.text[1:-1])
        if token.kind == "number":
            return token.text
        if depth >= _DEEPEST:
            self._refuse(token, f"more than {_DEEPEST} lists within each other")
        values: list[Value] = []
        self._newlines()
        while self._next().kind != "]":
            values.append(self._value(depth + 1))
            self._newlines()
            if self._next().kind != "]":
                self._take(",")
                self._newlines()
        self._advance()
        return values

    def _newlines(self) -> None:
        while self._next().kind == "newline":
            self._advance()

    def _next(self) -> _Token:
        if self._peeked is None:
            self._peeked = next(self._tokens)
        return self._peeked

    def _advance(self) -> None:
        if self._next().kind != "end":
            self._peeked = None

    def _take(self, *kinds: str) -> _Token:
        token = self._next()
        if token.kind not in kinds:
            wanted = " or ".join(_SHOWN.get(kind, f"'{kind}'") for kind in kinds)
            shown = _SHOWN.get(token.kind, f"'{token.kind}'")
            self._refuse(token, f"syntax error, unexpected {shown}, expecting {wanted}")
        self._advance()
        return token

    def _refuse(self, token: _Token, message: str) -> NoReturn:
        self._found.troubles.append(Trouble(token.line, token.text.rstrip("\n"), message))
        raise _Unexpected


def _unescaped(match: re.Match[str]) -> str:
    word = match[1]
    if word.startswith("x") and len(word) > 1:
        return chr(int(word[1:], 16))
    if word[0] in "01234567":
        return chr(int(word, 8) & 0xFF)
    return _NAMED.get(word, word)
