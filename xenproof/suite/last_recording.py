"""The recording that checks read: only that of the last host is cached, as a hundred would fill the memory."""

import pytest

from xenproof.hosts.target import Target
from xenproof.source.probe import Cache, Recording

_NAME = "xenproof-last-recording"


class LastRecording:
    """Caches the recording of one host, or the error of reading it, until another host's is read."""

    def __init__(self) -> None:
        self._read: tuple[Target, Cache] | None = None

    def of(self, target: Target) -> Recording:
        """The recording of `target`; raises what `Target.read` raises."""
        if self._read is None or self._read[0] is not target:
            self._read = None
            self._read = target, Cache()
        return self._read[1].once(target.url, target.read)


def cache_recordings(config: pytest.Config) -> None:
    """Cache the last recording of this process from now on."""
    config.pluginmanager.register(LastRecording(), _NAME)


def recording_of(config: pytest.Config, target: Target) -> Recording:
    """The recording of `target`, cached; raises what `Target.read` raises."""
    cached = config.pluginmanager.get_plugin(_NAME)
    assert isinstance(cached, LastRecording)  # noqa: S101  # registered as the run was configured
    return cached.of(target)
