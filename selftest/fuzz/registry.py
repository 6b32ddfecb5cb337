"""All targets, by the modules that they are in."""

import importlib

from selftest.fuzz.target import Target

MODULES = ("script", "facts", "xl", "written", "stored", "packages", "disks")


def of_modules(*names: str) -> tuple[Target, ...]:
    """The targets in these modules."""
    found: list[Target] = []
    for name in names:
        found += importlib.import_module(f"selftest.fuzz.targets.{name}").TARGETS
    return tuple(found)


def all_targets() -> tuple[Target, ...]:
    """All of them."""
    return of_modules(*MODULES)
