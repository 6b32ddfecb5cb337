"""How an interrupted run ends: it removes its guests first; after a second interrupt, the keepers on the hosts do.

Either way the report is written, and the exit status is that of an interrupted run.
"""

import contextlib
import warnings
from collections.abc import Generator

import pytest

from xenproof.plain import visible
from xenproof.run.interruption import Interruptions
from xenproof.suite.controller import Controller

_REMOVING = (
    "xenproof: interrupted; what the run has on its hosts is being removed. "
    "Interrupt once more to end at once: the hosts then remove it by themselves"
)


class Ending:
    """The end of an interrupted run in the process that the user started, which catches `signals`."""

    def __init__(self, config: pytest.Config, controller: Controller, signals: Interruptions) -> None:
        self._config, self._controller, self._signals = config, controller, signals

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionstart(self, session: pytest.Session) -> Generator[None, None, None]:
        """Write the report of a run that is interrupted while workers start: pytest calls no sessionfinish then."""
        try:
            return (yield)
        except KeyboardInterrupt:
            self._signals.is_ending()
            self._controller.pytest_sessionfinish(session, int(pytest.ExitCode.INTERRUPTED))
            self._controller.pytest_terminal_summary()
            raise

    @pytest.hookimpl(tryfirst=True)
    def pytest_keyboard_interrupt(self) -> None:
        """Note that the run is ending, so that no further signal is raised for that."""
        self._signals.is_ending()

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Remove the guests before pytest does: in pytest, a second Ctrl-C would leave the report unwritten.

        An error of a host from which a guest cannot be removed would do the same.
        """
        self._signals.is_ending()
        state = session._setupstate
        if exitstatus != pytest.ExitCode.INTERRUPTED or not state.stack:
            return
        try:
            if self._signals.asked < 2:
                self._say(_REMOVING)
                with self._signals.may_cut_short():
                    state.teardown_exact(None)
        except KeyboardInterrupt:
            pass  # the keepers on the hosts notice the closed connections
        except BaseException as error:  # noqa: BLE001  # pytest's own outcomes are no Exception
            self._say(f"xenproof: what the run has on its hosts could not all be removed: {error}")
        state.stack.clear()

    @pytest.hookimpl(tryfirst=True)
    def pytest_unconfigure(self) -> None:
        """Ignore warnings about unclosed resources: as errors they would change Python's exit status."""
        warnings.simplefilter("ignore" if self._signals.asked else "default")

    def _say(self, text: str) -> None:
        if (terminal := self._config.pluginmanager.get_plugin("terminalreporter")) is not None:
            with contextlib.suppress(OSError):
                terminal.ensure_newline()
                terminal.write_line(visible(text))


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Catch the signals in the process that the user started, if it examines hosts."""
    if (controller := config.pluginmanager.get_plugin("xenproof-controller")) is not None:
        signals = Interruptions()
        signals.install()
        config.add_cleanup(signals.restore)
        config.pluginmanager.register(Ending(config, controller, signals), "xenproof-ending")
