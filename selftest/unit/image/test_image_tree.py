"""Links in an image lead to where they would in its own system, and never out of it."""

import os
import posixpath
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xenproof.errors import NotEvaluable, SourceError
from xenproof.image.folder import FolderNode
from xenproof.image.tree import MOST_LINKS, Tree
from xenproof.image.unknowable import VOLATILE

NAMES = st.sampled_from(["a", "b", "etc", "secret", "..", "."])
TARGETS = st.builds(
    lambda absolute, parts: ("/" if absolute else "") + "/".join(parts),
    st.booleans(),
    st.lists(NAMES, min_size=1, max_size=5),
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (root := tmp_path / "root").mkdir()
    (root / "etc").mkdir()
    (root / "etc/name").write_text("inside\n", "utf-8")
    return root


def text(root: Path, path: str) -> str | None:
    return Tree(FolderNode(root)).text(path)


@pytest.mark.parametrize(
    ("link", "leads_to"),
    [
        ("x", "/etc/name"),
        ("x", "etc/name"),
        ("x", "../../../../../../etc/name"),
        ("x", "/../etc/./name"),
        ("etc/x", "name"),
        ("etc/x", "../etc/name"),
        ("etc/x", "//etc//name"),
    ],
)
def test_a_link_begins_at_the_images_own_root(root: Path, link: str, leads_to: str) -> None:
    (root / link).symlink_to(leads_to)
    assert text(root, f"/{link}") == "inside\n"


def test_links_to_links_and_through_directories_are_followed(root: Path) -> None:
    (root / "one").symlink_to("/two")
    (root / "two").symlink_to("etc")
    assert text(root, "/one/name") == "inside\n"
    found = Tree(FolderNode(root)).find("/one/name")
    assert found is not None
    assert found.path == "/etc/name"
    assert Tree(FolderNode(root)).find("/one", follow=False).path == "/one"  # type: ignore[union-attr]  # it is there


@pytest.mark.parametrize("leads_to", ["x", "/x", "y", "./x/..", "/etc/../x"])
def test_a_loop_of_links_ends_at_nothing(root: Path, leads_to: str) -> None:
    (root / "x").symlink_to(leads_to)
    (root / "y").symlink_to("x")
    assert Tree(FolderNode(root)).find("/x") is None
    assert Tree(FolderNode(root)).find("/x/more") is None
    assert Tree(FolderNode(root)).find("/x", follow=False) is not None


def test_a_chain_of_links_may_be_as_long_as_the_kernels(root: Path) -> None:
    for at in range(MOST_LINKS):
        (root / f"l{at}").symlink_to(f"l{at + 1}" if at + 1 < MOST_LINKS else "etc/name")
    assert text(root, "/l0") == "inside\n"
    (root / "longer").symlink_to("l0")
    assert text(root, "/longer") is None


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(["a", "b", "c/d", "etc/a", "etc/b"]), TARGETS, max_size=5), TARGETS)
def test_nothing_outside_is_ever_found(links: dict[str, str], asked: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        outside = Path(name)
        (outside / "secret").write_text("outside\n", "utf-8")
        root = outside / "deep" / "root"
        (root / "etc").mkdir(parents=True)
        (root / "c").mkdir()
        for link, target in links.items():
            (root / link).symlink_to(target)
        found = Tree(FolderNode(root)).find(posixpath.join("/", asked))
        if found is not None:
            assert isinstance(found.node, FolderNode)
            assert found.node.path.is_relative_to(root)
            assert ".." not in found.node.path.parts
            assert found.node.path == root / found.path.lstrip("/")


def test_what_a_running_system_has_elsewhere_is_unknown(root: Path) -> None:
    (root / "proc").mkdir()
    (root / "proc/cmdline").write_text("of the machine that unpacked it\n", "utf-8")
    (root / "link").symlink_to("/proc/cmdline")
    tree = Tree(FolderNode(root), VOLATILE)
    for path in ("/proc/cmdline", "/link", "/run/xen", "/etc/../proc/cmdline"):
        with pytest.raises(NotEvaluable, match="an image has no /"):
            tree.find(path)
    assert tree.find("/processes") is None


def test_a_mounted_file_system_hides_what_is_below(root: Path, tmp_path: Path) -> None:
    (other := tmp_path / "other").mkdir()
    (other / "name").write_text("mounted\n", "utf-8")
    tree = Tree(FolderNode(root), {"/etc": FolderNode(other)})
    assert tree.text("/etc/name") == "mounted\n"
    assert tree.text("/etc/../etc/name") == "mounted\n"


def test_patterns_match_each_part_by_itself(root: Path) -> None:
    for name in ("rc2.d/S01a", "rc3.d/S02b", "rc3.d/K01c", "rc7.d/S01d", "rc2.d/.S03e", "rc2.d/S1f"):
        (path := root / "etc" / name).parent.mkdir(exist_ok=True)
        path.write_text("", "utf-8")
    tree = Tree(FolderNode(root))
    assert tree.matching("/etc/rc[2345].d/S[0-9][0-9]*") == ["/etc/rc2.d/S01a", "/etc/rc3.d/S02b"]
    assert tree.matching("/etc/none/*") == []


def test_a_name_with_a_line_break_or_without_utf8_does_no_harm(root: Path) -> None:
    (root / "etc/a\nthere").write_text("", "utf-8")
    Path(f"{root}/etc/\udcff").write_text("odd", "utf-8")
    assert text(root, "/etc/\udcff") == "odd"
    assert Tree(FolderNode(root)).find("/etc/" + "n" * 300) is None
    assert Tree(FolderNode(root)).find("/etc/name/below") is None


def test_only_regular_files_have_a_text(root: Path) -> None:
    os.mkfifo(root / "etc/fifo")
    assert text(root, "/etc/fifo") is None
    with pytest.raises(SourceError, match="no longer a regular file"):
        FolderNode(root / "etc/fifo").read(0, 1)


def test_a_text_that_is_too_large_is_not_evaluable(root: Path) -> None:
    with (root / "etc/large").open("wb") as out:
        out.truncate(1 << 30)
    with pytest.raises(NotEvaluable, match="1073741824 bytes"):
        text(root, "/etc/large")
