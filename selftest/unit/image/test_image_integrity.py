"""What dpkg -V and rpm -V would say of an image's packages, and what xend left over there."""

import hashlib
import lzma
from pathlib import Path

import pytest

from selftest.images.memory import MemoryNode, directory, file, link, put
from selftest.images.root import make_root
from xenproof.errors import NotEvaluable, ParseError
from xenproof.facts.integrity import INTEGRITY
from xenproof.facts.leftovers import LEFTOVERS
from xenproof.image.accounts import read_accounts
from xenproof.image.dpkg_integrity import DpkgIntegrity
from xenproof.image.rpm.database import read_packages
from xenproof.image.rpm.integrity import RpmIntegrity
from xenproof.image.source import read_image
from xenproof.image.tree import Tree
from xenproof.profile.load import load_profile

DATA = Path(__file__).parents[2] / "data" / "rpm"


def md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def debian() -> MemoryNode:
    """A package with two programs, one of them diverted by another package, and two configuration files."""
    root = directory()
    put(
        root,
        "/var/lib/dpkg/status",
        file(
            "Package: tools\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\nConffiles:\n"
            f" /etc/tools.conf {md5('conf')}\n /etc/old.conf {md5('old')} obsolete\nDescription: x\n\n"
            "Package: bare\nStatus: install ok installed\nArchitecture: all\nVersion: 1\n\n"
            "Package: gone\nStatus: deinstall ok config-files\nArchitecture: all\nVersion: 1\n"
        ),
    )
    info = f"{md5('one')}  usr/bin/one\n{md5('two')}  usr/bin/two\n"
    put(root, "/var/lib/dpkg/info/tools:amd64.md5sums", file(info))
    put(root, "/var/lib/dpkg/info/tools:amd64.list", file("/.\n/usr/bin/one\n/usr/bin/two\n/etc/tools.conf\n"))
    put(root, "/var/lib/dpkg/diversions", file("/usr/bin/two\n/usr/bin/two.real\nother\n"))
    put(root, "/usr/bin/one", file("one"))
    put(root, "/usr/bin/two", file("of another package"))
    put(root, "/usr/bin/two.real", file("two"))
    put(root, "/etc/tools.conf", file("conf"))
    return root


def said(root: MemoryNode) -> list[str]:
    return DpkgIntegrity(Tree(root), ("tools", "bare", "gone")).verified().splitlines()


HEAD = ["deb", "sums tools", "none bare", "none gone", "verified 1"]
ABSENT = "dpkg: package 'gone' is not installed"


def test_files_that_dpkg_installed_are_as_they_were() -> None:
    assert said(debian()) == [*HEAD, ABSENT]
    assert DpkgIntegrity(Tree(debian()), ("tools",)).owners() == (
        "tools\n /.\n /usr/bin/one\n /usr/bin/two\n /etc/tools.conf\n"
    )


@pytest.mark.parametrize(
    ("path", "node", "line"),
    [
        ("/usr/bin/one", file("other"), "??5??????   /usr/bin/one"),
        ("/usr/bin/two.real", file("other"), "??5??????   /usr/bin/two"),
        ("/usr/bin/two", file("whatever"), None),
        ("/etc/tools.conf", file("changed"), "??5?????? c /etc/tools.conf"),
        ("/etc/tools.conf", link("/nowhere"), "missing   c /etc/tools.conf"),
        ("/etc/old.conf", file("other"), None),
    ],
)
def test_what_differs_is_said_as_dpkg_says_it(path: str, node: MemoryNode, line: str | None) -> None:
    root = debian()
    put(root, path, node)
    assert said(root) == [*HEAD, *([line] if line else []), ABSENT]


def suse() -> MemoryNode:
    """The root directory that rpm made, owners included."""
    root = directory()
    put(root, "/var/lib/rpm/rpmdb.sqlite", file(lzma.decompress((DATA / "with-files.sqlite.xz").read_bytes())))
    put(root, "/etc/passwd", file("root:x:0:0::/:/bin/sh\nlp:x:7:7::/:/bin/sh\n"))
    put(root, "/etc/group", file("root:x:0:\nadm:x:4:\nlp:x:7:\n"))
    put(root, "/usr/sbin/xl", file("xl\n", 0o755))
    put(root, "/usr/sbin/xm-link", link("xl"))
    put(root, "/usr/sbin/xentop", file("tool\n", 0o755))
    put(root, "/etc/xen/xl.conf", file("conf\n"))
    put(root, "/usr/share/doc/packages/xen/README", file("doc\n"))
    put(root, "/usr/sbin/opt", file("opt\n"))
    put(root, "/var/log/xen", directory(0o750, 0, 4))
    put(root, "/var/lib/xen", directory(0o700, 7, 0))
    return root


def verified(root: MemoryNode, *names: str) -> list[str]:
    tree = Tree(root)
    return RpmIntegrity(tree, names or ("xen-tools",), read_accounts(tree)).verified().splitlines()


def test_files_that_rpm_installed_are_as_they_were() -> None:
    assert verified(suse()) == ["rpm", "sums xen-tools", "verified 0"]
    assert verified(suse(), "none") == ["rpm", "sums none", "verified 1", "package none is not installed"]
    tree = Tree(suse())
    first, *files = RpmIntegrity(tree, ("xen-tools", "none"), read_accounts(tree)).owners().splitlines()
    assert first == "xen-tools"
    assert " /var/log/xen/ghost.log" in files
    assert len(files) == 9


@pytest.mark.parametrize(
    ("path", "node", "line"),
    [
        ("/usr/sbin/xl", file("xl\nX\n", 0o755), "S.5......    /usr/sbin/xl"),
        ("/usr/sbin/xl", file("xm\n", 0o755), "..5......    /usr/sbin/xl"),
        ("/usr/sbin/xentop", file("tool\n", 0o700), ".M.......    /usr/sbin/xentop"),
        ("/usr/sbin/xm-link", link("/else"), "....L....    /usr/sbin/xm-link"),
        ("/etc/xen/xl.conf", file("conf\n\n"), "S.5......  c /etc/xen/xl.conf"),
        ("/var/lib/xen", directory(0o700), ".....U...    /var/lib/xen"),
        ("/var/lib/xen", directory(0o700, 4711), ".....UG..    /var/lib/xen"),
        ("/var/log/xen", directory(0o750, 0, 7), "......G..    /var/log/xen"),
        ("/usr/share/doc/packages/xen", directory(), "missing   d /usr/share/doc/packages/xen/README"),
        ("/var/log/xen/ghost.log", file("anything"), None),
    ],
)
def test_what_differs_is_said_as_rpm_says_it(path: str, node: MemoryNode, line: str | None) -> None:
    root = suse()
    put(root, path, node)
    assert verified(root)[2:] == (["verified 1", line] if line else ["verified 0"])


def test_what_may_be_missing_is_no_difference() -> None:
    root = suse()
    del root.children["usr"].children["sbin"].children["opt"]
    assert verified(root)[2:] == ["verified 0"]


def test_without_owners_rpm_could_not_verify() -> None:
    root = suse()
    root.uid = 1000
    with pytest.raises(NotEvaluable, match="owners of files were lost"):
        verified(root)


def test_a_header_that_does_not_describe_each_file_is_an_error() -> None:
    (package,) = read_packages(Tree(suse()))
    kind, at, count = package.index[1030]
    package.index[1030] = (kind, at, count - 1)
    root = suse()
    from xenproof.image.rpm import integrity

    with pytest.raises(ParseError, match="does not describe each of the 9 files"):
        list(integrity._files(package))
    assert verified(root)[2:] == ["verified 0"]


def test_the_check_names_the_changed_file(tmp_path: Path) -> None:
    """From the image to what the check of the profile is given."""
    root = make_root(tmp_path)
    (info := root / "var/lib/dpkg/info").mkdir()
    (info / "xen-utils-4.17.md5sums").write_text(f"{md5('x')}  usr/sbin/xl\n", "utf-8")
    (info / "xen-utils-4.17.list").write_text("/.\n/usr/sbin/xl\n", "utf-8")
    profile = load_profile("debian12")
    integrity = INTEGRITY.of(read_image("image://x", root, profile), profile)
    assert dict(integrity.changes("xen-utils-4.17").files) == {"/usr/sbin/xl": "content"}
    with pytest.raises(NotEvaluable, match="not installed"):
        integrity.changes("qemu-system-xen")


def test_what_xend_left_over_is_found(tmp_path: Path) -> None:
    root = make_root(tmp_path)
    texts = {
        "etc/xen/old": "# made by xm\n\n  (vm\n (name old))\n",
        "etc/xen/vm/older.sxp": "(domain (name older))\n",
        "etc/xen/vm/guest.cfg": 'name = "guest"\n',
        "etc/xen/xend-config.sxp": "(vm-something)\n",
        "var/lib/xend/domains/1234/config.sxp": "(domain\n (name managed))\n",
    }
    for name, text in texts.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, "utf-8")
    profile = load_profile("sles12")
    left = LEFTOVERS.of(read_image("image://x", root, profile), profile)
    assert sorted(left.configs) == ["/etc/xen/old", "/etc/xen/vm/older.sxp"]
    assert left.managed == {"/var/lib/xend/domains/1234/config.sxp": "managed"}


def test_without_xend_nothing_is_left_over(tmp_path: Path) -> None:
    profile = load_profile("sles12")
    left = LEFTOVERS.of(read_image("image://x", make_root(tmp_path), profile), profile)
    assert (left.configs, dict(left.managed)) == ((), {})
