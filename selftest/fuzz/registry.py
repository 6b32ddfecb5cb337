"""All targets, by the modules that they are in."""

import importlib

from selftest.fuzz.target import FuzzTarget

MODULES = ("script", "facts", "xl", "written", "stored", "packages", "disks")


def of_modules(*names: str) -> tuple[FuzzTarget, ...]:
    """The targets in these modules."""
    found: list[FuzzTarget] = []
    for name in names:
        found += importlib.import_module(f"selftest.fuzz.targets.{name}").TARGETS
    return tuple(found)


def all_targets() -> tuple[FuzzTarget, ...]:
    """All of them."""
    return of_modules(*MODULES)
