"""The suite as a pytest plugin: it opens the hosts, runs the checks and writes the report."""

import gc
import json
import sys
import time
from collections.abc import Generator

import pytest

from xenproof.errors import NotEvaluable, XenproofError
from xenproof.plain import shortened, visible
from xenproof.printing import escaped_output
from xenproof.results.verdict import Outcome
from xenproof.suite.controller import KEY, Controller, LateErrors
from xenproof.suite.expect import Mismatch
from xenproof.suite.fast_path import add_fast_path, fast_path_of
from xenproof.suite.host_load import judged_by_load, meter_for
from xenproof.suite.items import (
    ITEM,
    ItemData,
    deselect,
    expected_of,
    host_of,
    is_empty,
    judges,
    params_of,
    title_of,
    verdict_of,
)
from xenproof.suite.last_recording import cache_recordings, recording_of
from xenproof.suite.options import pytest_addoption, read_options
from xenproof.suite.outcome import COMPARED_NOTHING, MOST_DETAILS, End, of_error
from xenproof.suite.per_host_loop import PerHostLoop
from xenproof.suite.report_verdict import attach_verdict
from xenproof.suite.run_context import RunContext, context_of, options_of, set_context, set_options

__all__ = ["pytest_addoption"]  # a hook, which pytest finds among the names of this module


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests() -> Generator[None, None, None]:
    """Replace standard output by the one that removes escape sequences, before pytest's capturing stores it."""
    sys.stdout = escaped_output(sys.stdout)
    return (yield)


def pytest_configure(config: pytest.Config) -> None:
    """Check the options before anything is touched: wrong ones end with exit status 4."""
    options = read_options(config)
    if options is None:
        return
    _keep_imports_out_of_garbage_collection()
    set_options(config, options)
    cache_recordings(config)
    add_fast_path(config, options.profile)
    PerHostLoop.add_where_it_fits(config, options.urls)
    handed = getattr(config, "workerinput", {}).get(KEY)
    if handed is not None:
        set_context(config, RunContext.of_worker(options, json.loads(handed)))
        return
    controller = Controller(options, config)
    config.pluginmanager.register(controller, "xenproof-controller")
    config.pluginmanager.register(LateErrors(controller), "xenproof-late-errors")


def _keep_imports_out_of_garbage_collection() -> None:
    """Never look for garbage in what was imported: a short run spends a tenth of its time on that.

    The threshold stays Python's own: with a larger one the tests of a host stay in memory for longer.
    """
    gc.freeze()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make one test for each host, and for each expectation that `each` selects."""
    options = options_of(metafunc.config)
    if "target" in metafunc.fixturenames and "target" not in _own_parameters(metafunc):
        if options is None:
            return  # reported once, after the collection
        urls = PerHostLoop.collected(metafunc.config, options.urls)
        metafunc.parametrize("target", urls, ids=urls, indirect=True, scope="session")
    mark = metafunc.definition.get_closest_marker("each")
    if mark is not None and options is not None:
        chosen = options.profile.select(mark.args[0])
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
    """Deselect checks without an expectation, and without -m many also checks of many guests."""
    if options_of(config) is None:
        examining = [item for item in items if judges(item) and "target" not in params_of(item)]
        if examining:
            raise pytest.UsageError(
                f"{examining[0].nodeid} examines a host: give --profile NAME --hosts URL, such as "
                "--profile debian12 --hosts lab://debian12"
            )
        return
    # Checks with the mark `many` take an hour, so they run only with -m many.
    many = "many" in config.option.markexpr
    deselect(config, items, lambda item: is_empty(item) or (item.get_closest_marker("many") is not None and not many))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Run a check of facts on the fast path; where it does not pass there, pytest runs it."""
    context = context_of(item.config)
    if context is None:
        return None
    fast_path = fast_path_of(item.config)
    call = fast_path.of(item, nextitem)
    if call is None:
        return None
    data, begin = ItemData(title_of(item)), time.perf_counter()
    try:
        recording = recording_of(item.config, context.targets[host_of(item)])
    except XenproofError:
        return None
    if not fast_path.passes(call, recording, expected_of(item), data.expect):
        return None
    data.seconds = time.perf_counter() - begin
    data.ran = ["setup", "call", "teardown"]
    call.report(item, verdict_of(item, data, context.targets, context.began))
    return True


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Add the item's data, and the values of the fixtures `expect` and `expected`."""
    item.stash[ITEM] = data = ItemData(title_of(item))
    names = getattr(item, "fixturenames", ())
    data.compares = "expect" in names
    if (context := context_of(item.config)) is not None:
        data.meter = meter_for(item, context.targets.get(host_of(item)))
    # pytest sets up no fixture whose value is present: setting up these two would take longer than the check itself.
    own = {"expect": data.expect, "expected": expected_of(item)}
    getattr(item, "funcargs", {}).update({name: own[name] for name in own if name in names and own[name] is not None})


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Judge each phase, and attach the verdict so far to pytest's report."""
    data, context = item.stash.get(ITEM, None), context_of(item.config)
    error = call.excinfo.value if call.excinfo is not None else None
    plain = data is not None and judges(item) and isinstance(error, Mismatch | XenproofError)
    if plain and call.excinfo is not None:
        # The message is complete without a traceback, and formatting it takes three times as long as all checks of a
        # broken host.
        call.excinfo.traceback = call.excinfo.traceback[:0]
    report = yield
    if data is None or context is None:
        return report
    if judges(item):
        _measure(data, call.when, failed=error is not None)
        _judge(data, report, error)
        if plain:
            report.longrepr = visible(_said(data, report.when, error))
        _shorten(report)
        if isinstance(error, NotEvaluable):
            report.outcome = "skipped"
            report.longrepr = (str(item.path), 0, visible(f"not evaluable: {error}"))
        elif (end := data.ends.get(report.when)) is not None and end.outcome is Outcome.NEW:
            report.outcome = "skipped"
            report.longrepr = (str(item.path), 0, visible(f"new: {end.reason}"))
    elif report.failed:
        data.ends[report.when] = End(Outcome.ERROR, f"the {report.when} of this test failed", report.longreprtext)
    data.ran.append(report.when)
    data.seconds += report.duration
    attach_verdict(report, verdict_of(item, data, context.targets, context.began))
    if call.when == "teardown":
        del item.stash[ITEM]
    return report


def _measure(data: ItemData, when: str, *, failed: bool) -> None:
    """Note the load of the host so far: after each phase where that costs nothing, else after the check itself.

    The last check's teardown closes the connection to the host.
    """
    if data.meter is None:
        return
    if when == "setup":
        data.meter.begin()
    if data.meter.is_cheap or when == "call" or (when == "setup" and failed):
        data.load = data.meter.load() or data.load


def _said(data: ItemData, when: str, error: BaseException | None) -> str:
    """What is reported of a phase: the error, unless the load of the host makes another end of it."""
    end = data.ends.get(when)
    return end.reason if end is not None and end.outcome is Outcome.ERROR else str(error)


def _judge(data: ItemData, report: pytest.TestReport, error: BaseException | None) -> None:
    """Note how a phase of a check ended; a check that compared nothing is an error, even if pytest passes it."""
    if error is not None:
        end = of_error(error, report.when, lambda: report.longreprtext)
        expired = data.meter.expired() if data.meter is not None else ()
        data.ends[report.when] = judged_by_load(end, error, data.load, expired)
    elif report.when == "call" and data.compares and not data.expect.findings:
        data.ends["call"] = End(Outcome.ERROR, COMPARED_NOTHING)
        report.outcome = "failed"
        report.longrepr = COMPARED_NOTHING


def _shorten(report: pytest.TestReport) -> None:
    if report.failed and len(text := report.longreprtext) > MOST_DETAILS:
        report.longrepr = shortened(text, MOST_DETAILS, "too long for a report")
    report.sections = [(name, shortened(text, MOST_DETAILS, "too long for a report")) for name, text in report.sections]
