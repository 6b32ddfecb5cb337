"""How an interrupted run ends: its guests are removed first; where somebody asks again, their hosts remove them.

Either way the report is written, and the status is that of an interrupted run.
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
    """What the process that the user started does of it, with the `signals` that it hears."""

    def __init__(self, config: pytest.Config, controller: Controller, signals: Interruptions) -> None:
        self._config, self._controller, self._signals = config, controller, signals

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionstart(self, session: pytest.Session) -> Generator[None, None, None]:
        """Write the report of a run that is interrupted while workers start: pytest finishes no session then."""
        try:
            return (yield)
        except KeyboardInterrupt:
            self._signals.is_ending()
            self._controller.pytest_sessionfinish(session, int(pytest.ExitCode.INTERRUPTED))
            self._controller.pytest_terminal_summary()
            raise

    @pytest.hookimpl(tryfirst=True)
    def pytest_keyboard_interrupt(self) -> None:
        """The run is at its end: no further signal is needed for that."""
        self._signals.is_ending()

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Remove the guests before pytest does: there a second Ctrl-C would leave the report unwritten.

        So would an error of a host that a guest cannot be removed from.
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
            pass  # the keepers on the hosts see that we are gone
        except BaseException as error:  # noqa: BLE001  # pytest's own outcomes are no Exception
            self._say(f"xenproof: what the run has on its hosts could not all be removed: {error}")
        state.stack.clear()

    @pytest.hookimpl(tryfirst=True)
    def pytest_unconfigure(self) -> None:
        """What was not closed in time is no error any more: it would end Python with the status of another verdict."""
        warnings.simplefilter("ignore" if self._signals.asked else "default")

    def _say(self, text: str) -> None:
        if (terminal := self._config.pluginmanager.get_plugin("terminalreporter")) is not None:
            with contextlib.suppress(OSError):
                terminal.ensure_newline()
                terminal.write_line(visible(text))


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Hear the signals in the process that the user started, where it examines hosts."""
    if (controller := config.pluginmanager.get_plugin("xenproof-controller")) is not None:
        signals = Interruptions()
        signals.hear()
        config.add_cleanup(signals.let_go)
        config.pluginmanager.register(Ending(config, controller, signals), "xenproof-ending")
