"""The suite as a pytest plugin: it opens the hosts, runs the checks and writes the report."""

import contextlib
import json
import os
import re
import shlex
import sys
import time
from collections.abc import Generator
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

import xenproof
from xenproof.errors import LabError, NotEvaluable, UsageError, XenproofError
from xenproof.interruption import interrupt_on_sigterm
from xenproof.lab import runs
from xenproof.lab.identity import ProcessIdentity
from xenproof.lab.progress import Progress
from xenproof.lab.recipe import load_recipe
from xenproof.profile.expectation import Expectation
from xenproof.profile.load import load_profile
from xenproof.profile.profile import Profile
from xenproof.plain import visible
from xenproof.report.terminal import summary
from xenproof.report.verdict import HostSummary, Outcome, Run, Verdict
from xenproof.report.write import write_reports
from xenproof.source.address import Scheme, parse_urls
from xenproof.source.probe import Recording
from xenproof.suite import options
from xenproof.suite.collector import KEY, PLACED, Collector
from xenproof.suite.expect import Expect, Mismatch, words
from xenproof.suite.host_by_host import HostByHost
from xenproof.suite.host_logs import keep_host_logs
from xenproof.suite.keep import NOTES, check_recordable, keep_recording
from xenproof.suite.kept_guests import check_keepable, kept
from xenproof.suite.opening import Opened, close_all, open_host
from xenproof.suite.outcome import COMPARED_NOTHING, of_error
from xenproof.suite.quick import QuickCalls
from xenproof.suite.summary import host_facts
from xenproof.suite.target import Target

pytest_addoption = options.pytest_addoption

STATE = pytest.StashKey["State"]()
ITEM = pytest.StashKey["ItemData"]()


class ItemData:
    """What one test says of itself while it runs."""

    def __init__(self, claim: str) -> None:
        self.expect = Expect(claim)
        self.compares = False
        self.attachments: list[str] = []
        self.said: dict[str, tuple[str, str, str]] = {}
        self.began = time.time()


class State:
    """The run as this process sees it: all of it in the controller, its plain part in a worker."""

    def __init__(self, profile: Profile, urls: list[str], report: Path) -> None:
        self.profile = profile
        self.urls = urls
        self.report = report
        self.began = time.time()
        self.targets: dict[str, Target] = {}
        self.folder = Path()
        self.is_worker = False
        self.record: Path | None = None
        self.host_by_host = False
        self._quick: QuickCalls | None = None
        self._read: tuple[str, Recording] | None = None

    def quick_calls(self, config: pytest.Config) -> QuickCalls:
        """The checks that can be called right away."""
        if self._quick is None:
            self._quick = QuickCalls(config, self.profile)
        return self._quick

    def recording(self, url: str) -> Recording:
        """The recording of a host; one at a time is kept.  Raises what `Target.read` raises."""
        if self._read is None or self._read[0] != url:
            self._read = None
            self._read = url, self.targets[url].read()
        return self._read[1]

    @property
    def notes(self) -> Path | None:
        """Where this process notes the commands of users' own checks, None if nothing is recorded."""
        return self.folder / NOTES.replace("*", str(os.getpid())) if self.record else None


class Controller:
    """What only the process does that the user started: hosts, verdicts, report."""

    def __init__(self, state: State, config: pytest.Config) -> None:
        self.state = state
        self.config = config
        self.collector = Collector()
        self.hosts: list[Opened] = []
        self.facts: dict[str, dict[str, str]] = {}
        self.run: runs.Run | None = None
        self.result: Run | None = None
        self.recorded, self.unrecorded = "", 0

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Open the hosts before anything is collected: an unreachable one is said once."""
        interrupt_on_sigterm()
        _new_report_folder(self.state.report)
        try:
            self.run = runs.new_run("session", ProcessIdentity.of(os.getpid()))
        except LabError as error:
            pytest.exit(str(error), returncode=6)
        self.state.folder = self.run.folder
        progress = Progress(Console(file=sys.__stderr__, highlight=False))
        with self._uncaptured():
            for url in self.state.urls:
                opened = open_host(
                    url,
                    self.state.profile,
                    self.state.folder,
                    progress,
                    identity=self.config.getoption("--identity"),
                    known_hosts=self.config.getoption("--known-hosts"),
                    lab_memory_mib=self.config.getoption("--lab-memory"),
                    backing=tuple(self.config.getoption("--backing")),
                )
                self.hosts.append(opened)
                self.state.targets[url] = opened.target
                self.facts[url] = host_facts(opened.recording, self.state.profile)
                # The checks read it from its file, host by host: a hundred of them would fill the memory.
                opened.recording = None
        if all(opened.target.blocked for opened in self.hosts):
            self._finish(interrupted=False)
            self._show()
            pytest.exit("no host could be evaluated", returncode=6)

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Hand the run to an xdist worker."""
        node.workerinput[KEY] = json.dumps(
            {
                "folder": str(self.state.folder),
                "began": self.state.began,
                "targets": [target.to_plain() for target in self.state.targets.values()],
            }
        )

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take each phase of each test, whichever worker ran it, before other plugins show what it carries."""
        self.collector.add(report)

    def pytest_runtest_logfinish(self) -> None:
        """Let go of what the terminal keeps and never shows: reports of what passed, of which it counts the calls."""
        if (terminal := self.config.pluginmanager.get_plugin("terminalreporter")) is None:
            return
        terminal.stats.get("", []).clear()
        if len(passed := terminal.stats.get("passed", [])) > 1 and not self._shows_passed:
            passed[-1] = passed[0]

    @cached_property
    def _shows_passed(self) -> bool:
        return bool(self.config.getoption("durations") or set("pPA") & set(self.config.getoption("reportchars")))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Write the report and set the exit status, unless pytest has something worse to say."""
        self._spare_hypothesis()
        if self.result is not None:
            return
        interrupted = exitstatus in (pytest.ExitCode.INTERRUPTED, pytest.ExitCode.INTERNAL_ERROR)
        self._finish(interrupted=interrupted)
        if not interrupted and exitstatus != pytest.ExitCode.USAGE_ERROR and self.result is not None:
            session.exitstatus = self.result.exit_status or self.unrecorded

    def pytest_terminal_summary(self) -> None:
        """Close with the verdict."""
        self._show()

    def pytest_unconfigure(self) -> None:
        """Leave nothing, however the run ended."""
        self._close()

    def _spare_hypothesis(self) -> None:
        # Its plugin loads all of Hypothesis for its closing words, which takes longer than all checks of a host.
        plugins = self.config.pluginmanager
        if "hypothesis" not in sys.modules and plugins.has_plugin("hypothesispytest"):
            plugins.unregister(name="hypothesispytest")

    def _finish(self, *, interrupted: bool) -> None:
        try:
            verdicts = (*_blocked(self.hosts), *self.collector.verdicts())
            hosts = tuple(self._summary(opened, verdicts) for opened in self.hosts)
            self.result = self._run(verdicts, hosts, interrupted=interrupted)
            write_reports(self.result, self.state.report)
            self._record()
        finally:
            self._close()

    def _record(self) -> None:
        if self.state.record is None:
            return
        try:
            self.recorded = keep_recording(self.state.record, self.hosts[0].target, self.state.folder)
        except XenproofError as error:
            self.recorded, self.unrecorded = f"nothing was recorded: {error}", error.exit_status

    def _summary(self, opened: Opened, verdicts: tuple[Verdict, ...]) -> HostSummary:
        logs = keep_host_logs(opened, verdicts, self.state.report / "logs", self.state.began)
        return HostSummary(opened.target.url, self.facts[opened.target.url], tuple(logs))

    def _run(self, verdicts: tuple[Verdict, ...], hosts: tuple[HostSummary, ...], *, interrupted: bool) -> Run:
        profile = self.state.profile
        notes = ("The run was interrupted: not every check ran.",) if interrupted else ()
        return Run(
            profile=profile.name,
            profile_title=profile.title,
            profile_digest=profile.digest,
            started=datetime.fromtimestamp(self.state.began, UTC).isoformat(timespec="seconds"),
            seconds=time.time() - self.state.began,
            xenproof_version=xenproof.__version__,
            command=shlex.join(["pytest", *self.config.invocation_params.args]),
            hosts=hosts,
            verdicts=verdicts,
            exit_status=int(pytest.ExitCode.INTERRUPTED) if interrupted else exit_status(verdicts, self.state.urls),
            notes=(*notes, *kept(self.state.folder)),
        )

    def _show(self) -> None:
        if self.result is not None:
            with self._uncaptured():
                summary(self.result, Console(highlight=False), self.state.report / "report.html")
                if self.recorded:
                    Console(highlight=False).print(f"  {self.recorded}", markup=False, soft_wrap=True)

    def _close(self) -> None:
        close_all(self.hosts)
        if self.run is not None:
            self.run.remove()
            self.run = None

    def _uncaptured(self) -> contextlib.AbstractContextManager[None]:
        capture = self.config.pluginmanager.getplugin("capturemanager")
        return capture.global_and_fixture_disabled() if capture else contextlib.nullcontext()


def exit_status(verdicts: tuple[Verdict, ...], urls: list[str]) -> int:
    """0 conforms, 1 does not, 6 could not be evaluated: a host without one pass has not conformed."""
    if any(verdict.outcome is Outcome.FAIL and verdict.level == "must" for verdict in verdicts):
        return 1
    passed = {verdict.host for verdict in verdicts if verdict.outcome is Outcome.PASS}
    unclear = any(verdict.outcome is Outcome.ERROR for verdict in verdicts)
    return 6 if unclear or passed != set(urls) else 0


def pytest_configure(config: pytest.Config) -> None:
    """Check the call before anything is touched: a wrong one is exit status 4."""
    hosts, profile_name = config.getoption("--hosts"), config.getoption("--profile")
    if not hosts and not profile_name:
        return
    if not hosts or not profile_name:
        given, missing = ("--hosts", "--profile") if hosts else ("--profile", "--hosts")
        raise pytest.UsageError(f"{given} is given without {missing}: expected both, such as "
                                "--profile debian12 --hosts lab://debian12")  # fmt: skip
    try:
        addresses = parse_urls(hosts)
        for address in addresses:
            if address.scheme is Scheme.LAB:
                recipe = load_recipe(address.release)
                if (memory := config.getoption("--lab-memory")) is not None:
                    recipe.with_memory(memory)
        profile = load_profile(profile_name)
        state = State(profile, [address.url for address in addresses], config.getoption("--report").absolute())
        options.check_guest_kernel(config.getoption("--guest-kernel"))
        if config.getoption("--keep-guests"):
            check_keepable(addresses)
        if (record := config.getoption("--record")) is not None:
            check_recordable(record, addresses)
            state.record = record.absolute()
    except UsageError as error:
        raise pytest.UsageError(str(error)) from error
    config.stash[STATE] = state
    if not config.getoption("newfirst", False) and (known := config.pluginmanager.get_plugin("nfplugin")) is not None:
        # It would note the name of each test on each host, and read them all again at each start.
        config.pluginmanager.unregister(known)
    if HostByHost.fits(config, state.urls):
        state.host_by_host = True
        config.pluginmanager.register(HostByHost(state.urls), "xenproof-host-by-host")
    handed = getattr(config, "workerinput", {}).get(KEY)
    if handed is None:
        config.pluginmanager.register(Controller(state, config), "xenproof-controller")
        return
    data = json.loads(handed)
    state.is_worker = True
    state.folder, state.began = Path(data["folder"]), data["began"]
    state.targets = {row["url"]: Target.from_plain(row) for row in data["targets"]}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each host, and for each expectation that a check is about."""
    state = metafunc.config.stash.get(STATE, None)
    if "target" in metafunc.fixturenames and "target" not in _own_parameters(metafunc):
        if state is None:
            return  # said once, when all is collected
        urls = state.urls[:1] if state.host_by_host else state.urls
        metafunc.parametrize("target", urls, ids=urls, indirect=True, scope="session")
    mark = metafunc.definition.get_closest_marker("each")
    if mark is not None and state is not None:
        chosen = state.profile.select(mark.args[0])
        metafunc.parametrize("expected", chosen, ids=[expectation.name for expectation in chosen])


def _own_parameters(metafunc: pytest.Metafunc) -> set[str]:
    """The names that the test itself parametrises: a test of ours may call something of its own a target."""
    marks = metafunc.definition.iter_markers("parametrize")
    return {
        name.strip()
        for mark in marks
        for name in (mark.args[0].split(",") if isinstance(mark.args[0], str) else mark.args[0])
    }


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Drop what nobody promises, and what a blocked host would only say again."""
    state = config.stash.get(STATE, None)
    if state is None:
        judges = [
            item for item in items if "target" in getattr(item, "fixturenames", ()) and "target" not in _params(item)
        ]
        if judges:
            raise pytest.UsageError(
                f"{judges[0].nodeid} examines a host: give --profile NAME --hosts URL, such as "
                "--profile debian12 --hosts lab://debian12"
            )
        return
    blocked = {url for url, target in state.targets.items() if target.blocked}
    # They take an hour, so they run where somebody asks for them.
    many = "many" in config.option.markexpr
    dropped = [
        item for item in items
        if _is_empty(item) or _host_of(item) in blocked or (item.get_closest_marker("many") and not many)
    ]  # fmt: skip
    if dropped:
        config.hook.pytest_deselected(items=dropped)
        gone = set(dropped)
        items[:] = [item for item in items if item not in gone]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Call a check of facts right away; if that is not enough to say that it passes, pytest runs it."""
    state = item.config.stash.get(STATE, None)
    call = state.quick_calls(item.config).of(item, nextitem) if state is not None else None
    if state is None or call is None:
        return None
    data, begin = ItemData(_title(item)), time.perf_counter()
    try:
        recording = state.recording(_host_of(item))
    except XenproofError:
        return None
    if not state.quick_calls(item.config).passes(call, recording, _expected(item), data.expect):
        return None
    call.report(item, time.perf_counter() - begin, (KEY, _plain(item, data)))
    return True


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Give the test a place for what it says, and the two values that are its own."""
    item.stash[ITEM] = data = ItemData(_title(item))
    names = getattr(item, "fixturenames", ())
    data.compares = "expect" in names
    # pytest sets up no fixture whose value is there: these two would take longer than the check that asks for them.
    own = {"expect": data.expect, "expected": _expected(item)}
    getattr(item, "funcargs", {}).update({name: own[name] for name in own if name in names and own[name] is not None})


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Say what each phase means for the verdict, and send it along with pytest's own report."""
    data = item.stash.get(ITEM, None)
    judges = data is not None and "target" in getattr(item, "fixturenames", ())
    plain = judges and call.excinfo is not None and call.excinfo.errisinstance((Mismatch, XenproofError))
    if plain and call.excinfo is not None:
        # The message says it all.  To format the frames takes three times as long as all checks of a broken host.
        call.excinfo.traceback = call.excinfo.traceback[:0]
    report = yield
    if data is None or not judges:
        return report
    if call.excinfo is not None:
        data.said[call.when] = of_error(call.excinfo.value, call.when, lambda: report.longreprtext)
    elif call.when == "call" and data.compares and not data.expect.findings:
        data.said["call"] = (Outcome.ERROR, COMPARED_NOTHING, "")
        report.outcome = "failed"
        report.longrepr = COMPARED_NOTHING
    if plain and call.excinfo is not None:
        report.longrepr = visible(str(call.excinfo.value))
    if call.excinfo is not None and call.excinfo.errisinstance(NotEvaluable):
        report.outcome = "skipped"
        report.longrepr = (str(item.path), 0, visible(f"not evaluable: {call.excinfo.value}"))
    report.user_properties = _for_report(item)
    if call.when != "call" or not report.passed:
        # A call that passed has nothing to add to what the end of the test says.
        report.user_properties.append((KEY, _plain(item, data)))
    if call.when == "teardown":
        del item.stash[ITEM]
    return report


def _plain(item: pytest.Item, data: ItemData) -> dict[str, Any]:
    """What the controller needs of a test, of types that xdist can send."""
    expected = _expected(item)
    finding = data.expect.findings[-1] if data.expect.findings else None
    state = item.config.stash[STATE]
    # A check of a mixed family names all that the family proves; the expectation says which of it this is.
    ids = set(expected.req) if expected is not None else _marked(item)
    return {
        "id": _id(item),
        "host": _host_of(item),
        "family": item.path.stem.removeprefix("test_"),
        "title": data.expect.claim,
        "level": str(expected.level) if expected is not None else "must",
        "req": sorted(ids),
        "finding": {name: getattr(finding, name) for name in finding.__slots__} if finding else None,
        "said": {when: (str(outcome), *rest) for when, (outcome, *rest) in data.said.items()},
        "started_s": data.began - state.began,
        "attachments": data.attachments,
    }


def _marked(item: pytest.Item) -> set[str]:
    return {str(name) for mark in item.iter_markers("req") for name in mark.args}


def _for_report(item: pytest.Item) -> list[tuple[str, object]]:
    return [(key, value) for key, value in item.user_properties if key in PLACED]


def _title(item: pytest.Item) -> str:
    """The docstring of the test, with the expectation that it is about filled in."""
    text = " ".join((getattr(getattr(item, "obj", None), "__doc__", None) or item.name).split())
    if (expected := _expected(item)) is not None:
        text = text.replace("{name}", str(expected.name)).replace("{value}", words(expected.value))
    for key, value in _params(item).items():
        text = text.replace(f"{{{key}}}", str(value))
    return text


def _params(item: pytest.Item) -> dict[str, Any]:
    params: dict[str, Any] = getattr(getattr(item, "callspec", None), "params", {})
    return params


def _expected(item: pytest.Item) -> Expectation | None:
    """The expectation that a check with `each` is about, None for any other."""
    found = _params(item).get("expected")
    return found if isinstance(found, Expectation) else None


def _host_of(item: pytest.Item) -> str:
    return str(_params(item).get("target", ""))


def _id(item: pytest.Item) -> str:
    """The check without its host, so that the same check on two hosts has one name."""
    host = _host_of(item)
    # pytest names the file of a test only if it lies in the repository.
    name = item.path.name if item.nodeid.startswith("::") else ""
    # xdist adds @GROUP to the name of what it keeps on one worker.
    return name + re.sub(r"\]@.*$", "]", item.nodeid).replace(f"[{host}-", "[").replace(f"[{host}]", "")


def _is_empty(item: pytest.Item) -> bool:
    """Whether pytest made this item only to say that there is nothing to run."""
    if item.get_closest_marker("each") is None:
        return False
    return _expected(item) is None


def _blocked(hosts: list[Opened]) -> tuple[Verdict, ...]:
    return tuple(
        Verdict(
            id=f"host can be evaluated [{opened.target.url}]",
            host=opened.target.url,
            family="host",
            title="The host answers and is a Xen dom0.",
            outcome=Outcome.ERROR,
            reason=opened.target.blocked,
        )
        for opened in hosts
        if opened.target.blocked
    )


def _new_report_folder(folder: Path) -> None:
    """Empty the report folder of what a former run of ours left there."""
    logs = folder / "logs"
    try:
        logs.mkdir(parents=True, exist_ok=True)
        for old in (*logs.iterdir(), *(folder / name for name in ("report.html", "results.json", "junit.xml"))):
            if old.is_file() or old.is_symlink():
                old.unlink()
    except OSError as error:
        raise pytest.UsageError(
            f"cannot write the report to {folder}: {error.strerror}; name another folder with --report"
        ) from error
