"""The state of a run."""

import os
import time
from pathlib import Path

import pytest

from xenproof.hosts.target import Target
from xenproof.profile.profile import Profile
from xenproof.source.probe import Cache, Recording
from xenproof.suite.fast_path import FastPath
from xenproof.suite.recording_option import NOTES

STATE = pytest.StashKey["State"]()


class State:
    """The state of the run in this process: complete in the controller, the plain data of it in a worker."""

    def __init__(self, profile: Profile, urls: list[str], report: Path) -> None:
        self.profile = profile
        self.urls = urls
        self.report = report
        self.began = time.time()
        self.targets: dict[str, Target] = {}
        self.folder = Path()
        self.is_worker = False
        self.record: Path | None = None
        # The hosts for which tests are collected: all, or one after the other.
        self.collected_urls = urls
        self._fast_path: FastPath | None = None
        self._read: tuple[str, Cache] | None = None

    def fast_path(self, config: pytest.Config) -> FastPath:
        """The fast path of this run, registered as a plugin at the first call."""
        if self._fast_path is None:
            self._fast_path = FastPath(config, self.profile)
            config.pluginmanager.register(self._fast_path, "xenproof-fast-path")
        return self._fast_path

    def recording(self, url: str) -> Recording:
        """The recording of a host; only the last one is cached, also as an error.

        Raises what `Target.read` raises.
        """
        if self._read is None or self._read[0] != url:
            self._read = None
            self._read = url, Cache()
        return self._read[1].once(url, self.targets[url].read)

    @property
    def notes(self) -> Path | None:
        """Where this process notes the commands of users' own checks, None if nothing is recorded."""
        return self.folder / NOTES.replace("*", str(os.getpid())) if self.record else None
