"""Reports an error for a check during which its host was rebooted: its result, pass or fail, proves nothing then."""

import contextlib
from collections.abc import Generator

import pytest

from xenproof.errors import SourceError
from xenproof.source.connection import Connection
from xenproof.source.reconnecting import ReconnectingConnection
from xenproof.suite.expect import Mismatch

_WATCHED = pytest.StashKey[list[ReconnectingConnection]]()
_BEFORE = pytest.StashKey[int]()


def watch(config: pytest.Config, connection: Connection) -> None:
    """Watch `connection` for reboots and breaks, if it is one that reconnects."""
    if isinstance(connection, ReconnectingConnection):
        config.stash.setdefault(_WATCHED, []).append(connection)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, None, None]:
    """Note the events so far: those between two checks do not count for this one."""
    for connection in item.config.stash.get(_WATCHED, []):
        with contextlib.suppress(SourceError):
            connection.look()
    item.stash[_BEFORE] = len(_reconnections(item))
    return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Raise SourceError for a check whose host was lost meanwhile, whether the check passed or failed."""
    try:
        result = yield
    except (Mismatch, AssertionError) as found:
        if reconnected := _reconnections(item)[item.stash[_BEFORE] :]:
            raise SourceError("; ".join(reconnected)) from found
        raise
    if reconnected := _reconnections(item)[item.stash[_BEFORE] :]:
        raise SourceError("; ".join(reconnected))
    return result


def _reconnections(item: pytest.Item) -> list[str]:
    return [line for connection in item.config.stash.get(_WATCHED, []) for line in connection.reconnections]
