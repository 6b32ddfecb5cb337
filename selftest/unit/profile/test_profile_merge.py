"""Inheritance of profiles: values, removal, metadata and history."""

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xenproof.profile.expectation import Level, Status
from xenproof.profile.load import load_profile
from xenproof.profile.profile import Profile

PARENT = """\
name: parent
title: The parent
scheme: deb
families:
  packages:
    defaults: {req: [S01], source: parent defaults, status: verified}
    xen-utils-4.17: {installed: true, version: ">=4.17, <4.18", source: parent entry}
    grub2: {installed: true}
    qemu: {installed: true, version: ">=7"}
"""


def load(folder: Path, *, child: str, parent: str = PARENT) -> Profile:
    (folder / "parent.yaml").write_text(parent)
    (folder / "child.yaml").write_text(f"name: child\nextends: ./parent.yaml\n{child}")
    return load_profile(str(folder / "child.yaml"))


def test_a_child_without_values_expects_what_its_parent_expects(tmp_path: Path) -> None:
    child = load(tmp_path, child="")
    parent = load_profile(str(tmp_path / "parent.yaml"))
    assert child.expectations == parent.expectations
    assert child.digest == parent.digest
    assert (child.name, child.title, child.chain) == ("child", "child", ("child", "parent"))


def test_values_merge_by_key_and_know_where_they_were_set(tmp_path: Path) -> None:
    child = load(tmp_path, child="families:\n  packages:\n    xen-utils-4.17:\n      version: '>=4.17.3'\n")
    changed = child.expectations["packages", "xen-utils-4.17", "version"]
    kept = child.expectations["packages", "xen-utils-4.17", "installed"]
    assert (changed.value, changed.profile, changed.where) == (">=4.17.3", "child", f"{tmp_path}/child.yaml:6")
    assert (kept.value, kept.profile, kept.where) == (True, "parent", f"{tmp_path}/parent.yaml:7")
    history = [(old.value, old.profile) for old in child.settings[changed.path].ancestors()]
    assert history == [(">=4.17, <4.18", "parent")]


def test_a_list_is_replaced_and_not_extended(tmp_path: Path) -> None:
    grub = "families:\n  grub:\n    A: {has: [one, two], req: [S1], source: s, status: inferred}\n"
    child = load(tmp_path, child="families: {grub: {A: {has: [three]}}}\n", parent=f"scheme: deb\n{grub}")
    assert child.expectations["grub", "A", "has"].names == ("three",)


def test_remove_takes_away_an_attribute_or_an_entry(tmp_path: Path) -> None:
    child = load(tmp_path, child="families: {packages: {grub2: !remove , qemu: {version: !remove }}}\n")
    assert child.entries("packages") == ["xen-utils-4.17", "qemu"]
    assert child.get("packages", "qemu", "version") is None
    assert child.get("packages", "qemu", "installed") is not None


def test_what_a_grandchild_adds_again_has_forgotten_the_removed(tmp_path: Path) -> None:
    load(tmp_path, child="families: {packages: {xen-utils-4.17: !remove }}\n")
    (tmp_path / "grandchild.yaml").write_text(
        "name: grandchild\nextends: child.yaml\nfamilies: {packages: {xen-utils-4.17: {installed: false}}}\n"
    )
    profile = load_profile(str(tmp_path / "grandchild.yaml"))
    again = profile.expectations["packages", "xen-utils-4.17", "installed"]
    assert (again.value, again.source) == (False, "parent defaults")
    assert list(profile.settings[again.path].ancestors()) == []
    assert profile.chain == ("grandchild", "child", "parent")


def test_the_entry_speaks_before_the_defaults_of_its_family(tmp_path: Path) -> None:
    child = load(tmp_path, child="")
    assert child.expectations["packages", "xen-utils-4.17", "version"].source == "parent entry"
    assert child.expectations["packages", "grub2", "installed"].source == "parent defaults"
    assert {e.level for e in child.expectations.values()} == {Level.MUST}


def test_the_defaults_of_a_child_are_no_source_of_what_it_only_inherits(tmp_path: Path) -> None:
    child = load(
        tmp_path,
        child="families: {packages: {defaults: {source: child defaults, status: inferred}, new: {installed: true}}}\n",
    )
    new, old = child.expectations["packages", "new", "installed"], child.expectations["packages", "grub2", "installed"]
    assert (new.source, new.status, new.req) == ("child defaults", Status.INFERRED, ("S01",))
    assert (old.source, old.status) == ("parent defaults", Status.VERIFIED)


def test_the_level_in_the_defaults_of_a_child_is_for_the_whole_family(tmp_path: Path) -> None:
    child = load(tmp_path, child="families: {packages: {defaults: {level: should}}}\n")
    assert {e.level for e in child.expectations.values()} == {Level.SHOULD}


def test_a_changed_value_does_not_keep_the_word_verified(tmp_path: Path) -> None:
    child = load(tmp_path, child="families: {packages: {qemu: {version: '>=8', installed: true}}}\n")
    assert child.expectations["packages", "qemu", "version"].status is Status.INFERRED
    assert child.expectations["packages", "qemu", "installed"].status is Status.VERIFIED


def test_a_changed_value_keeps_the_status_that_its_own_file_gives(tmp_path: Path) -> None:
    child = load(tmp_path, child="families: {packages: {qemu: {version: '>=8', status: verified, source: a host}}}\n")
    found = child.expectations["packages", "qemu", "version"]
    assert (found.status, found.source) == (Status.VERIFIED, "a host")


def test_of_two_levels_the_entry_and_then_the_nearest_file_decides(tmp_path: Path) -> None:
    parent = PARENT.replace("grub2: {", "grub2: {level: info, ").replace("qemu: {", "qemu: {level: info, ")
    child = load(
        tmp_path, parent=parent, child="families: {packages: {defaults: {level: should}, qemu: {level: must}}}\n"
    )
    levels = [child.expectations["packages", name, "installed"].level for name in child.entries("packages")]
    assert levels == [Level.SHOULD, Level.INFO, Level.MUST]


def test_a_child_can_restate_the_provenance_of_an_inherited_value(tmp_path: Path) -> None:
    child = load(tmp_path, child="families: {packages: {qemu: {source: seen by hand, status: documented}}}\n")
    found = child.expectations["packages", "qemu", "version"]
    assert (found.value, found.source, found.status) == (">=7", "seen by hand", Status.DOCUMENTED)


def test_the_digest_ignores_order_comments_and_place(tmp_path: Path) -> None:
    first, second = tmp_path / "first.yaml", tmp_path / "second.yaml"
    first.write_text(PARENT)
    lines = PARENT.splitlines(keepends=True)
    second.write_text("# a comment\n\n" + "".join([*lines[:6], *reversed(lines[6:])]))
    assert load_profile(str(first)).digest == load_profile(str(second)).digest
    second.write_text(PARENT.replace('">=7"', '">=8"'))
    assert load_profile(str(first)).digest != load_profile(str(second)).digest


# --- The property: loading a chain gives what merging its maps one after the other gives.

Said = dict[str, dict[str, bool | None]]  # entry -> attribute -> value, None for `!remove`
ENTRIES, ATTRIBUTES = ("a", "b.c", "d"), ("exists", "up", "has_port")
META = {"req": ["S01"], "source": "test", "status": "inferred"}


@st.composite
def chains(draw: st.DrawFn) -> list[dict[str, dict[str, bool | None] | None]]:
    """Layers, root first, in which only what is inherited is removed."""
    have: dict[str, set[str]] = {}
    layers: list[dict[str, dict[str, bool | None] | None]] = []
    for _ in range(draw(st.integers(1, 4))):
        layer: dict[str, dict[str, bool | None] | None] = {}
        for entry in draw(st.lists(st.sampled_from(ENTRIES), unique=True)):
            inherited = have.get(entry, set())
            if inherited and draw(st.integers(0, 3)) == 0:
                layer[entry] = None
                del have[entry]
                continue
            said: dict[str, bool | None] = {
                name: None if name in inherited and draw(st.booleans()) else draw(st.booleans())
                for name in draw(st.lists(st.sampled_from(ATTRIBUTES), unique=True))
            }
            left = (inherited | said.keys()) - {name for name, value in said.items() if value is None}
            if left:
                layer[entry] = said
                have[entry] = left
        layers.append(layer)
    return layers


def _yaml(value: object) -> str:
    if value is None:
        return "!remove "
    if isinstance(value, dict):
        return "{" + ", ".join(f'"{key}": {_yaml(below)}' for key, below in value.items()) + "}"
    return json.dumps(value)


@settings(max_examples=60, deadline=None)
@given(chains())
def test_a_chain_is_its_maps_merged_one_after_the_other(layers: list[dict[str, dict[str, bool | None] | None]]) -> None:
    model: dict[str, dict[str, bool]] = {"anchor": {"up": True}}
    for layer in layers:
        for entry, said in layer.items():
            if said is None:
                del model[entry]
                continue
            merged: dict[str, bool | None] = {**model.get(entry, {}), **said}
            model[entry] = {name: value for name, value in merged.items() if value is not None}
    with tempfile.TemporaryDirectory() as folder:
        for index, layer in enumerate(layers):
            bridges = {"defaults": META, "anchor": {"up": True}, **layer} if index == 0 else layer
            extends = f"extends: ./p{index - 1}.yaml\n" if index else "scheme: deb\n"
            text = f"{extends}families: {{bridges: {_yaml(bridges)}}}\n"
            (Path(folder) / f"p{index}.yaml").write_text(text)
        profile = load_profile(f"{folder}/p{len(layers) - 1}.yaml")
    expected = {("bridges", entry, name): value for entry, below in model.items() for name, value in below.items()}
    assert {path: found.value for path, found in profile.expectations.items()} == expected


@pytest.mark.parametrize("scheme", ["deb", "rpm"])
def test_the_scheme_is_inherited_and_can_be_changed(tmp_path: Path, scheme: str) -> None:
    assert load(tmp_path, child=f"scheme: {scheme}\n").scheme == scheme
    assert load(tmp_path, child="").scheme == "deb"


def test_a_rolling_release_starts_from_values_that_fail_no_host(tmp_path: Path) -> None:
    """Neither it nor a profile that extends it makes them more than new, unless it states the level of an entry."""
    own = (
        "families: {packages: {grub2: {level: must}, qemu: {version: '>=11', status: verified}, "
        "mine: {installed: true, status: verified}}}"
    )
    load(tmp_path, child=f"rolling: true\n{own}\n")
    (tmp_path / "grandchild.yaml").write_text("name: grandchild\nextends: child.yaml\n")
    profile = load_profile(str(tmp_path / "grandchild.yaml"))
    assert {expectation.key: expectation.level for expectation in profile.expectations.values()} == {
        "packages.xen-utils-4.17.installed": Level.NEW,
        "packages.xen-utils-4.17.version": Level.NEW,
        "packages.grub2.installed": Level.MUST,
        "packages.qemu.installed": Level.NEW,
        "packages.qemu.version": Level.MUST,
        "packages.mine.installed": Level.MUST,
    }


@pytest.mark.parametrize(
    ("status", "said", "level"),
    [
        ("inferred", "", Level.SHOULD),
        ("inferred", ", level: must", Level.SHOULD),
        ("inferred", ", level: info", Level.INFO),
        ("documented", "", Level.MUST),
        ("verified", ", level: should", Level.SHOULD),
    ],
)
def test_an_inferred_value_is_at_most_should(tmp_path: Path, status: str, said: str, level: Level) -> None:
    entry = f"{{installed: true, req: [S06], source: s, status: {status}{said}}}"
    child = load(tmp_path, child=f"families: {{packages: {{new: {entry}}}}}\n")
    assert child.expectations["packages", "new", "installed"].level is level
