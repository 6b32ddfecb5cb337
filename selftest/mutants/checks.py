"""The checks of a host's state, as plain functions with what they select."""

import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from xenproof.errors import UsageError
from xenproof.profile.expectation import Expectation
from xenproof.profile.profile import Profile
from xenproof.profile.schema import FAMILY_SHAPES

FOLDER = Path(__file__).parents[2] / "tests" / "host"


@dataclass(frozen=True, slots=True)
class Check:
    """One check: its function, the FAMILY.ENTRY.ATTRIBUTE that its @each selects, the fixtures that it asks for."""

    name: str
    pattern: str
    function: Callable[..., Any]
    wants: tuple[str, ...]

    @property
    def selects(self) -> tuple[str, str]:
        """The family and the attribute of what it selects."""
        return self.pattern.partition(".")[0], self.pattern.rpartition(".")[2]


def check_of(function: Callable[..., Any]) -> Check | None:
    """The check that a test function is, None if it has no @each."""
    patterns = [mark.args[0] for mark in getattr(function, "pytestmark", []) if mark.name == "each"]
    if not patterns:
        return None
    (pattern,) = patterns
    name = f"{Path(inspect.getfile(function)).name}::{function.__name__}"
    return Check(name, pattern, function, tuple(inspect.signature(function).parameters))


def load_checks(folder: Path = FOLDER) -> tuple[Check, ...]:
    """Every check of the files of `folder`, as pytest would collect them."""
    found: list[Check] = []
    for path in sorted(folder.glob("test_*.py")):
        functions = [value for name, value in vars(_module(path)).items() if name.startswith("test_")]
        found += [check for function in functions if (check := check_of(function)) is not None]
    return tuple(found)


def _module(path: Path) -> ModuleType:
    name = f"mutants_{path.stem}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path} is no Python file")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def judges(checks: Iterable[Check], profile: Profile) -> dict[str, list[Check]]:
    """The checks that are named for each expectation of a profile, by its key; none for what nobody judges."""
    found: dict[str, list[Check]] = {expected.key: [] for expected in profile.expectations.values()}
    for check in checks:
        for expected in selected(check, profile):
            found[expected.key].append(check)
    return found


def selected(check: Check, profile: Profile) -> list[Expectation]:
    """What a check would run for, nothing where its family is not known."""
    return profile.select(check.pattern) if check.selects[0] in FAMILY_SHAPES else []
