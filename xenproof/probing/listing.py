"""Which of the wanted paths exist: the first half of reading them.

A source that is not a running host may also print 'unknown PATH<TAB>REASON'.
"""

from xenproof.errors import NotEvaluable, ParseError
from xenproof.probing.sections import section
from xenproof.source.probe import ProbeOutput


def believable_listing(output: ProbeOutput, name: str) -> tuple[frozenset[str], frozenset[str]]:
    """The paths that exist and those that are missing, from the section NAME-list.

    Raises ParseError if a line has another form, NotEvaluable if paths are missing and the reader is
    not root: a path can be hidden from other users.  Paths whose state is unknown are in neither set.
    """
    there, missing = set[str](), set[str]()
    for line in section(output, f"{name}-list").ended_with(0).lines:
        word, _, path = line.partition(" ")
        if word == "unknown":
            continue
        if word not in ("there", "missing") or not path.startswith("/"):
            raise ParseError(f"expected 'there PATH' or 'missing PATH', found {line[:200]!r}")
        (there if word == "there" else missing).add(path)
    reader = section(output, "reader").ended_with(0).text.strip()
    if reader not in ("root", "other"):
        raise ParseError(f"expected 'root' or 'other' as the one who reads, found {reader[:80]!r}")
    if missing and reader != "root":
        raise NotEvaluable(f"{min(missing)} is absent or hidden: connect as root to tell")
    return frozenset(there), frozenset(missing)


def unknown_paths(output: ProbeOutput, name: str) -> dict[str, str]:
    """The paths whose existence the source cannot determine, each with the reason."""
    found: dict[str, str] = {}
    for line in section(output, f"{name}-list").ended_with(0).lines:
        word, _, rest = line.partition(" ")
        path, _, reason = rest.partition("\t")
        if word == "unknown":
            if not path.startswith("/") or not reason:
                raise ParseError(f"expected 'unknown PATH', a tab and the reason, found {line[:200]!r}")
            found[path] = reason
    return found
