"""Entries of xenstore."""

from collections.abc import Mapping
from dataclasses import dataclass

from xenproof.errors import ParseError
from xenproof.probing.answer import Answer
from xenproof.probing.family import Family
from xenproof.probing.probes import DOM0_NAME, xen_probe
from xenproof.probing.sections import section
from xenproof.source.probe import ProbeOutput


@dataclass(frozen=True, slots=True)
class Xenstore:
    """The entries that were read; None for those that do not exist."""

    rows: Mapping[str, str | None]

    def exists(self, path: str) -> Answer:
        """Whether the entry exists."""
        value = self._row(path)
        return Answer(value is not None, "no such entry" if value is None else f"it holds {value!r}")

    def holds(self, path: str, value: str) -> Answer:
        """Whether the entry exists and has the value."""
        return Answer(self._row(path) == value, self.exists(path).seen)

    def _row(self, path: str) -> str | None:
        if path not in self.rows:
            raise ParseError(f"'xenstore-read' says nothing of {path}")
        return self.rows[path]


def parse_xenstore(output: ProbeOutput) -> Xenstore:
    """The entries; raises ParseError if a line is not an entry, or dom0's own is missing: then nothing was read."""
    rows: dict[str, str | None] = {}
    for line in section(output, "xenstore").ended_with(0).lines:
        word, _, rest = line.partition(" ")
        path, _, value = rest.partition(" ")
        if word not in ("there", "missing") or not path.startswith("/") or (word == "missing" and value):
            raise ParseError(f"expected 'there PATH VALUE' or 'missing PATH', found {line[:200]!r}")
        rows[path] = value if word == "there" else None
    if not rows.get(DOM0_NAME):
        raise ParseError(f"{DOM0_NAME} was not read, so xenstore does not answer and nothing is known of others")
    return Xenstore(rows)


XENSTORE = Family("xenstore", xen_probe, parse_xenstore)
