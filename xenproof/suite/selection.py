"""Selects the checks before the hosts are opened: a run that selects nothing is over at once, as opening takes minutes.

In one process pytest collects once, and the hosts are opened at the end of that.  xdist lets only its workers collect,
and hands them the open hosts with their start, so the controlling process collects for the selection alone.
"""

from typing import Any

import pytest

from xenproof.suite.controller import Controller
from xenproof.suite.items import deselect, host_of


class Selection:
    """Opens the hosts of `controller` when checks were selected for them."""

    def __init__(self, config: pytest.Config, controller: Controller) -> None:
        self._config, self._controller = config, controller
        self._session: pytest.Session | None = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Note the session, in which the checks are selected."""
        self._session = session

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, session: pytest.Session, items: list[pytest.Item]) -> None:
        """Open the hosts when all plugins have selected, and drop the checks of those that cannot be evaluated."""
        if not self._controller.hosts:
            if not items or self._has_failed(session):
                return
            self._end_line()
            self._controller.open_hosts()
        blocked = {opened.target.url for opened in self._controller.hosts if opened.target.blocked}
        deselect(self._config, items, lambda item: host_of(item) in blocked)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_setupnodes(self, specs: list[Any]) -> None:
        """Select before xdist starts its workers, those of `specs`; without a selection it starts none."""
        assert self._session is not None  # noqa: S101  # xdist starts its workers at the end of the session's start
        self._session.perform_collect()
        self._session.items.clear()
        if not self._controller.hosts:
            specs.clear()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """End a run that opened no host as pytest does in one process: xdist would wait for its workers."""
        if self._controller.hosts or not self._config.pluginmanager.has_plugin("dsession"):
            return None
        if failed := session.testsfailed:
            raise session.Interrupted(f"{failed} error{'s' if failed > 1 else ''} during collection")
        return True

    def _has_failed(self, session: pytest.Session) -> bool:
        """Whether no check will run, as some could not be collected."""
        return bool(session.testsfailed) and not self._config.option.continue_on_collection_errors

    def _end_line(self) -> None:
        """End the line in which pytest shows on a terminal how many tests it has collected so far."""
        terminal = self._config.pluginmanager.get_plugin("terminalreporter")
        if terminal is not None and terminal.isatty():
            terminal.line("")


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Select in the process that the user started, if it examines hosts."""
    if (controller := config.pluginmanager.get_plugin("xenproof-controller")) is not None:
        config.pluginmanager.register(Selection(config, controller), "xenproof-selection")
