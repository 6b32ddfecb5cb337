"""Units: gone, there against the rules, stopped, failed, masked, disabled, enabled."""

from collections.abc import Iterator, Mapping

from selftest.mutants.mutation import Case, Maker, Mutation, Mutator
from selftest.mutants.raw import NotPossible, Raw

_GONE = {"LoadState": "not-found", "ActiveState": "inactive", "SubState": "dead", "UnitFileState": ""}
_MASKED = {"LoadState": "masked", "ActiveState": "inactive", "SubState": "dead", "UnitFileState": "masked"}
_LOADED = {"LoadState": "loaded"}
_RUNNING = {**_LOADED, "ActiveState": "active", "SubState": "running"}
_STOPPED = {**_LOADED, "ActiveState": "inactive", "SubState": "dead"}
_FAILED = {**_LOADED, "ActiveState": "failed", "SubState": "failed"}
_STARTING = {**_LOADED, "ActiveState": "activating", "SubState": "start"}
# What systemd says of an init script's unit, in its old versions and in its new ones.
SCRIPT_STATES = ("", "bad", "generated")


def units_of(host: Raw) -> dict[str, dict[str, str]]:
    """The properties of each unit that was asked for."""
    blocks = [block.split("\n") for block in host.text("show").strip("\n").split("\n\n")]
    rows = [dict(line.partition("=")[::2] for line in block) for block in blocks]
    return {row["Id"]: row for row in rows}


def with_unit(host: Raw, name: str, properties: Mapping[str, str]) -> Raw:
    """The host with these properties of the unit changed; a unit that was not asked for is added as one that exists."""
    rows = units_of(host)
    rows[name] = {"Id": name, **_STOPPED, "UnitFileState": "disabled", **rows.get(name, {}), **properties}
    blocks = ["".join(f"{key}={value}\n" for key, value in row.items()) for row in rows.values()]
    return host.with_text("show", "\n".join(blocks))


def with_start_links(host: Raw, unit: str, links: bool) -> Raw:
    """The host with or without the links that start the unit's init script."""
    script = unit.removesuffix(".service")
    kept = [line for line in host.lines("rc") if not line.endswith(f"S01{script}")]
    added = [f"/etc/rc{level}.d/S01{script}" for level in (2, 3, 4, 5)] if links else []
    return host.with_lines("rc", [*kept, *added])


def _exists(case: Case) -> Iterator[Mutation]:
    if case.expected.value is True:
        yield Mutation("the unit is gone", with_unit(case.host, case.name, _GONE))
    else:
        yield Mutation("the unit is there, disabled", with_unit(case.host, case.name, {**_STOPPED, **_DISABLED}))
        yield Mutation("the unit is there and running", with_unit(case.host, case.name, {**_RUNNING, **_DISABLED}))


_DISABLED = {"UnitFileState": "disabled"}


def _active(case: Case) -> Iterator[Mutation]:
    states = {"the unit has failed": _FAILED, "the unit is still starting": _STARTING}
    if case.expected.text == "active":
        states |= {"the unit is stopped": _STOPPED, "the unit is masked": _MASKED}
    else:
        states |= {"the unit is running": _RUNNING}
    for what, properties in states.items():
        yield Mutation(what, with_unit(case.host, case.name, properties))


def _enabled(case: Case) -> Iterator[Mutation]:
    want = case.expected.text
    for state in ("enabled", "disabled", "masked", "static"):
        if state == want:
            continue
        load = "masked" if state == "masked" else "loaded"
        bare = with_start_links(case.host, case.name, False)
        yield Mutation(f"the unit is {state}", with_unit(bare, case.name, {"LoadState": load, "UnitFileState": state}))
    if units_of(case.host)[case.name]["UnitFileState"] in SCRIPT_STATES and want == "generated":
        yield Mutation("no link starts the init script", with_start_links(case.host, case.name, False))


def _make_exists(case: Case) -> Raw:
    there = units_of(case.host).get(case.name, _GONE)["LoadState"] not in ("not-found", "error")
    if case.expected.value is not True:
        return with_unit(case.host, case.name, _GONE)
    return case.host if there else with_unit(case.host, case.name, {**_STOPPED, **_DISABLED})


def _make_active(case: Case) -> Raw:
    host = _make_there(case)
    return with_unit(host, case.name, _RUNNING if case.expected.text == "active" else _STOPPED)


def _make_enabled(case: Case) -> Raw:
    host, want = _make_there(case), case.expected.text
    if want == "bad":
        raise NotPossible("a unit file that systemd cannot read is an init script to the suite")
    host = with_start_links(host, case.name, want == "generated")
    return with_unit(host, case.name, {"UnitFileState": want})


def _make_there(case: Case) -> Raw:
    gone = units_of(case.host).get(case.name, _GONE)["LoadState"] == "not-found"
    return with_unit(case.host, case.name, {**_STOPPED, **_DISABLED}) if gone else case.host


MUTATORS: dict[str, Mutator] = {"exists": _exists, "active": _active, "enabled": _enabled}
MAKERS: dict[str, Maker] = {"exists": _make_exists, "active": _make_active, "enabled": _make_enabled}
