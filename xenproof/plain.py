"""Makes text of a host harmless for a terminal, for XML and for an HTML page.

Text that is shown must not move a cursor, set a title, reverse the reading order or make a file
unreadable.  Quoting for HTML or XML remains the task of the writer.
"""

import re

# "\x1b[31m", "\x9b31m"; "\x1b]0;title\x07", "\x1bP...\x1b\\"; "\x1b(B", "\x1bc".  A string sequence must end
# on its own line: if it does not, only its introducer is removed, so that no text is hidden from the reader.
_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c\n]{0,1024}(?:\x07|\x1b\\|\x9c)"
    r"|\x1b[ -/]*[0-~]"
)
# Controls, lone surrogates, characters that XML forbids, and marks that reverse the reading order.
_HARMFUL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"
)
MOST_OF_LINE = 2000
"""The most characters of a first line: those that programs print about a failure are shorter."""
_LINE_END = re.compile(r"\r+\n|\r")


def visible(text: str) -> str:
    """`text` with each control character replaced by a visible sign; nothing is removed.

    For values: NUL becomes U+2400, ESC U+241B; a character without such a sign becomes U+FFFD.  Newline and tab stay.
    """
    if text.isascii() and text.isprintable():  # nearly always, and much faster than the pattern
        return text
    return _HARMFUL.sub(_sign, text)


def log_text(text: str) -> str:
    """`text` as a printing console would show it: no escape sequences, every line end is a newline."""
    return visible(_LINE_END.sub("\n", _SEQUENCE.sub("", text)))


def shortened(text: str, limit: int, rest: str = "all of it is in results.json") -> str:
    """`text` in about `limit` characters: its beginning, its end, and how much was left out between."""
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]}\n[... {len(text) - 2 * half:,} characters left out; {rest} ...]\n{text[-half:]}"


def first_lines(text: str, limit: int) -> str:
    """The first line of `text`, whole, then the lines that fit into about `limit` characters, and how many are left.

    For what a program printed about a failure: its first line is the cause, and the later ones follow from it.
    """
    first, *others = text.strip().splitlines() or [""]
    shown, length = [shortened(first, MOST_OF_LINE, "too long for a message")], len(first)
    for line in others:
        length += 1 + len(line)
        if length > limit:
            break
        shown.append(line)
    if left := 1 + len(others) - len(shown):
        shown.append(f"... and {left} more line{'s' if left > 1 else ''}")
    return "\n".join(shown)


def _sign(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x20:
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else "\ufffd"
