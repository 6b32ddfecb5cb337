"""The suite as a pytest plugin: it opens the hosts, runs the checks and writes the report."""

import json
import re
import sys
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from xenproof.errors import NotEvaluable, UsageError, XenproofError
from xenproof.lab.recipe import load_recipe
from xenproof.plain import shortened, visible
from xenproof.printing import through_the_door
from xenproof.profile.expectation import Expectation
from xenproof.profile.load import load_profile
from xenproof.report.verdict import Outcome
from xenproof.source.address import Scheme, parse_urls
from xenproof.suite import options
from xenproof.suite.collector import KEY, PLACED
from xenproof.suite.controller import Controller, LastResort
from xenproof.suite.expect import Mismatch, readable
from xenproof.suite.keep import check_recordable
from xenproof.suite.kept_guests import check_keepable
from xenproof.suite.outcome import COMPARED_NOTHING, MOST_DETAILS, of_error
from xenproof.suite.per_host_loop import PerHostLoop
from xenproof.suite.state import ITEM, STATE, ItemData, State
from xenproof.suite.target import Target

pytest_addoption = options.pytest_addoption


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests() -> Generator[None, None, None]:
    """Have pytest print through our door: its capturing keeps for the whole run what standard output is now."""
    sys.stdout = through_the_door(sys.stdout)
    return (yield)


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
    """One test for each host, and for each expectation that a check is about."""
    state = metafunc.config.stash.get(STATE, None)
    if "target" in metafunc.fixturenames and "target" not in _own_parameters(metafunc):
        if state is None:
            return  # said once, when all is collected
        urls = state.collected_urls
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
    call = state.fast_path(item.config).of(item, nextitem) if state is not None else None
    if state is None or call is None:
        return None
    data, begin = ItemData(_title(item)), time.perf_counter()
    try:
        recording = state.recording(_host_of(item))
    except XenproofError:
        return None
    if not state.fast_path(item.config).passes(call, recording, _expected(item), data.expect):
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
    elif report.failed and len(text := report.longreprtext) > MOST_DETAILS:
        report.longrepr = shortened(text, MOST_DETAILS, "too long for a report")
    report.sections = [(name, shortened(text, MOST_DETAILS, "too long for a report")) for name, text in report.sections]
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


MOST_TITLE = 1000  # characters


def _title(item: pytest.Item) -> str:
    """The docstring of the test, with the expectation that it is about filled in."""
    text = " ".join((getattr(getattr(item, "obj", None), "__doc__", None) or item.name).split())
    if (expected := _expected(item)) is not None:
        text = text.replace("{name}", str(expected.name)).replace("{value}", readable(expected.value))
    for key, value in _params(item).items():
        text = text.replace(f"{{{key}}}", str(value))
    return shortened(text, MOST_TITLE, "too long for a title")


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
