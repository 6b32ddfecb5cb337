"""apt's lists of mirrors: the addresses behind one such as mirror+file:/etc/apt/mirrors/debian.list."""

import re
from dataclasses import dataclass
from pathlib import Path

from xenproof.lab.release_file import download

_MOST_CHARS = 65536
_LIST = re.compile(r"mirror(?:\+(?P<by>file|copy|http|https|ftp))?:(?P<rest>.*)", re.DOTALL)
_ADDRESS = re.compile(r"(?:https?|ftp|file|copy):\S+\Z")
# A mirror that says what it has must have these.
_NEEDED = {"arch": {"amd64"}, "component": {"main"}, "type": {"deb", "index"}}


@dataclass(frozen=True, slots=True)
class Mirrors:
    """The addresses that stand for one address of apt's configuration, the best first; or none, and the reason."""

    addresses: tuple[str, ...]
    problem: str = ""


def mirrors_of(uri: str, folder: Path) -> Mirrors:
    """The mirrors that `uri` means: itself, or those of the list that it names, which is fetched into `folder`."""
    if (found := _LIST.match(uri)) is None:
        return Mirrors((uri,))
    by, rest = found["by"] or "http", found["rest"].rstrip("/")
    if by in ("file", "copy"):
        text, problem = _read(Path("/" + rest.lstrip("/")))
    else:
        text, problem = download(f"{by}:{rest}", folder / "mirrors", _MOST_CHARS)
    addresses = parse_mirror_list(text)
    return Mirrors(addresses, problem or ("" if addresses else "it lists no mirror"))


def parse_mirror_list(text: str) -> tuple[str, ...]:
    """The addresses in a list of mirrors, by their priority: one a line, then words KEY:VALUE."""
    rows: list[tuple[float, str]] = []
    for line in text.splitlines():
        address, *words = line.split()[:100] or [""]
        limits: dict[str, set[str]] = {}
        for key, _, value in (word.partition(":") for word in words):
            limits.setdefault(key, set()).add(value)
        partial = any(key in limits and not needed <= limits[key] for key, needed in _NEEDED.items())
        if _ADDRESS.match(address) and not partial:
            rows.append((_priority(limits.get("priority", set())), address))
    # One without a priority is tried last.
    return tuple(dict.fromkeys(address for _, address in sorted(rows, key=lambda row: row[0])))


def _priority(values: set[str]) -> float:
    numbers = [int(value) for value in values if value.isascii() and value.isdigit() and len(value) < 10]
    return min(numbers, default=float("inf"))


def _read(file: Path) -> tuple[str, str]:
    try:
        with file.open(encoding="utf-8", errors="replace") as opened:
            return opened.read(_MOST_CHARS), ""
    except (OSError, ValueError) as error:
        return "", f"{getattr(error, 'strerror', None) or error}"
