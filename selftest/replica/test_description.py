"""The tables that the replica is built from."""

from pathlib import Path

import pytest

from selftest.replica import description
from selftest.replica.description import DescriptionError, sources, texts_below
from selftest.replica.spec import spec

TABLE = """\
source: one
version: "1"
release: "2"
packages:
  one: {files: [/etc/a]}
  two: {executables: [/usr/bin/b], requires: [one = 1-2]}
"""


@pytest.fixture
def tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the tables, with one in it."""
    monkeypatch.setattr(description, "HERE", tmp_path)
    monkeypatch.setattr(description, "ROOT_TEXTS", tmp_path / "root")
    (tmp_path / "packages").mkdir()
    (tmp_path / "packages/one.yaml").write_text(TABLE)
    return tmp_path


def test_a_table_becomes_packages(tables: Path) -> None:
    (source,) = sources()
    assert [package.name for package in source.packages] == ["one", "two"]
    text = spec([source], "/some/tree")
    assert "%package -n one\nVersion: 1\nRelease: 2\n" in text
    assert "%package -n two\nVersion: 1\nRelease: 2\n" in text
    assert "Requires: one = 1-2\n%description -n two\n" in text
    assert "%files -n two\n%attr(0755, root, root) /usr/bin/b\n" in text


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (TABLE.replace("/etc/a", "/usr/bin/b"), "/usr/bin/b is in one and in two"),
        (TABLE.replace("files", "flies"), "one: unknown flies"),
        (TABLE.replace("/etc/a", "etc/a"), "one: expected whole paths, found etc/a"),
        (TABLE.replace("/etc/a", "/etc//a"), "one: expected whole paths, found /etc//a"),
        (TABLE.replace("release", "relaese"), "expected source, version, release and packages"),
    ],
)
def test_a_wrong_table_is_an_error(tables: Path, text: str, says: str) -> None:
    (tables / "packages/one.yaml").write_text(text)
    with pytest.raises(DescriptionError, match=says):
        sources()


def test_a_text_that_no_package_has_is_an_error(tables: Path) -> None:
    (tables / "root/etc").mkdir(parents=True)
    (tables / "root/etc/lost").touch()
    with pytest.raises(DescriptionError, match="no package has /etc/lost"):
        sources()


def test_nothing_of_it_is_taken_from_a_profile() -> None:
    folder = Path(description.__file__).parent
    tests = set(folder.glob("test_*.py"))
    # The one that records it says whose probes are to be run.
    readers = {folder / "__main__.py", folder / "live.py"}
    texts = [path.read_text() for path in folder.glob("*.py") if path not in tests | readers]
    assert [text for text in texts if "xenproof.profile" in text or "profiles/" in text] == []


def test_every_stand_in_and_written_text_says_that_it_is_of_a_replica() -> None:
    # What is data of a system, and has no comments.
    plain = {"/etc/passwd", "/etc/group", "/lib/modules/3.12.28-4-xen/modules.builtin"}
    texts = texts_below(description.ROOT_TEXTS)
    assert len(texts) > 40
    assert [path for path, text in texts.items() if path not in plain and "replica" not in text.read_text()] == []
