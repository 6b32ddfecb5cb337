"""The context of a run: frozen, the same in all processes, and kept in one place."""

import dataclasses
import json
import re
from pathlib import Path

import pytest

from xenproof.hosts.target import SshParameters, Target
from xenproof.profile.load import load_profile
from xenproof.source.address import Address, parse_urls
from xenproof.suite.recording_option import NOTES
from xenproof.suite.run_context import RunContext, RunOptions

SUITE = Path(__file__).parents[3] / "xenproof" / "suite"


def context(folder: Path, record: Path | None = None) -> RunContext:
    """A run over a host by ssh, a recording and a host that did not answer."""
    one, two, three = addresses = tuple(parse_urls("ssh://admin@xen1:2222,recording:///r.json,local://"))
    found = (
        Target(one, str(folder / "0.json"), live=True, ssh=SshParameters("xen1", 2222, "admin", "/key", "")),
        Target(two, "/r.json"),
        Target(three, blocked="no xl"),
    )
    options = RunOptions(load_profile("debian12"), addresses, folder / "report", record)
    return RunContext(options, 1.5, folder, folder / "report-2", {target.url: target for target in found})


def test_a_worker_has_the_run_as_the_controller_sees_it(tmp_path: Path) -> None:
    ours = context(tmp_path)
    theirs = RunContext.of_worker(ours.options, json.loads(json.dumps(ours.to_plain())))
    assert theirs == dataclasses.replace(ours, is_worker=True)
    assert list(theirs.targets) == ours.options.urls


def test_what_a_run_is_cannot_be_changed(tmp_path: Path) -> None:
    ours = context(tmp_path)
    values: list[RunContext | RunOptions | Target | Address] = [ours, ours.options, *ours.targets.values()]
    for value in [*values, *ours.options.addresses]:
        for field in dataclasses.fields(value):
            with pytest.raises(dataclasses.FrozenInstanceError):
                setattr(value, field.name, None)


def test_commands_of_own_checks_are_noted_only_where_the_run_is_recorded(tmp_path: Path) -> None:
    assert context(tmp_path).notes is None
    notes = context(tmp_path, record=tmp_path / "r.json").notes
    assert notes is not None
    assert notes.match(str(tmp_path / NOTES))


def test_the_context_is_kept_in_one_place_and_options_are_read_in_another() -> None:
    modules = {str(path.relative_to(SUITE)): path.read_text("utf-8") for path in SUITE.rglob("*.py")}
    # The connections that two modules watch, for reboots and for load, change during the run, so they are not part of
    # the context.
    watching = {"same_host.py", "host_load.py"}
    assert {name for name, text in modules.items() if "config.stash" in text} == {"run_context.py", *watching}
    ours = (
        r"getoption\(\"--(hosts|profile|backing|report|record|keep-guests|guest-kernel|lab-memory|identity|known-hosts)"
    )
    assert {name for name, text in modules.items() if re.search(ours, text)} == {"options.py"}
