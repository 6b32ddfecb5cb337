"""What the replica's stand-ins print: transcripts of a real Xen 4.4.1 with the substitutions of transcripts.yaml."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ruamel.yaml import YAML

from selftest.replica.description import HERE, DescriptionError

DATA = HERE.parent / "data" / "corpus" / "xen-4.4.1"
# Where no transcript is known: written for the replica.
WRITTEN = HERE / "outputs"
_STATUSES = frozenset({"inferred", "unverified", "replica"})


@dataclass(frozen=True, slots=True)
class Substitution:
    """One line of the transcripts of some commands that is another one on SLES 12, and why."""

    commands: tuple[str, ...]
    line: str
    becomes: str
    status: str
    reason: str


@dataclass(frozen=True, slots=True)
class Transcripts:
    """The file of each command, and the substitutions."""

    files: Mapping[str, str]
    substitutions: Sequence[Substitution]

    def text(self, command: str) -> str:
        """What the stand-in prints; raises DescriptionError unless each of its substitutions fits exactly once."""
        lines = (DATA / self.files[command]).read_text("utf-8").split("\n")
        for wanted in (row for row in self.substitutions if command in row.commands):
            if lines.count(wanted.line) != 1:
                raise DescriptionError(f"{self.files[command]}: expected one line {wanted.line!r}")
            lines[lines.index(wanted.line)] = wanted.becomes
        return "\n".join(lines)


def transcripts() -> Transcripts:
    """The table; raises DescriptionError if a substitution gives no reason or names an unknown command."""
    table = YAML(typ="safe").load(HERE / "transcripts.yaml")
    rows = [
        Substitution(tuple(row["in"]), row["is"], row["becomes"], row["status"], row["reason"])
        for row in table["substitutions"]
    ]
    for row in rows:
        if row.status not in _STATUSES or not row.reason or not set(row.commands) <= table["transcripts"].keys():
            raise DescriptionError(f"the substitution of {row.line!r} lacks a reason or names an unknown command")
    return Transcripts(table["transcripts"], rows)


def outputs() -> dict[str, str]:
    """Every output that a stand-in prints, by the name of its file."""
    table = transcripts()
    written = {path.name: path.read_text("utf-8") for path in sorted(WRITTEN.iterdir())}
    return written | {f"{command}.out": table.text(command) for command in table.files}
