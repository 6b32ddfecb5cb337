"""The controller, in the process that the user started: opens the hosts, collects verdicts and writes the report."""

import contextlib
import json
import os
import shlex
import sys
import time
import traceback
from collections.abc import Generator
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

import xenproof
from xenproof.errors import LabError, UsageError, XenproofError
from xenproof.hosts.opening import OpenHost, close_all, open_host
from xenproof.hosts.pairing import Pairing
from xenproof.plain import visible
from xenproof.printing import complain, console
from xenproof.report.terminal import summary
from xenproof.report.write import write_reports
from xenproof.results.exit_status import CUT_SHORT, ExitStatus, of_run
from xenproof.results.results import HostSummary, Results
from xenproof.results.verdict import Outcome, Verdict, examined
from xenproof.run import runs
from xenproof.run.interruption import interrupt_on_sigterm
from xenproof.run.process_identity import ProcessIdentity
from xenproof.run.progress import Progress
from xenproof.source.address import Address
from xenproof.suite.collector import Collector
from xenproof.suite.host_logs import keep_host_logs
from xenproof.suite.kept_guests import kept
from xenproof.suite.recording_option import keep_recording
from xenproof.suite.report_folder import ReportFolder
from xenproof.suite.run_context import RunContext, RunOptions, context_of, set_context
from xenproof.suite.summary import host_facts

KEY = "xenproof"
"""The key in xdist's workerinput under which a worker gets the run as plain data."""
_NO_CHECK = "No check was selected, so no host was opened."
_NOT_EVALUATED = int(ExitStatus.NOT_EVALUATED)


class Controller:
    """A plugin of the process that the user started, not of workers: hosts, verdicts, report."""

    def __init__(self, options: RunOptions, config: pytest.Config) -> None:
        self.options = options
        self.config = config
        self.began = time.time()
        self.collector = Collector()
        self.hosts: list[OpenHost] = []
        self.facts: dict[str, dict[str, str]] = {}
        self.run: runs.Run | None = None
        self.folder: Path | None = None
        self.result: Results | None = None
        self.recorded = ""
        self._report: ReportFolder | None = None
        self._lost: list[str] = []
        self._lost_status = 0
        self._shown = False

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Reserve the report and the folder of the run; the hosts are opened when checks were selected for them."""
        interrupt_on_sigterm()
        try:
            self._report = ReportFolder(self.options.report)
        except UsageError as error:
            raise pytest.UsageError(visible(str(error))) from error
        try:
            self.run = runs.new_run("session", ProcessIdentity.of(os.getpid()))
        except LabError as error:
            pytest.exit(visible(str(error)), returncode=_NOT_EVALUATED)
        self.folder = self.run.folder

    def open_hosts(self) -> None:
        """Open the hosts; ends the run if none can be evaluated, which is then reported once."""
        assert self.folder is not None  # noqa: S101  # made at the session's start
        try:
            with self._uncaptured():
                self._open_hosts(self.folder)
        except UsageError as error:
            pytest.exit(visible(str(error)), returncode=int(ExitStatus.WRONG_CALL))
        targets = {opened.target.url: opened.target for opened in self.hosts}
        set_context(
            self.config,
            RunContext(self.options, self.began, self.folder, self.report, MappingProxyType(targets)),
        )
        if all(opened.target.blocked for opened in self.hosts):
            self._finish()
            self._show()
            pytest.exit("no host could be evaluated", returncode=_NOT_EVALUATED)

    @property
    def report(self) -> Path:
        """The folder of the report: the wanted one, or one beside it while another run uses that."""
        return self._report.path if self._report is not None else self.options.report

    def _open_hosts(self, folder: Path) -> None:
        progress = Progress(console(file=sys.__stderr__))
        options = self.options
        with contextlib.closing(Pairing(options.addresses)) as pairing:
            for address in options.addresses:
                self._open_host(address, folder, progress, pairing)

    def _open_host(self, address: Address, folder: Path, progress: Progress, pairing: Pairing) -> None:
        options = self.options
        opened = open_host(
            address,
            options.profile,
            folder,
            progress,
            identity=options.identity,
            known_hosts=options.known_hosts,
            lab_memory_mib=options.lab_memory_mib,
            backing=options.backing,
            pairing=pairing,
        )
        self.hosts.append(opened)
        self.facts[address.url] = host_facts(opened.recording, options.profile)
        # The checks read the recording from its file, host by host: a hundred recordings would fill the memory.
        opened.recording = None

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Pass the run to an xdist worker."""
        context = context_of(self.config)
        assert context is not None  # noqa: S101  # xdist starts its workers after the hosts are open
        node.workerinput[KEY] = json.dumps(context.to_plain())

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Collect each phase of each test, from all workers, before other plugins see the attached verdict."""
        self.collector.add(report)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Write the report and set the exit status, unless pytest ends with a worse one."""
        if self.result is not None:
            return
        self._finish(exitstatus)
        if exitstatus not in (*CUT_SHORT, ExitStatus.WRONG_CALL):
            session.exitstatus = self.exit_status

    @property
    def exit_status(self) -> int:
        """The exit status of the run: that of the verdicts, or where that is 0, that of what could not be written."""
        if self.result is None:
            return int(ExitStatus.INTERNAL_ERROR)
        return int(self.result.exit_status) or self._lost_status

    def pytest_terminal_summary(self) -> None:
        """Print the summary last."""
        self._show()

    def pytest_unconfigure(self) -> None:
        """Close the hosts and remove the run's folder, however the run ended."""
        self._close()

    def end_at_last(self, error: Exception, ended: int) -> None:
        """Judge the run and print the summary, if that was not done, and report the `error` that a plugin raised."""
        if self.result is None:
            self._finish(ended)
        self._lose(f"the run did not end as it should: {type(error).__name__}: {error}", _NOT_EVALUATED)
        complain("".join(traceback.format_exception(error))[-8000:])
        self._show()

    def _finish(self, ended: int = 0) -> None:
        """Judge the verdicts so far and write the report; `ended` is pytest's exit status."""
        try:
            verdicts = (*_blocked(self.hosts), *self.collector.verdicts())
            hosts = tuple(self._summary(opened, verdicts) for opened in self.hosts)
            unread = (HostSummary(url) for url in self.options.urls[len(self.hosts) :])
            self.result = self._run(verdicts, (*hosts, *unread), ended)
            try:
                write_reports(self.result, self.report)
            except XenproofError as error:
                self._lose(str(error), error.exit_status)
            self._record()
        finally:
            self._close()

    def _lose(self, why: str, status: int) -> None:
        """Note what could not be written or done: it is printed after the verdict, and does not change the verdict."""
        self._lost.append(why)
        self._lost_status = self._lost_status or status

    def _record(self) -> None:
        if self.options.record is None:
            return
        if not self.hosts or self.folder is None:
            self._lose("nothing was recorded: no host was read", _NOT_EVALUATED)
            return
        try:
            self.recorded = keep_recording(self.options.record, self.hosts[0].target, self.folder)
        except XenproofError as error:
            self._lose(f"nothing was recorded: {error}", error.exit_status)

    def _summary(self, opened: OpenHost, verdicts: tuple[Verdict, ...]) -> HostSummary:
        logs: list[str] = []
        try:
            logs = keep_host_logs(opened, verdicts, self.report / "logs", self.began)
        except OSError as error:
            self._lose(f"cannot keep the logs of {opened.target.url}: {error.strerror}", _NOT_EVALUATED)
        return HostSummary(opened.target.url, self.facts.get(opened.target.url, {}), tuple(logs))

    def _run(self, verdicts: tuple[Verdict, ...], hosts: tuple[HostSummary, ...], ended: int) -> Results:
        profile = self.options.profile
        status = of_run(verdicts, self.options.urls, ended)
        unopened = _NO_CHECK if not self.hosts and status == _NOT_EVALUATED else ""
        notes = (self._report.note if self._report else "", CUT_SHORT.get(status, ""), unopened)
        return Results(
            profile=profile.name,
            profile_title=profile.title,
            profile_digest=profile.digest,
            started=datetime.fromtimestamp(self.began, UTC).isoformat(timespec="seconds"),
            seconds=time.time() - self.began,
            xenproof_version=xenproof.__version__,
            command=shlex.join(["pytest", *self.config.invocation_params.args]),
            hosts=hosts,
            verdicts=verdicts,
            exit_status=status,
            notes=(*filter(None, notes), *(kept(self.folder) if self.folder is not None else ())),
        )

    def _show(self) -> None:
        if self.result is None or self._shown:
            return
        self._shown = True
        page = self.report / "report.html"
        # A closed terminal or a full disk does not change the verdict.
        with self._uncaptured(), contextlib.suppress(OSError):
            out = console(wrap=True)
            summary(self.result, out, page if page.is_file() else None)
            if self.recorded:
                out.print(f"  {self.recorded}", soft_wrap=True)
            for why in self._lost:
                complain(f"xenproof: {why}")

    def _close(self) -> None:
        close_all(self.hosts)
        if self.run is not None:
            self.run.remove()
            self.run = None
        if self._report is not None:
            self._report.release()

    def _uncaptured(self) -> contextlib.AbstractContextManager[None]:
        capture = self.config.pluginmanager.getplugin("capturemanager")
        return capture.global_and_fixture_disabled() if capture else contextlib.nullcontext()


class LateErrors:
    """Catches errors in the last steps of pytest or of a plugin, such as a full disk.

    Such an error would end Python with status 1, which means that a host does not conform.
    """

    def __init__(self, controller: Controller) -> None:
        self._controller = controller

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, None, None]:
        """Let all other plugins finish, and then print the summary, even after an error."""
        try:
            return (yield)
        except pytest.exit.Exception:
            raise
        except Exception as error:  # noqa: BLE001  # the verdict is known in spite of any error
            self._controller.end_at_last(error, int(session.exitstatus))
            session.exitstatus = self._controller.exit_status


def _blocked(hosts: list[OpenHost]) -> tuple[Verdict, ...]:
    return tuple(
        Verdict(
            id=f"host can be evaluated [{opened.target.url}]",
            hosts=examined(opened.target.url),
            family="host",
            title="The host answers and is a Xen dom0.",
            outcome=Outcome.ERROR,
            reason=opened.target.blocked,
        )
        for opened in hosts
        if opened.target.blocked
    )
