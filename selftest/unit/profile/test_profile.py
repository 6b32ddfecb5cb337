"""A loaded profile: selecting from it, and the commands that show it."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

from xenproof.errors import UsageError
from xenproof.profile.cli import profile_app
from xenproof.profile.load import list_profiles, load_profile

OLD = """\
name: old
title: The old release
scheme: deb
families:
  packages:
    defaults: {req: [S01], source: "a page [1]", status: documented}
    xen-utils-4.17: {installed: true, version: ">=4.17"}
    grub2: {installed: true}
  ports:
    22: {listening: true, req: [S02], source: a test, status: verified, level: should}
  files:
    /etc/xen/xl.conf: {mode: "0644", req: [S02, S03], source: a test, status: verified}
"""
NEW = """\
name: new
title: The new release
extends: old
families:
  packages:
    grub2: !remove
    xen-utils-4.17:
      version: ">=4.17.3"
    qemu: {installed: true}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XENPROOF_PROFILES", str(tmp_path))
    (tmp_path / "old.yaml").write_text(OLD)
    (tmp_path / "new.yaml").write_text(NEW)
    return tmp_path


def run(*args: str) -> tuple[int, str]:
    result = CliRunner().invoke(profile_app, args)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def keys(found: Sequence[object]) -> list[str]:
    return [str(getattr(item, "key", item)) for item in found]


def test_a_bare_name_and_a_path_are_the_same_profile(folder: Path) -> None:
    assert list_profiles() == ["new", "old"]
    assert load_profile("old").expectations == load_profile(str(folder / "old.yaml")).expectations


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("packages.*.version", ["packages.xen-utils-4.17.version"]),
        ("packages.*.installed", ["packages.xen-utils-4.17.installed", "packages.grub2.installed"]),
        ("packages.xen-utils-4.17.version", ["packages.xen-utils-4.17.version"]),
        ("files./etc/xen/xl.conf.mode", ["files./etc/xen/xl.conf.mode"]),
        ("packages.xen-utils-4.version", []),
        ("units.*.active", []),
    ],
)
def test_select_takes_entries_that_have_dots(pattern: str, found: list[str]) -> None:
    assert keys(load_profile("old").select(pattern)) == found


@pytest.mark.parametrize("pattern", ["packages", "packages.version", "pakages.*.version", "packages.*.versoin", ""])
def test_a_pattern_that_can_never_select_anything_is_an_error(pattern: str) -> None:
    with pytest.raises(UsageError, match=r"^expected "):
        load_profile("old").select(pattern)


def test_entries_and_get() -> None:
    profile = load_profile("old")
    assert profile.entries("packages") == ["xen-utils-4.17", "grub2"]
    assert profile.entries("ports") == ["22"]
    assert profile.entries("units") == []
    assert profile.get("packages", "defaults", "source") is None
    assert profile.get("packages", "grub2", "version") is None
    assert (found := profile.get("ports", "22", "listening")) is not None
    assert found.level == "should"


def test_a_profile_cannot_be_changed() -> None:
    profile = load_profile("old")
    with pytest.raises(TypeError):
        profile.expectations["a", "b", "c"] = None  # type: ignore[index]  # that it is refused is the point
    with pytest.raises(AttributeError):
        profile.name = "other"  # type: ignore[misc]  # as above


def test_list_names_all_profiles_even_a_broken_one(folder: Path) -> None:
    (folder / "broken.yaml").write_text("- a")
    status, text = run("list")
    assert status == 0
    assert [line.split()[:3] for line in text.splitlines()[1:]] == [
        ["broken", "-", "-"],
        ["new", "5", "old"],
        ["old", "5", "-"],
    ]


def test_show_prints_every_expectation_on_one_line() -> None:
    status, text = run("show", "new")
    assert status == 0
    profile = load_profile("new")
    assert profile.digest in text
    for expected in profile.expectations.values():
        (line,) = [line for line in text.splitlines() if line.startswith(f"{expected.key} ")]
        assert expected.where in line
        assert line.endswith(expected.source)


def test_a_long_value_is_shown_whole_and_moves_no_other_row(folder: Path) -> None:
    options = [f"option{number:03}=value" for number in range(60)]
    known = f"{{has: [{', '.join(options)}], req: [S01], source: a test, status: verified}}"
    (folder / "long.yaml").write_text(f"{NEW.replace('name: new', 'name: long')}  boot: {{hypervisor: {known}}}\n")
    for command in (["show", "long"], ["diff", "new", "long"]):
        long, *others = sorted(run(*command)[1].splitlines(), key=len, reverse=True)
        assert all(option in long for option in options)
        assert max(map(len, others)) < 300


def test_show_as_json_is_the_profile() -> None:
    profile = load_profile("new")
    data = json.loads(run("show", "new", "--json")[1])
    assert (data["name"], data["chain"], data["digest"]) == ("new", ["new", "old"], profile.digest)
    rows = {(row["family"], row["entry"], row["attribute"]): row["value"] for row in data["expectations"]}
    assert rows == {path: found.value for path, found in profile.expectations.items()}


def test_explain_says_who_set_a_value_and_what_it_replaced(folder: Path) -> None:
    text = run("explain", "new", "packages.xen-utils-4.17.version")[1]
    assert [line.split(maxsplit=1)[1] for line in text.splitlines()[1:]] == [
        ">=4.17.3",
        "should",  # not must: the value is inferred
        "a page [1]",
        "inferred",
        "S01",
        f"by    new, {folder}/new.yaml:8",
        f">=4.17 (old, {folder}/old.yaml:7)",
    ]
    assert "replaces  nothing" in run("explain", "old", "packages.grub2.installed")[1]


def test_explain_of_nothing_shows_the_near_one() -> None:
    with pytest.raises(UsageError, match=r"did you mean 'packages\.grub2\.installed'"):
        run("explain", "old", "packages.grub.installed")


def test_diff_shows_added_removed_and_changed() -> None:
    status, text = run("diff", "old", "new")
    rows = sorted(tuple(line.split()[:2]) for line in text.splitlines()[1:])
    assert status == 0
    assert rows == [
        ("+", "packages.qemu.installed"),
        ("-", "packages.grub2.installed"),
        ("~", "packages.xen-utils-4.17.version"),
    ]
    assert run("diff", "old", "old") == (0, "old and old expect the same\n")


def test_validate_says_ok_or_names_every_mistake_and_exits_with_4(folder: Path) -> None:
    assert run("validate", "old", str(folder / "new.yaml")) == (
        0,
        f"OK old: 5 expectations\nOK {folder}/new.yaml: 5 expectations\n",
    )
    bad = folder / "bad.yaml"
    bad.write_text(OLD.replace("old", "bad").replace("true", "yes"))
    status, text = run("validate", str(bad), "old", "gone")
    assert status == 4
    assert [line.split(": ")[0] for line in text.splitlines() if line.startswith(str(bad))] == [
        f"{bad}:7",
        f"{bad}:8",
        f"{bad}:10",
    ]
    assert "OK old" in text
    assert "found 'gone'" in text


def test_control_characters_of_a_profile_do_not_reach_the_terminal(folder: Path) -> None:
    (folder / "old.yaml").write_text(OLD.replace('"a page [1]"', r'"a \e[31mred\npage"'))
    for args in (("show", "old"), ("explain", "old", "packages.grub2.installed")):
        assert r"a \x1b[31mred page" in run(*args)[1]
