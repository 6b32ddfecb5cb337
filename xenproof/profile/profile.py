"""A profile: everything that a host of a release must be, ready to be compared with a host."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType

from xenproof.errors import UsageError
from xenproof.profile.complaint import nearest
from xenproof.profile.expectation import Expectation
from xenproof.profile.merge import Setting
from xenproof.profile.schema import FAMILY_SHAPES
from xenproof.profile.version import Scheme

ExpectationPath = tuple[str, str, str]


@dataclass(frozen=True, eq=False)
class Profile:
    """The expectations of a release with everything that it inherits.

    `chain` is its name, then those of its ancestors.  `scheme` is how its versions compare.
    `settings` has, for each expectation, the file that set it and what that replaced.
    """

    name: str
    title: str
    scheme: Scheme
    description: str
    chain: tuple[str, ...]
    expectations: Mapping[ExpectationPath, Expectation]
    settings: Mapping[ExpectationPath, Setting] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "expectations", MappingProxyType(dict(self.expectations)))
        object.__setattr__(self, "settings", MappingProxyType(dict(self.settings)))

    def __reduce__(self) -> tuple[type["Profile"], tuple[object, ...]]:
        # To pickle a profile, pass the arguments of its constructor: the read-only mappings cannot be pickled.
        made_of = (self.name, self.title, self.scheme, self.description, self.chain)
        return Profile, (*made_of, dict(self.expectations), dict(self.settings))

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the expectations and their evidence; comments, order and line numbers do not change it."""
        rows = [
            [list(path), found.value, list(found.req), found.source, str(found.status), str(found.level)]
            for path, found in sorted(self.expectations.items())
        ]
        text = json.dumps([self.scheme, rows], sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def select(self, pattern: str) -> list[Expectation]:
        """The expectations that match FAMILY.ENTRY.ATTRIBUTE; ENTRY may be `*` and may itself contain dots.

        Raises UsageError if the schema allows no such expectation: a check that selects it
        would never run.
        """
        family, entry, attribute = _split(pattern)
        return [
            found
            for path, found in self.expectations.items()
            if path[0] == family and path[2] == attribute and entry in ("*", path[1])
        ]

    def entries(self, family: str) -> list[str]:
        """The entries of `family` with at least one expectation, in the order of the profile."""
        return list(dict.fromkeys(path[1] for path in self.expectations if path[0] == family))

    def get(self, family: str, entry: str, attribute: str) -> Expectation | None:
        """The expectation at that place, None if there is none."""
        return self.expectations.get((family, entry, attribute))


def _split(pattern: str) -> ExpectationPath:
    family, _, rest = pattern.partition(".")
    entry, _, attribute = rest.rpartition(".")
    if not entry:
        raise UsageError(f"expected FAMILY.ENTRY.ATTRIBUTE, such as 'packages.*.version', found {pattern!r}")
    if (shape := FAMILY_SHAPES.get(family)) is None:
        raise UsageError(f"expected a known family in {pattern!r}, found {family!r}{nearest(family, FAMILY_SHAPES)}")
    if attribute not in shape.attributes:
        raise UsageError(
            f"expected an attribute of {family} in {pattern!r}, found {attribute!r}; "
            f"known: {', '.join(shape.attributes)}"
        )
    return family, entry, attribute
