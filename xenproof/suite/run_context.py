"""What a run is: what the user asked for, and where it runs.  Both are frozen; `context_of` is the way to them."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from xenproof.hosts.target import Target
from xenproof.profile.profile import Profile
from xenproof.source.address import Address
from xenproof.suite.recording_option import NOTES


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What the user asked for, checked: the values of the options, in the types that the suite works with.

    `report` is the folder that the user wants, `record` the file of --record.
    """

    profile: Profile
    addresses: tuple[Address, ...]
    report: Path
    record: Path | None = None
    keep_guests: bool = False
    guest_kernel: str | None = None
    identity: Path | None = None
    known_hosts: Path | None = None
    lab_memory_mib: int | None = None
    backing: tuple[Path, ...] = ()

    @property
    def urls(self) -> list[str]:
        """The URLs of the hosts, in the order in which the user named them."""
        return [address.url for address in self.addresses]


@dataclass(frozen=True, slots=True)
class RunContext:
    """The run, the same in all its processes, from when its hosts are open.

    `began` is in seconds since the epoch; `folder` is shared by all processes and removed at the end; `report` is the
    folder of the report, which is another than the wanted one while that is in use; `targets` are the hosts by URL.
    """

    options: RunOptions
    began: float
    folder: Path
    report: Path
    targets: Mapping[str, Target]
    is_worker: bool = False

    @property
    def notes(self) -> Path | None:
        """Where this process notes the commands of users' own checks, None if nothing is recorded."""
        return self.folder / NOTES.replace("*", str(os.getpid())) if self.options.record else None

    def to_plain(self) -> dict[str, Any]:
        """What a worker cannot know from its own options, as plain data."""
        return {
            "began": self.began,
            "folder": str(self.folder),
            "report": str(self.report),
            "targets": {url: target.to_plain() for url, target in self.targets.items()},
        }

    @staticmethod
    def of_worker(options: RunOptions, data: dict[str, Any]) -> "RunContext":
        """The context in a worker with these `options`, from the output of `to_plain` in the controller."""
        targets = {url: Target.from_plain(found) for url, found in data["targets"].items()}
        return RunContext(
            options,
            data["began"],
            Path(data["folder"]),
            Path(data["report"]),
            MappingProxyType(targets),
            is_worker=True,
        )


_CONTEXT = pytest.StashKey[RunContext]()
_OPTIONS = pytest.StashKey[RunOptions]()


def set_options(config: pytest.Config, options: RunOptions) -> None:
    """Make `options` those of the run, once in each process."""
    config.stash[_OPTIONS] = options


def options_of(config: pytest.Config) -> RunOptions | None:
    """The options of the run, also before its hosts are open: checks are collected first; None if it has no hosts."""
    return config.stash.get(_OPTIONS, None)


def set_context(config: pytest.Config, context: RunContext) -> None:
    """Make `context` that of the run, once in each process."""
    assert _CONTEXT not in config.stash  # noqa: S101  # it is frozen: there is one
    config.stash[_CONTEXT] = context


def context_of(config: pytest.Config) -> RunContext | None:
    """The context of the run; None before the hosts are open, and if the user named none.

    For hooks; fixtures use the fixture `run_context`.
    """
    return config.stash.get(_CONTEXT, None)
