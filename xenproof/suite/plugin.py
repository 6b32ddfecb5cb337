"""The suite as a pytest plugin: it opens the hosts, runs the checks and writes the report."""

import json
import sys
import time
from collections.abc import Generator
from pathlib import Path

import pytest

from xenproof.errors import NotEvaluable, UsageError, XenproofError
from xenproof.hosts.target import Target
from xenproof.lab.recipe import load_recipe
from xenproof.plain import shortened, visible
from xenproof.printing import escaped_output
from xenproof.profile.load import load_profile
from xenproof.results.verdict import Outcome
from xenproof.source.address import Scheme, parse_urls
from xenproof.suite import options
from xenproof.suite.controller import KEY, Controller, LastResort
from xenproof.suite.expect import Mismatch
from xenproof.suite.items import ITEM, ItemData, expected_of, host_of, is_empty, judges, params_of, title_of, verdict_of
from xenproof.suite.kept_guests import check_keepable
from xenproof.suite.outcome import COMPARED_NOTHING, MOST_DETAILS, End, of_error
from xenproof.suite.per_host_loop import PerHostLoop
from xenproof.suite.recording_option import check_recordable
from xenproof.suite.report_verdict import attach_verdict
from xenproof.suite.state import STATE, State

pytest_addoption = options.pytest_addoption


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests() -> Generator[None, None, None]:
    """Replace standard output by the one that removes escape sequences, before pytest's capturing stores it."""
    sys.stdout = escaped_output(sys.stdout)
    return (yield)


def pytest_configure(config: pytest.Config) -> None:
    """Check the options before anything is touched: wrong ones end with exit status 4."""
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
        raise pytest.UsageError(visible(str(error))) from error
    config.stash[STATE] = state
    if PerHostLoop.fits(config, state.urls):
        config.pluginmanager.register(PerHostLoop(state), "xenproof-per-host-loop")
    handed = getattr(config, "workerinput", {}).get(KEY)
    if handed is None:
        controller = Controller(state, config)
        config.pluginmanager.register(controller, "xenproof-controller")
        config.pluginmanager.register(LastResort(controller), "xenproof-last-resort")
        return
    data = json.loads(handed)
    state.is_worker = True
    state.folder, state.report, state.began = Path(data["folder"]), Path(data["report"]), data["began"]
    state.targets = {row["url"]: Target.from_plain(row) for row in data["targets"]}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make one test for each host, and for each expectation that `each` selects."""
    state = metafunc.config.stash.get(STATE, None)
    if "target" in metafunc.fixturenames and "target" not in _own_parameters(metafunc):
        if state is None:
            return  # reported once, after the collection
        urls = state.collected_urls
        metafunc.parametrize("target", urls, ids=urls, indirect=True, scope="session")
    mark = metafunc.definition.get_closest_marker("each")
    if mark is not None and state is not None:
        chosen = state.profile.select(mark.args[0])
        metafunc.parametrize("expected", chosen, ids=[expectation.name for expectation in chosen])


def _own_parameters(metafunc: pytest.Metafunc) -> set[str]:
    """The names that the test itself parametrises: one of the project's own tests may use the name `target`."""
    marks = metafunc.definition.iter_markers("parametrize")
    return {
        name.strip()
        for mark in marks
        for name in (mark.args[0].split(",") if isinstance(mark.args[0], str) else mark.args[0])
    }


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect checks without an expectation, of unreachable hosts, and without -m many also checks of many guests."""
    state = config.stash.get(STATE, None)
    if state is None:
        examining = [item for item in items if judges(item) and "target" not in params_of(item)]
        if examining:
            raise pytest.UsageError(
                f"{examining[0].nodeid} examines a host: give --profile NAME --hosts URL, such as "
                "--profile debian12 --hosts lab://debian12"
            )
        return
    blocked = {url for url, target in state.targets.items() if target.blocked}
    # Checks with the mark `many` take an hour, so they run only with -m many.
    many = "many" in config.option.markexpr
    dropped = [
        item for item in items
        if is_empty(item) or host_of(item) in blocked or (item.get_closest_marker("many") and not many)
    ]  # fmt: skip
    if dropped:
        config.hook.pytest_deselected(items=dropped)
        gone = set(dropped)
        items[:] = [item for item in items if item not in gone]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Run a check of facts on the fast path; where it does not pass there, pytest runs it."""
    state = item.config.stash.get(STATE, None)
    call = state.fast_path(item.config).of(item, nextitem) if state is not None else None
    if state is None or call is None:
        return None
    data, begin = ItemData(title_of(item)), time.perf_counter()
    try:
        recording = state.recording(host_of(item))
    except XenproofError:
        return None
    if not state.fast_path(item.config).passes(call, recording, expected_of(item), data.expect):
        return None
    data.seconds = time.perf_counter() - begin
    data.ran = ["setup", "call", "teardown"]
    call.report(item, verdict_of(item, data, state.urls, state.began))
    return True


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Add the item's data, and the values of the fixtures `expect` and `expected`."""
    item.stash[ITEM] = data = ItemData(title_of(item))
    names = getattr(item, "fixturenames", ())
    data.compares = "expect" in names
    # pytest sets up no fixture whose value is present: setting up these two would take longer than the check itself.
    own = {"expect": data.expect, "expected": expected_of(item)}
    getattr(item, "funcargs", {}).update({name: own[name] for name in own if name in names and own[name] is not None})


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Judge each phase, and attach the verdict so far to pytest's report."""
    data, state = item.stash.get(ITEM, None), item.config.stash.get(STATE, None)
    error = call.excinfo.value if call.excinfo is not None else None
    plain = data is not None and judges(item) and isinstance(error, Mismatch | XenproofError)
    if plain and call.excinfo is not None:
        # The message is complete without a traceback, and formatting it takes three times as long as all checks of a
        # broken host.
        call.excinfo.traceback = call.excinfo.traceback[:0]
    report = yield
    if data is None or state is None:
        return report
    if judges(item):
        _judge(data, report, error)
        if plain:
            report.longrepr = visible(str(error))
        _shorten(report)
        if isinstance(error, NotEvaluable):
            report.outcome = "skipped"
            report.longrepr = (str(item.path), 0, visible(f"not evaluable: {error}"))
    elif report.failed:
        data.ends[report.when] = End(Outcome.ERROR, f"the {report.when} of this test failed", report.longreprtext)
    data.ran.append(report.when)
    data.seconds += report.duration
    attach_verdict(report, verdict_of(item, data, state.urls, state.began))
    if call.when == "teardown":
        del item.stash[ITEM]
    return report


def _judge(data: ItemData, report: pytest.TestReport, error: BaseException | None) -> None:
    """Note how a phase of a check ended; a check that compared nothing is an error, even if pytest passes it."""
    if error is not None:
        data.ends[report.when] = of_error(error, report.when, lambda: report.longreprtext)
    elif report.when == "call" and data.compares and not data.expect.findings:
        data.ends["call"] = End(Outcome.ERROR, COMPARED_NOTHING)
        report.outcome = "failed"
        report.longrepr = COMPARED_NOTHING


def _shorten(report: pytest.TestReport) -> None:
    if report.failed and len(text := report.longreprtext) > MOST_DETAILS:
        report.longrepr = shortened(text, MOST_DETAILS, "too long for a report")
    report.sections = [(name, shortened(text, MOST_DETAILS, "too long for a report")) for name, text in report.sections]
