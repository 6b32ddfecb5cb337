"""The house is in order: names of the contract, commented settings, pinned packages, no address in the tree."""

import ast
import configparser
import os
import re
import subprocess
import tomllib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import xenproof

ROOT = Path(__file__).parents[3]
# What tools and runs put into the tree: not ours to judge.
NOT_OURS = {".git", ".venv", ".tox", "build", "reports", "__pycache__", ".hypothesis", ".mypy_cache", ".ruff_cache"}
# An address that is a name (an XML or JSON namespace, a licence), or that cannot exist (RFC 2606), reaches no one.
NAMES = {"www.apache.org", "www.w3.org", "json-schema.org"}
RESERVED = re.compile(r"(^|\.)(example(\.(com|net|org))?|invalid|test|localhost)$|^127\.0\.0\.1$|^\[::1\]$")
# SCHEME://HOST:443/PATH, as it stands in code, prose or a quoted string.
URL = re.compile(r"\b(?:https?|ftp)://[^\s\"'`<>()\\{}]+")
# What package hosts are called wherever they are.
PACKAGE_HOST = re.compile(r"^(deb|archive|security|snapshot|mirrors?|ftp|pypi|files|registry|packages)\d*\.")


def our_files() -> Iterator[Path]:
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in NOT_OURS and not name.endswith(".egg-info")]
        yield from (Path(folder, name) for name in files)


def text_of(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "replace")


def pyproject() -> dict[str, list[str]]:
    """The dependencies of pyproject.toml: "run", and those of each extra."""
    project = tomllib.loads(text_of(ROOT / "pyproject.toml"))["project"]
    return {"run": project["dependencies"], **project["optional-dependencies"]}


def pins() -> dict[str, str]:
    """Name and version of every line of constraints.txt that is not a comment."""
    lines = [line for line in text_of(ROOT / "constraints.txt").splitlines() if line and not line.startswith("#")]
    assert [line for line in lines if not re.fullmatch(r"[A-Za-z0-9][\w.-]*==[\w.!+]+", line)] == []
    return {canonicalize_name(name): version for name, _, version in (line.partition("==") for line in lines)}


@pytest.mark.parametrize("goal", ["conform", "test", "fuzz", "mutants", "bench", "lint", "types"])
def test_make_has_the_target_and_it_installs_first(goal: str) -> None:
    text = text_of(ROOT / "Makefile")
    rule = re.search(rf"^{goal}:\n((?:\t.*\n)+)", text, re.MULTILINE)
    assert rule is not None
    assert rule[1].startswith("\t@scripts/setup "), "a fresh machine has nothing yet"


@pytest.mark.parametrize("path", ["scripts/setup", ".ci/run"])
def test_scripts_are_whole_and_can_be_run(path: str) -> None:
    assert os.access(ROOT / path, os.X_OK)
    done = subprocess.run(["bash", "-n", str(ROOT / path)], capture_output=True, text=True, check=False, timeout=30)
    assert (done.returncode, done.stderr) == (0, "")
    assert "set -euo pipefail" in text_of(ROOT / path)


def test_every_option_of_pytest_has_its_reason() -> None:
    lines = text_of(ROOT / "pytest.ini").splitlines()
    options = [number for number, line in enumerate(lines) if re.match(r"[a-z_]+ =", line)]
    assert len(options) >= 7
    plain = {"markers"}  # each of its lines is its own description
    bare = [lines[number] for number in options if not lines[number - 1].startswith(";")]
    assert [line for line in bare if line.split(" =")[0] not in plain] == []


def test_every_marker_is_described() -> None:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(ROOT / "pytest.ini")
    lines = parser["pytest"]["markers"].split("\n")
    described = {re.split(r"[:(]", line)[0] for line in lines if re.match(r"\w+(\([^)]*\))?: \S.{15,}", line)}
    assert described == {re.split(r"[:(]", line)[0] for line in lines if line.strip()}
    assert {"each", "req", "smoke", "lab"} <= described


def test_changelog_tells_of_this_version() -> None:
    headings = re.findall(r"^## (.+)$", text_of(ROOT / "CHANGELOG.md"), re.MULTILINE)
    assert headings
    assert headings[0].split()[0] in ("Unreleased", xenproof.__version__)


def test_every_dependency_is_pinned_within_its_bounds() -> None:
    pinned = pins()
    for text in chain.from_iterable(pyproject().values()):
        wanted = Requirement(text)
        assert ">=" in {part.operator for part in wanted.specifier}, f"{text} has no lower bound"
        version = pinned.get(canonicalize_name(wanted.name))
        assert version is not None, f"{wanted.name} is not in constraints.txt"
        assert wanted.specifier.contains(version, prereleases=True), f"{text}, but {version} in constraints.txt"


def test_every_dependency_has_its_reason() -> None:
    # 0007 began the list; a note of its own tells what came later.
    note = "".join(text_of(path) for path in sorted((ROOT / "docs" / "decisions").glob("*.md")))
    names = [Requirement(text).name for extra in ("run", "dev", "fuzz") for text in pyproject()[extra]]
    images = text_of(next((ROOT / "docs" / "decisions").glob("0010-*.md")))
    assert [name for text in pyproject()["image"] if (name := Requirement(text).name) not in images] == []
    assert [name for name in names if f"`{name}`" not in note] == []


def test_decisions_are_numbered_and_whole() -> None:
    notes = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [int(path.name[:4]) for path in notes] == list(range(1, len(notes) + 1))
    for path in notes:
        text = text_of(path)
        assert text.startswith(f"# {path.name[:4]} "), path.name
        assert re.search(r"^Status: .+ · Supersedes: .+ · Date: \d{4}-\d\d-\d\d$", text, re.MULTILINE), path.name
        parts = re.findall(r"^(Context|Decision|Consequences|Rejected)\b", text, re.MULTILINE)
        assert parts == ["Context", "Decision", "Consequences", "Rejected"], path.name


def test_every_environment_variable_is_in_the_readme() -> None:
    used = {
        name
        for path in [*(ROOT / "xenproof").rglob("*.py"), ROOT / ".ci" / "run", ROOT / "tox.ini"]
        for name in re.findall(r"\bXENPROOF_[A-Z]+\b", text_of(path))
    }
    assert "XENPROOF_CACHE" in used
    assert sorted(name for name in used if name not in text_of(ROOT / "README.md")) == []


def addresses(text: str) -> list[str]:
    """The hosts of all URLs in `text` that could be reached."""
    hosts = [urlsplit(url).netloc.rpartition("@")[2].lower() for url in URL.findall(text)]
    plain = [host if host.startswith("[") else host.partition(":")[0] for host in hosts]
    return [host for host in plain if host and host not in NAMES and not RESERVED.search(host)]


def test_no_address_stands_in_the_tree() -> None:
    """Packages come from wherever the machine takes them: no mirror, no registry, nothing that is fetched by code."""
    seen = 0
    found = []
    for path in our_files():
        seen += 1
        hosts = addresses(text_of(path))
        if ROOT / "selftest" / "data" in path.parents:
            # What real programs printed names their authors' pages; package hosts have no place there either.
            hosts = [host for host in hosts if PACKAGE_HOST.search(host)]
        if path.suffix == ".md" or path.name == "LICENSE":
            hosts = [host for host in hosts if PACKAGE_HOST.search(host)]
        found += [f"{path.relative_to(ROOT)}: {host}" for host in hosts]
    assert seen > 50
    assert found == []


def test_addresses_are_found_where_there_are_any() -> None:
    text = (
        "see ht" + "tps://user@Mirror.host.se:8080/debian, ht" + "tp://www.w3.org/2000/svg and ht" + "tp://a.example/"
    )
    assert addresses(text) == ["mirror.host.se"]


def test_no_folder_of_one_machine_stands_in_the_tree() -> None:
    # Root's .ssh is a folder of every host that is examined.
    home = re.compile(r"/home/[a-z]\w*/|/root/\.(?!ssh/)\w+/")
    ours = [path for path in our_files() if path.suffix in {".py", ".toml", ".ini", ".yaml", ".md", ".sh", ".txt", ""}]
    assert [str(path.relative_to(ROOT)) for path in ours if path != Path(__file__) and home.search(text_of(path))] == []


def test_fixtures_do_nothing_when_they_are_only_dropped() -> None:
    """As where a run is interrupted twice: Python closes generators while it ends, and starts no thread any more."""
    wrong = [
        f"{path.relative_to(ROOT)}:{block.lineno}"
        for path in sorted((ROOT / "xenproof/suite").rglob("*.py"))
        for function in ast.walk(ast.parse(text_of(path)))
        if isinstance(function, ast.FunctionDef)
        if any("pytest.fixture" in ast.unparse(decorator) for decorator in function.decorator_list)
        for block in ast.walk(function)
        if isinstance(block, ast.With) or (isinstance(block, ast.Try) and block.finalbody)
        if any(isinstance(node, ast.Yield) for node in ast.walk(block))
    ]
    assert wrong == []


def test_the_library_knows_no_single_test() -> None:
    """What is to be known of a test is declared beside it, by marks and parameters."""
    named = re.compile(r"\btest_\w+\.py\b|/test_\w|^test_\w+$")
    found = [
        f"{path.relative_to(ROOT)}: {node.value}"
        for path in sorted((ROOT / "xenproof").rglob("*.py"))
        for node in ast.walk(ast.parse(text_of(path)))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and named.search(node.value)
    ]
    assert found == []


def test_checks_do_not_take_words_of_their_parameters_for_control() -> None:
    """What a check does for one of its parameters is a parameter too: the words of a name are for people."""
    found = []
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        functions = [node for node in ast.walk(ast.parse(text_of(path))) if isinstance(node, ast.FunctionDef)]
        for function in functions:
            names = {argument.arg for argument in function.args.args}
            found += [
                f"{path.name}:{node.lineno}"
                for node in ast.walk(function)
                if isinstance(node, ast.expr) and reads_words(node, names)
            ]
    assert found == []


def reads_words(node: ast.expr, names: set[str]) -> bool:
    """Whether one of `names` is compared with a text, asked how it begins, or looked up among texts."""
    match node:
        case ast.Compare(ast.Name(name), _, [ast.Constant(str())]):
            return name in names
        case ast.Attribute(ast.Name(name), "startswith" | "endswith"):
            return name in names
        case ast.Subscript(ast.Dict(), ast.Name(name)):
            return name in names
    return False
