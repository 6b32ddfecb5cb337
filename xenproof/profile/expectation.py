"""One expectation of a profile: a value, the evidence for it, and where it is written."""

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """How well the value of an expectation is confirmed."""

    VERIFIED = "verified"
    DOCUMENTED = "documented"
    INFERRED = "inferred"


class Level(StrEnum):
    """What a mismatch means: `must` fails the host, `should`, `info` and `new` are reported.

    `new` have the values that a rolling release inherits from a stable one: a mismatch is what is new.
    """

    MUST = "must"
    SHOULD = "should"
    INFO = "info"
    NEW = "new"


@dataclass(frozen=True, slots=True)
class Expectation:
    """One value that a profile promises.

    `path` is (family, entry, attribute), such as ("packages", "xen-utils-4.17", "version");
    `where` is the file and line that set it, such as "profiles/debian12.yaml:41".
    """

    path: tuple[str, str, str]
    value: object
    req: tuple[str, ...]
    source: str
    status: Status
    level: Level
    profile: str
    where: str

    @property
    def family(self) -> str:
        """The family of facts that it belongs to, such as "packages"."""
        return self.path[0]

    @property
    def name(self) -> str:
        """The entry that it describes: a package, a unit, a path, an option."""
        return self.path[1]

    @property
    def attribute(self) -> str:
        """The property of the entry whose value it states."""
        return self.path[2]

    @property
    def key(self) -> str:
        """The path as one word, such as "packages.xen-utils-4.17.version"."""
        return ".".join(self.path)

    @property
    def text(self) -> str:
        """The value if it is a string; raises TypeError otherwise."""
        if not isinstance(self.value, str):
            raise TypeError(f"{self.key} is {self.value!r}, expected a string")
        return self.value

    @property
    def number(self) -> int:
        """The value if it is a whole number; raises TypeError otherwise."""
        if not isinstance(self.value, int) or isinstance(self.value, bool):
            raise TypeError(f"{self.key} is {self.value!r}, expected a whole number")
        return self.value

    @property
    def names(self) -> tuple[str, ...]:
        """The value if it is a list of strings; raises TypeError otherwise."""
        if not isinstance(self.value, list) or not all(isinstance(item, str) for item in self.value):
            raise TypeError(f"{self.key} is {self.value!r}, expected a list of strings")
        return tuple(self.value)


def derived(
    path: tuple[str, str, str], value: object, *, source: str, where: str, profile: str, status: Status
) -> Expectation:
    """An expectation that is not in a profile: a document states it, a rule predicts it, or the suite itself set it.

    A host without it does not conform.  Its requirements are those that the check names.
    """
    return Expectation(path, value, (), source, status, Level.MUST, profile, where)
