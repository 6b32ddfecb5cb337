"""Variables of shell text, with the values that sourcing it would set, read without running it.

A host's shell text is never run.  Only plain assignments at the outermost level are read; a variable that
gets its value in another way is not evaluable.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from xenproof.errors import NotEvaluable, ParseError
from xenproof.probing.answer import Answer

# GRUB_CMDLINE_XEN="dom0_mem=2G"   export GRUB_THEME=x   GRUB_CMDLINE_LINUX+=" quiet"
_ASSIGNMENT = re.compile(r"(?:export +)?([A-Za-z_][A-Za-z0-9_]*)(\+?)=(.*)", re.DOTALL)
_OPENING = re.compile(r"(?:if|case|for|while|until)\b|.*\(\) *\{|\{")
_CLOSING = re.compile(r"(?:fi|esac|done)\b|\}")
# $NAME or ${NAME}
_VARIABLE = re.compile(r"\$(?:\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))")


@dataclass(frozen=True, slots=True)
class ShellVariables:
    """Variables with their values; the value is None if only running the file would give it."""

    values: Mapping[str, str | None] = field(default_factory=dict)

    def present(self, name: str) -> Answer:
        """Whether the files set the variable."""
        if name not in self.values:
            return Answer(False, f"not among {', '.join(sorted(self.values)) or 'any'}")
        return Answer(True, "set by a computation" if self.values[name] is None else f"set to {self.values[name]!r}")

    def value(self, name: str) -> str:
        """The variable's value, "" if it is not set; raises NotEvaluable if only running the files would give it."""
        if (found := self.values.get(name, "")) is None:
            raise NotEvaluable(f"{name} is computed by shell text, which is not run")
        return found

    def options(self, name: str) -> tuple[str, ...]:
        """The words of the variable's value; raises NotEvaluable as `value` does."""
        return tuple(self.value(name).split())


def shell_variables(path: str, lines: Iterable[str]) -> ShellVariables:
    """The variables that the lines of one file set; raises ParseError if a quote has no end."""
    values: dict[str, str | None] = {}
    read_variables(path, lines, values)
    return ShellVariables(values)


def read_variables(path: str, lines: Iterable[str], values: dict[str, str | None]) -> None:
    """Add what one file sets to `values`; raises ParseError if a quote has no end."""
    depth = 0
    for statement in _statements(path, lines):
        if (found := _ASSIGNMENT.fullmatch(statement)) is not None:
            name, more, word = found.groups()
            value = None if depth else _expand(word, values)
            former = values.get(name, "")
            if depth and former:
                continue  # conditions in these files mean "unless it is set"
            values[name] = (None if value is None or former is None else former + value) if more else value
        depth = max(0, depth + bool(_OPENING.match(statement)) - bool(_CLOSING.match(statement)))


def _statements(path: str, lines: Iterable[str]) -> Iterable[str]:
    """Lines without comments; a quoted text that spans lines is one line."""
    held = ""
    for line in lines:
        held += line
        if _quote_is_open(held):
            held += "\n"
            continue
        if text := held.strip():
            yield text
        held = ""
    if held:
        raise ParseError(f"a quote in {path} has no end: {held[:200]!r}")


def _quote_is_open(text: str) -> bool:
    if text.lstrip().startswith("#"):
        return False
    quote, escaped = "", False
    for before, letter in zip(" " + text, text, strict=False):
        if escaped:
            escaped = False
        elif letter == "\\" and quote != "'":
            escaped = True
        elif quote:
            quote = "" if letter == quote else quote
        elif letter == "#" and before in " \t":
            return False
        elif letter in "'\"":
            quote = letter
    return bool(quote)


def _expand(word: str, values: Mapping[str, str | None]) -> str | None:
    """The value of the right side of an assignment; None if only a shell can evaluate it."""
    result, quote, at = "", "", 0
    while at < len(word):
        letter = word[at]
        if letter == "\\" and quote != "'" and at + 1 < len(word):
            result, at = result + word[at + 1], at + 2
            continue
        if letter in "'\"" and quote in ("", letter):
            quote, at = ("" if quote else letter), at + 1
            continue
        if quote != "'" and letter in "$`":
            variable = _VARIABLE.match(word, at)
            value = values.get(variable[1] or variable[2], "") if variable else None
            if variable is None or value is None:
                return None
            result, at = result + value, variable.end()
            continue
        if not quote and letter in " \t;&|<>()":
            rest = word[at:].strip()
            # A comment may follow; a command may not: it would run with the variable set only for itself.
            return result if not rest or rest.startswith(("#", ";")) else None
        result, at = result + letter, at + 1
    return result
