"""Every mistake in a profile is named with its file and line."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xenproof.errors import ProfileError, UsageError
from xenproof.profile.document import read_document
from xenproof.profile.load import list_profiles, load_profile

GOOD = """\
name: p
scheme: deb
families:
  packages:
    defaults: {req: [S01], source: a test, status: inferred}
    xen:
      installed: true
      version: ">=4.17"
  files:
    /etc/xen/xl.conf:
      mode: "0644"
      req: [S02]
      source: a test
      status: inferred
"""

# What to replace in GOOD, by what, and the line and words of the error.
MISTAKES: list[tuple[str, str, int, str]] = [
    ("name: p", "nmae: p", 1, r"known top level key, found 'nmae'; did you mean 'name'\?"),
    ("name: p", "name: 7", 1, r"expected a name .* found the number 7; quote it: \"7\""),
    ("scheme: deb", "scheme: dep", 2, r"scheme: expected one of deb, rpm, found 'dep'; did you mean 'deb'\?"),
    ("scheme: deb", "title: t", 1, r"expected `scheme: deb` or `scheme: rpm`, found no scheme"),
    ("  packages:", "  pakages:", 4, r"a known family, found 'pakages'; did you mean 'packages'\?"),
    ("version:", "vresion:", 8, r"known attribute of packages\.xen, found 'vresion'; did you mean 'version'\?"),
    ("version:", "zzz:", 8, r"found 'zzz'; known: installed, version, req, source, status, level"),
    ('">=4.17"', "4.17", 8, r"packages\.xen\.version: expected a version range .* found the number 4\.17; quote it"),
    ('">=4.17"', "[]", 8, r"packages\.xen\.version: expected a version range .* found an empty list"),
    ('">=4.17"', '""', 8, r"packages\.xen\.version: expected a version range .* found an empty string"),
    ('">=4.17"', "'4.17'", 8, r"expected constraints such as '>=4\.17' .* found '4\.17' in"),
    ('">=4.17"', "'>=5, <4'", 8, r"expected a version range that some version satisfies, found '>=5, <4'"),
    ('">=4.17"', "2024-01-01", 8, r"found a date; quote it"),
    ('">=4.17"', "", 8, r"packages\.xen\.version: expected a version range .* found nothing"),
    ("installed: true", "installed: yes", 7, r"packages\.xen\.installed: expected true or false, found 'yes'"),
    ("installed: true", "installed: 1", 7, r"expected true or false, found the number 1"),
    ("installed: true", "installed: &a [*a]", 7, r"found an alias of what it stands in"),
    ("installed: true", "<<: {}", 7, r"expected `extends` .* found `<<`"),
    ("installed: true", "installed: !python/object x", 7, r"found the tag !python/object"),
    ("installed: true", "version: '>=4'", 8, r"expected each key once, found 'version' again, first in line 7"),
    ("installed: true", "installed: !remove", 7, r"something inherited to remove, found packages\.xen\.installed"),
    (
        "installed: true",
        "source: !remove",
        7,
        r"expected !remove as the whole value of an inherited entry or attribute",
    ),
    ("installed: true", "installed: !remove x", 7, r"expected !remove as the whole value"),
    ("installed: true", "? [a]\n      : b", 7, r"expected a name of printable characters as key"),
    ("installed: true", '"a\\nb": true', 7, r"expected a name of printable characters as key"),
    ("installed: true", "\tinstalled: true", 7, r"expected YAML, found a mistake"),
    (
        "installed: true",
        "level: most",
        7,
        r"packages\.xen\.level: expected one of must, should, info, new, found 'most'",
    ),
    ('mode: "0644"', "mode: 0644", 11, r"files\./etc/xen/xl\.conf\.mode: .* found the number 0644; quote it: \"0644\""),
    ('mode: "0644"', 'mode: "644"', 11, r"expected an octal mode with a leading 0, such as \"0755\", found '644'"),
    ('mode: "0644"', "type: dir", 11, r"expected one of file, directory, symlink, found 'dir'"),
    ('mode: "0644"', "owner: root", 11, r"expected a user and a group, such as \"root:root\", found 'root'"),
    (
        "      source: a test\n",
        "",
        11,
        r"files\./etc/xen/xl\.conf\.mode: expected req, source, status .* found no source",
    ),
    ("      source: a test\n", "      source: ''\n", 13, r"source: expected where the value comes from"),
    ("      req: [S02]\n", "", 11, r"found no req"),
    ("      status: inferred\n", "", 11, r"found no status"),
    ("req: [S02]", "req: []", 12, r"req: expected a list of one or more requirements, .* found an empty list"),
    ("req: [S02]", "req: [S02, S02]", 12, r"found 'S02' twice"),
    ("req: [S02]", "req: S02", 12, r"expected a list of one or more requirements, .* found 'S02'"),
    (
        "req: [S02]",
        "req:\n      - S02\n      - 3",
        14,
        r"req: expected a string .* found the number 3; quote it: \"3\"",
    ),
    ('mode: "0644"', "level: must", 10, r"files\./etc/xen/xl\.conf: expected at least one attribute, found none"),
    ("    /etc/xen", "    etc/xen", 10, r"expected an entry whose name matches \^/, found 'etc/xen/xl\.conf'"),
    ("name: p", "extends: p.yaml", 1, r"found the cycle p -> p"),
    ("name: p", "extends: gone.yaml", 1, r"expected a profile to extend, found no file .*gone\.yaml"),
    ("name: p", "extends: gone", 1, r"expected a profile that .* holds .*, found 'gone'"),
    ("name: p", "extends: other/thing", 1, r"expected the name of a profile or a path that ends in \.yaml"),
    ("name: p", "name: p\x01", 1, r"expected printable text, found a control character"),
    ("name: p", "name: p\n---", 2, r"expected YAML, found a mistake: but found another document"),
]

# Whole families with one wrong value: family, entry, attribute, value, words.
WRONG_VALUES: list[tuple[str, str, str, str, str]] = [
    (
        "versions",
        "hypervizor",
        "running",
        "'>=4'",
        r"known entry of versions, found 'hypervizor'; did you mean 'hypervisor'\?",
    ),
    ("versions", "kernel", "running", "6.1", r"found the number 6\.1; quote it"),
    ("versions", "kernel", "agrees_with", "''", r"expected a string that is not empty, found ''"),
    ("units", "xen", "active", "activ", r"expected one of active, inactive, found 'activ'; did you mean 'active'\?"),
    ("units", "xen", "enabled", "enable", r"did you mean 'enabled"),
    ("systemd", "all", "failed", "none", r"expected a list of strings, none twice, found 'none'"),
    ("grub", "GRUB_DEFAULT", "has", "[]", r"expected a list of one or more strings, none twice, found an empty list"),
    ("boot", "xen", "generated", "true", r"found 'xen'; known: hypervisor, kernel, defaults"),
    (
        "dom0",
        "memory",
        "min_mib",
        "'512'",
        r"expected a whole number, 0 or more, found the string '512'; remove its quotes",
    ),
    ("dom0", "memory", "min_mib", "512.0", r"expected a whole number, 0 or more, found the number 512\.0"),
    ("dom0", "memory", "min_mib", "-1", r"expected a whole number, 0 or more, found the number -1"),
    ("dom0", "vcpus", "max", "true", r"expected a whole number, 0 or more, found true"),
    ("dom0", "memory", "min_mib", "9" * 5000, r"expected a whole number"),
    ("xl_conf", "autoballoon", "is", "0", r"expected a string, found the number 0; quote it: \"0\""),
    ("xl_conf", "autoballoon", "one_of", "[off, 0]", r"found the number 0; quote it"),
    ("sshd", "permitrootlogin", "is", "true", r"expected a string, found true; quote it: \"true\""),
    ("ports", "ssh", "listening", "true", r"expected an entry whose name matches .* found 'ssh'"),
    ("hypervisor", "xen_major", "range", "4", r"found the number 4; quote it"),
    ("libvirt", "connects", "is", "[a]", r"expected true, false or a string, found a list"),
    ("commands", "xl", "on_path", "{}", r"expected true or false, found a map"),
]


@pytest.mark.parametrize(("old", "new", "line", "words"), MISTAKES, ids=[words[:50] for *_, words in MISTAKES])
def test_a_mistake_is_named_with_its_line(tmp_path: Path, old: str, new: str, line: int, words: str) -> None:
    assert old in GOOD
    path = tmp_path / "p.yaml"
    path.write_text(GOOD.replace(old, new, 1))
    with pytest.raises(ProfileError, match=words) as caught:
        load_profile(str(path))
    assert str(caught.value).startswith(f"{path}:{line}: ")


@pytest.mark.parametrize(("family", "entry", "attribute", "value", "words"), WRONG_VALUES)
def test_a_wrong_value_is_named(
    tmp_path: Path, family: str, entry: str, attribute: str, value: str, words: str
) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(f"scheme: deb\nfamilies:\n  {family}:\n    {entry}: {{{attribute}: {value}}}\n")
    with pytest.raises(ProfileError, match=words) as caught:
        load_profile(str(path))
    assert str(caught.value).startswith(f"{path}:4: ")


def test_the_good_profile_is_good(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(GOOD)
    assert len(load_profile(str(path)).expectations) == 3


def test_all_mistakes_are_named_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(GOOD.replace("true", "yes").replace('"0644"', "0644").replace("scheme: deb", "scheme: x"))
    with pytest.raises(ProfileError) as caught:
        load_profile(str(path))
    assert re.findall(r"^.*/p\.yaml:(\d+): ", str(caught.value), re.M) == ["2", "7", "11"]


@pytest.mark.parametrize(
    ("data", "line", "words"),
    [
        (b"", 1, "found an empty file"),
        (b"# only a comment\n", 1, "found an empty file"),
        (b"- a\n", 1, "expected a map with name, title, scheme and families, found a list"),
        (b"just words\n", 1, "expected a map .* found 'just words'"),
        (b"7\n", 1, "expected a map .* found the number 7"),
        (b"name: p\nscheme: deb\n", 1, "expected at least one expectation"),
        (b"name: p\nscheme: deb\nfamilies: {}\n", 3, "expected at least one expectation"),
        (b"name: p\nfamilies:\n", 2, "families: expected a map of families, found nothing"),
        (b"name: p\ntitle: \xff\n", 2, "expected UTF-8, found the byte 0xff"),
        (b"name: p\nfamilies: {files: {\n", 3, "expected YAML, found a mistake"),
        (b"[" * 5000, 1, "expected YAML"),
        (b"name: p\nextends: !remove\n", 2, "expected !remove as the whole value"),
    ],
)
def test_a_file_that_is_no_profile_is_named(tmp_path: Path, data: bytes, line: int, words: str) -> None:
    path = tmp_path / "p.yaml"
    path.write_bytes(data)
    with pytest.raises(ProfileError, match=words) as caught:
        load_profile(str(path))
    assert str(caught.value).startswith(f"{path}:{line}: ")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "folder.yaml").mkdir()
    for name, words in (("folder.yaml", "Is a directory"), ("gone.yaml", "No such file")):
        with pytest.raises(ProfileError, match=f"expected a readable file, found: {words}") as caught:
            load_profile(str(tmp_path / name))
        assert str(caught.value).startswith(f"{tmp_path / name}:1: ")


def test_a_cycle_is_named_where_it_closes(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("name: a\nextends: b.yaml\n")
    (tmp_path / "b.yaml").write_text("name: b\n\nextends: ./c.yaml\n")
    (tmp_path / "c.yaml").write_text("name: c\nextends: b.yaml\n")
    with pytest.raises(ProfileError, match="found the cycle b -> c -> b") as caught:
        load_profile(str(tmp_path / "a.yaml"))
    assert str(caught.value).startswith(f"{tmp_path}/c.yaml:2: ")


def test_removing_what_is_not_inherited_is_named(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(GOOD)
    child = tmp_path / "child.yaml"
    for text, words in (
        ("xne: !remove", r"packages\.xne, which is not; did you mean 'xen'\?"),
        ("xen: {verison: !remove }", r"packages\.xen\.verison, which is not; did you mean 'version'\?"),
        ("defaults: !remove", "expected !remove as the whole value of an inherited entry or attribute"),
    ):
        child.write_text(f"extends: p.yaml\nfamilies:\n  packages:\n    {text}\n")
        with pytest.raises(ProfileError, match=words) as caught:
            load_profile(str(child))
        assert str(caught.value).startswith(f"{child}:4: ")


def test_a_mistake_in_a_parent_names_the_parent(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(GOOD.replace(">=4.17", ">=4.17, <4"))
    (tmp_path / "child.yaml").write_text("extends: p.yaml\n")
    with pytest.raises(ProfileError) as caught:
        load_profile(str(tmp_path / "child.yaml"))
    assert str(caught.value).startswith(f"{tmp_path}/p.yaml:8: ")


def test_an_unknown_name_shows_the_near_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XENPROOF_PROFILES", str(tmp_path))
    (tmp_path / "debian12.yaml").write_text(GOOD.replace("name: p", "name: debian12"))
    with pytest.raises(UsageError, match="found 'debain12'; did you mean 'debian12'") as caught:
        load_profile("debain12")
    assert caught.value.exit_status == 4


def test_a_copied_file_with_the_old_name_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XENPROOF_PROFILES", str(tmp_path))
    (tmp_path / "debian13.yaml").write_text(GOOD.replace("name: p", "name: debian12"))
    with pytest.raises(ProfileError, match=r"debian13\.yaml:1: expected the name of the file, 'debian13'"):
        load_profile("debian13")


@pytest.mark.parametrize("name", list_profiles())
def test_a_profile_of_ours_is_valid(name: str) -> None:
    assert load_profile(name).expectations


@settings(max_examples=100, deadline=None)
@given(
    st.one_of(st.binary(max_size=60), st.text("{}[]:,-!&*?|>'\"#%@ \n\tan<0.~", max_size=40).map(str.encode)),
    st.integers(0, len(GOOD)),
)
def test_any_bytes_are_a_profile_or_a_named_mistake(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, at: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(GOOD[:at].encode() + data + GOOD[at:].encode())
    try:
        read_document(path, "any.yaml")
    except ProfileError as error:
        message = str(error)
    else:
        return
    assert all(re.match(r"any\.yaml:\d+: .*expected ", line) for line in message.split("\n"))
