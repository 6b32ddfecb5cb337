"""A profile of a stranger: whatever its bytes are, it is a profile or one bounded ProfileError, in bounded time."""

import json
import os
import subprocess
import sys
import textwrap
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xenproof.errors import ProfileError, UsageError
from xenproof.profile import load
from xenproof.profile.document import MOST_BYTES, read_document
from xenproof.profile.load import list_profiles, load_profile
from xenproof.profile.profile import Profile
from xenproof.profile.version import validate_range

ROOT = Path(__file__).parents[3]
HEAD = "scheme: deb\nfamilies:\n  packages:\n    defaults: {req: [S01], source: a test, status: inferred}\n"
MIB = 1 << 20
LIMIT_S = 120  # the worst takes about 20 s on a machine that is busy


@pytest.fixture(autouse=True)
def no_warning_is_printed() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def load_text(folder: Path, text: str | bytes, name: str = "p.yaml") -> Profile:
    path = folder / name
    path.write_bytes(text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text)
    return load_profile(str(path))


def refused(folder: Path, text: str | bytes) -> str:
    """The message that refuses it, which can be shown as it is."""
    with pytest.raises(ProfileError) as caught:
        load_text(folder, text)
    message = str(caught.value)
    assert len(message) < 33_000
    assert all(line.isprintable() and len(line) < 1500 for line in message.split("\n"))
    assert message.startswith(str(folder))
    return message


def laughs(depth: int) -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, depth)]
    return "\n".join(lines) + "\n"


TEXTS: dict[str, tuple[Callable[[], str | bytes], str]] = {
    "aliases that multiply": (lambda: laughs(12), r"at most 100,000 values, each alias counted"),
    "aliases of maps": (
        lambda: "a0: &a0 {a: 1}\n" + "".join(f"a{n}: &a{n} {{a: *a{n - 1}, b: *a{n - 1}}}\n" for n in range(1, 14)),
        r"known top level key, found 'a0'",
    ),
    "an alias of itself": (lambda: "a: &a [*a]\n", r"an alias of what it stands in"),
    "too large": (lambda: "#" * (MOST_BYTES + 1), r"a file of at most 256 KiB, found a larger one"),
    "nested": (lambda: "a: " + "[" * 100 + "]" * 100, r"nested 16 deep at most"),
    "nested very deeply": (lambda: "[" * 5000 + "]" * 5000, r"expected YAML, found something else: RecursionError"),
    "nested by dashes": (lambda: "- " * 5000, r"expected YAML, found something else: RecursionError"),
    "a long number": (lambda: HEAD + f"    xen: {{version: {'9' * 100_000}}}\n", r"at most 20,000 char.* '9{76}\.\.\."),
    "a number": (lambda: HEAD + f"    xen: {{version: {'9' * 10_000}}}\n", r"the number '9{76}\.\.\.$"),
    "hexadecimal": (lambda: HEAD + f"    xen: {{version: 0x{'f' * 10_000}}}\n", r"the number '0xf{74}\.\.\.$"),
    "infinity": (lambda: HEAD + "    xen: {version: .inf}\n", r"found the number \.inf"),
    "minus infinity": (lambda: HEAD + "    xen: {installed: -.inf}\n", r"found the number -\.inf"),
    "sexagesimal": (lambda: f"%YAML 1.1\n---\n{HEAD}    xen: {{version: 1:30}}\n", r"found the number 1:30"),
    "binary": (lambda: f"%YAML 1.1\n---\n{HEAD}    xen: {{version: 0b101}}\n", r"found the number 0b101"),
    "octal": (lambda: f"%YAML 1.1\n---\n{HEAD}    xen: {{version: 0777}}\n", r"found the number 0777"),
    "a number that is none": (lambda: HEAD + '    xen: {version: !!int "a\\eb"}\n', r"the number 'a\\x1bb'"),
    "no digits": (lambda: HEAD + '    xen: {version: !!int ""}\n', r"found the number"),
    "a float that is none": (lambda: HEAD + '    xen: {version: !!float "\\e]0;x\\a"}\n', r"number '\\x1b\]0;x\\x07'"),
    "a date that is none": (lambda: HEAD + '    xen: {version: !!timestamp "\\e]0;x"}\n', r"quote it: '\\x1b\]0;x'"),
    "a tag": (lambda: HEAD + "    xen: {version: !<tag:%1b%5d52;c%07> x}\n", r"found the tag 'tag:\\x1b\]52;c\\x07'"),
    "a tag of a list": (lambda: "a: !<tag:%1b%5d52;c;x%07> [x]\n", r"found the tag 'tag:\\x1b\]52;c;x\\x07'"),
    "a long tag": (lambda: f"a: !{'x' * 10_000} x\n", r"found the tag '!x{75}\.\.\."),
    "a tag that is no UTF-8": (lambda: "a: !<tag:%ff> x\n", r"expected"),
    "a long alias": (lambda: f"a: *{'x' * 10_000}\n", r"found a mistake"),
    "a version of YAML that is none": (lambda: "%YAML 1.3\n---\na: 1\n", r"expected YAML"),
    "another large version of YAML": (lambda: "%YAML 1.12345\n---\na: 1\n", r"expected YAML"),
    "a large version of YAML": (lambda: f"%YAML 1.{'9' * 5000}\n---\na: 1\n", r"expected"),
    "a large character": (lambda: 'a: "\\UFFFFFFFF"\n', r"expected"),
    "half a character": (lambda: 'name: "\\ud800"\n', r"expected"),
    "an escape in a key": (lambda: '"\\e]52": 1\n', r"a name of printable characters as key"),
    "a long key": (lambda: f'"{"k" * 1001}": 1\n', r"a name of at most 1,000 characters"),
    "a long unknown key": (lambda: f"{'k' * 900}: 1\n", r"found 'k{76}\.\.\.; known"),
    "a long key twice": (lambda: f"{'k' * 900}: 1\n{'k' * 900}: 1\n", r"found 'k{76}\.\.\. again"),
    "a long name": (lambda: f"name: {'n' * 15_000}\n{HEAD}    xen: {{installed: true}}\n", r"name: expected a name"),
    "an escape in a value": (lambda: HEAD + '    xen: {installed: "\\e]52;c;x\\a"}\n', r"found '\\x1b\]52;c;x\\x07'"),
    "a long parent": (lambda: f"extends: {'x' * 15_000}\n{HEAD}", r"found 'x{76}\.\.\."),
    "a parent with a zero": (lambda: f'extends: "x\\0y.yaml"\n{HEAD}', r"found no file '.*x\\x00y\.yaml'"),
    "a bare parent with a zero": (lambda: f'extends: "x\\0y"\n{HEAD}', r"found 'x\\x00y'"),
    "an item twice of many": (
        lambda: HEAD + "    xen: {req: [" + ",".join(f"r{n}" for n in range(20_000)) + ",r19999]}\n",
        r"found 'r19999' twice",
    ),
    "maps in a list": (
        lambda: HEAD + "    xen: {req: [" + ",".join(f"{{a{n}: 1}}" for n in range(5000)) + "]}\n",
        r"and 4,900 more mistakes",
    ),
    "a range with many parts": (
        lambda: HEAD + f'    xen: {{version: "{",".join([">=1"] * 4000)}"}}\n',
        r"at most 32 constraints and 1,000 characters, found 4,000",
    ),
    "a long range": (lambda: HEAD + f'    xen: {{version: ">={"1" * 900}"}}\n', r"expected a deb version after '>='"),
    "a control character": (lambda: b"a: \x1b]52\n", r"found a control character"),
    "no UTF-8": (lambda: b"a: \xff\n", r"expected UTF-8, found the byte 0xff"),
    "UTF-16": (lambda: "a: 1\n".encode("utf-16"), r"expected"),
    "nothing": (lambda: b"", r"found an empty file"),
}  # fmt: skip


@pytest.mark.parametrize("name", TEXTS)
def test_a_hostile_profile_is_one_bounded_error(tmp_path: Path, name: str) -> None:
    make, words = TEXTS[name]
    began = time.monotonic()
    message = refused(tmp_path, make())
    assert time.monotonic() - began < LIMIT_S
    with pytest.raises(ProfileError, match=words):
        raise ProfileError(message)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("    x{}: {{installed: 7}}\n", r"and 1,900 more mistakes; mend these first"),
        ("    x{}: {{instaled: true}}\n", r"and 1,900 more mistakes; mend these first"),
        ("    x{}: {{}}\n", r"and 1,900 more mistakes; mend these first"),
        ("    x{}: {{version: '4'}}\n", r"and 1,900 more mistakes; mend these first"),
        ("    x{}: 7\n", r"and 1,900 more mistakes; mend these first"),
    ],
)
def test_of_thousands_of_mistakes_the_first_are_listed(tmp_path: Path, row: str, words: str) -> None:
    message = refused(tmp_path, HEAD + "".join(row.format(n) for n in range(2000)))
    first, *_, last = message.split("\n")
    assert first.startswith(f"{tmp_path}/p.yaml:5: ")
    assert len(message.split("\n")) == 101
    with pytest.raises(ProfileError, match=words):
        raise ProfileError(last)


def test_thousands_of_removed_entries_take_no_square_of_time(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(HEAD + "".join(f"    x{n}: {{installed: true}}\n" for n in range(4000)))
    text = "extends: base.yaml\nfamilies:\n  packages:\n" + "".join(f"    x{n}: !remove\n" for n in range(3999))
    began = time.monotonic()
    assert len(load_text(tmp_path, text).expectations) == 1
    assert time.monotonic() - began < LIMIT_S


@pytest.mark.parametrize("kind", ["fifo", "device", "directory", "nothing", "loop", "zero"])
def test_what_is_no_regular_file_is_an_error_at_once(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "p.yaml"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "directory":
        path.mkdir()
    elif kind == "loop":
        path.symlink_to(path)
    name = str(path) if kind != "zero" else f"{tmp_path}/p\0.yaml"
    with pytest.raises(ProfileError, match=r"expected a (regular|readable) file|the path of a file"):
        load_profile(name)
    (child := tmp_path / "child.yaml").write_text(f"extends: p.yaml\n{HEAD}")
    with pytest.raises(ProfileError, match="expected a profile to extend, found no file"):
        load_profile(str(child))


def test_a_chain_of_very_many_files_is_an_error(tmp_path: Path) -> None:
    for number in range(10_000):
        (tmp_path / f"p{number}.yaml").write_text(f"extends: p{number + 1}.yaml\nscheme: deb\n")
    with pytest.raises(ProfileError, match="inherits from at most 15 files") as caught:
        load_profile(str(tmp_path / "p0.yaml"))
    assert str(caught.value).startswith(str(tmp_path / "p15.yaml"))


def test_a_chain_holds_no_more_than_a_file_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "MOST_VALUES", 200)
    for number in range(5):
        parent = f"extends: p{number + 1}.yaml\n" if number < 4 else ""
        rows = "".join(f"    x{number}-{n}: {{installed: true}}\n" for n in range(30))
        (tmp_path / f"p{number}.yaml").write_text(f"{parent}{HEAD}{rows}")
    with pytest.raises(ProfileError, match="at most 200 values in all that is inherited"):
        load_profile(str(tmp_path / "p0.yaml"))


def test_ours_are_far_below_the_bounds() -> None:
    folder = load.profiles_folder()
    assert max(path.stat().st_size for path in folder.glob("*.yaml")) < MOST_BYTES / 4
    for name in list_profiles():
        assert len(load_profile(name).chain) <= 8
        assert read_document(folder / f"{name}.yaml", name).size < 20_000


def test_a_range_with_very_many_constraints_is_refused_at_once() -> None:
    began = time.monotonic()
    with pytest.raises(ProfileError, match="at most 32 constraints"):
        validate_range(", ".join(f">={n}" for n in range(100_000)), "deb")
    assert time.monotonic() - began < 10
    validate_range(", ".join(f"!={n}" for n in range(32)), "rpm")


# The worst for ruamel.yaml: as large as a file may be.
SHAPES = {
    "empty flow pairs": "{" + ":," * (MOST_BYTES // 2 - 2) + "}",
    "keys": "".join(f"{n}:\n" for n in range(MOST_BYTES // 8)),
    "aliases": "a: &a [x]\nb:\n" + "- *a\n" * (MOST_BYTES // 5 - 8),
}


@pytest.mark.parametrize("name", SHAPES)
def test_the_largest_file_takes_bounded_memory_and_time(tmp_path: Path, name: str) -> None:
    (path := tmp_path / "p.yaml").write_text(SHAPES[name])
    code = """
        import sys
        from xenproof.errors import ProfileError
        from xenproof.profile.load import load_profile
        try:
            load_profile(sys.argv[1])
        except ProfileError as error:
            assert len(str(error)) < 33_000
        from selftest.peak import own_peak_mib
        print(own_peak_mib())
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), str(path)],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True, timeout=LIMIT_S,
    )  # fmt: skip
    assert int(done.stdout) < 300


def loads(folder: Path, data: bytes) -> None:
    """Load it; what comes out is a profile whose digest can be said, or an error whose message can be written."""
    try:
        json.dumps(load_text(folder, data).digest)
    except UsageError as error:
        assert len(str(error)) < 33_000  # noqa: PT017  # either is right, nothing else is
        assert "\x1b" not in str(error)  # noqa: PT017


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300))
def test_any_bytes_are_a_profile_or_an_error(tmp_path: Path, data: bytes) -> None:
    loads(tmp_path, data)


WORDS = st.sampled_from(
    [
        "name", "title", "extends", "scheme", "families", "packages", "defaults", "xen", "version", "installed", "req",
        "source", "status", "level", "deb", "rpm", "p.yaml", "debian12", "&a", "*a", "!remove", "!!int", "!!float",
        "!!timestamp", "!!binary", "!<tag:%1b>", "%YAML 1.1", "%TAG ! x:", "---", "...", "<<", ": ", ", ", "[", "]",
        "{", "}", "- ", "? ", "|\n", ">\n", "\n", "\n  ", "\n    ", "\n      ", "\t", '"', "'", "\\e", "\\0", "\\ud800",
        "0x", "1:30", "9" * 30, ".inf", "~", "true", "'>=4.17'", "#", "\x85", "\u2028", "\ufeff", "S01",
    ]
)  # fmt: skip


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(WORDS, max_size=40), st.booleans())
def test_any_words_of_yaml_are_a_profile_or_an_error(tmp_path: Path, words: list[str], begun: bool) -> None:
    loads(tmp_path, ((HEAD if begun else "") + "".join(words)).encode())


LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.sampled_from(["!remove", "deb"])
)


def around(below: "st.SearchStrategy[object]") -> "st.SearchStrategy[object]":
    """What is below, a list of it, or a map of it."""
    return below | st.lists(below, max_size=3) | st.dictionaries(st.text(min_size=1, max_size=6), below, max_size=3)


VALUES = around(around(LEAVES))


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["version", "installed", "req", "source", "status", "level"]), VALUES)
def test_any_value_is_a_profile_or_an_error(tmp_path: Path, key: str, value: object) -> None:
    loads(tmp_path, f"{HEAD}    xen: {{installed: true, {key}: {json.dumps(value)}}}\n".encode())
    loads(tmp_path, f"scheme: deb\nfamilies:\n  files:\n    /x: {json.dumps(value)}\n".encode())
    loads(tmp_path, f"{json.dumps({key: value, 'families': value})}\n".encode())
