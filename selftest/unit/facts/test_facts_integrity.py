"""What the package managers say of changed files, and all that must not be taken for "nothing changed"."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xenproof.errors import NotEvaluable, ParseError
from xenproof.facts.integrity import Changes, Integrity, integrity_probe, none_but, parse_integrity
from xenproof.probing.sections import printed
from xenproof.profile.load import load_profile
from xenproof.source.probe import ProbeOutput

DATA = Path(__file__).parents[2] / "data"
PROFILE = load_profile("debian12")


def read(path: str) -> Integrity:
    return parse_integrity(ProbeOutput("integrity", (DATA / path).read_bytes(), b"", 0))


def parsed(*lines: str, scheme: str = "deb", code: int = 0, owners: str = "") -> Integrity:
    """What is made of two verified packages and these lines of the package manager."""
    body = "\n".join([scheme, "sums xen", "sums xen-tools", f"verified {code}", *lines, ""])
    text = printed("integrity", body) + printed("owners", owners or "xen\n /a\n /b c\nxen-tools\n /a\n /d\n")
    return parse_integrity(ProbeOutput("integrity", text.encode(), b"", 0))


def test_a_host_as_it_was_installed() -> None:
    integrity = read("debian12-release/integrity.txt")
    for name in PROFILE.entries("integrity"):
        assert integrity.changes(name) == Changes()
        assert str(integrity.changes(name)) == "none"


def test_dpkg_names_what_was_changed() -> None:
    integrity = read("integrity/dpkg-changed.txt")
    pygrub, grub_xen = "/usr/lib/xen-4.17/bin/pygrub", "/usr/lib/grub-xen/grub-x86_64-xen.bin"
    assert integrity.changes("xen-utils-4.17") == Changes({pygrub: "content"})
    assert integrity.changes("grub-xen-host") == Changes({grub_xen: "missing"})
    assert str(integrity.changes("xen-utils-common")) == "none; configured: /etc/xen/xl.conf (content)"
    assert integrity.changes("libvirt-daemon") == Changes()
    with pytest.raises(NotEvaluable, match="no checksums of the files of 'xenstore-utils'"):
        integrity.changes("xenstore-utils")


def test_rpm_names_what_was_changed() -> None:
    integrity = read("integrity/rpm-changed.txt")
    assert integrity.changes("xen") == Changes(
        {"/usr/lib/xen": "mode", "/usr/share/doc/xen/README": "missing"},
        {"/etc/xen/xen.conf": "size, content", "/usr/lib/xen/data": "size, mode, content"},
    )
    assert integrity.changes("xen-tools").files == {
        "/usr/lib/xen-tools": "mode",
        "/usr/lib/xen-tools/link": "missing",
        "/usr/lib/xen-tools/with space": "size, content",
    }
    assert integrity.changes("xen-libs") == Changes()
    with pytest.raises(NotEvaluable, match="not installed"):
        integrity.changes("xend-tools")
    assert read("integrity/rpm-clean.txt").changes("xen-libs") == Changes()


def test_only_named_files_may_differ() -> None:
    assert none_but([], Changes({}, {"/etc/xen/xl.conf": "content"}))
    assert none_but(["/a", "/b"], Changes({"/a": "content"}))
    assert not none_but(["/b"], Changes({"/a": "content"}))


def test_a_file_of_two_packages_is_changed_in_both() -> None:
    integrity = parsed("??5??????   /a")
    assert integrity.changes("xen") == integrity.changes("xen-tools") == Changes({"/a": "content"})


def test_a_file_that_rpm_itself_left_out_is_no_fault() -> None:
    integrity = parsed("missing   d /d (not installed)", "S.5......    /b c (replaced)", scheme="rpm", code=2)
    assert integrity.changes("xen-tools") == Changes({}, {"/d": "missing"})
    assert integrity.changes("xen") == Changes({}, {"/b c": "size, content"})


@pytest.mark.parametrize(
    ("line", "scheme"),
    [
        ("missing     /d (Permission denied)", "deb"),
        ("?????????   /d", "deb"),
        ("..?......    /d", "rpm"),
        ("missing     /d (Input/output error)", "rpm"),
    ],
)
def test_a_file_that_cannot_be_read_is_neither_right_nor_wrong(line: str, scheme: str) -> None:
    integrity = parsed(line, scheme=scheme, code=int(scheme == "rpm"))
    with pytest.raises(NotEvaluable, match="/d of the package 'xen-tools' cannot be read"):
        integrity.changes("xen-tools")
    assert integrity.changes("xen") == Changes()


@pytest.mark.parametrize(
    ("lines", "scheme", "code"),
    [
        (["error: cannot open Packages database in /var/lib/rpm", "package xen is not installed"], "rpm", 1),
        (["warning: /etc/xen/xl.conf: Header V3 RSA/SHA256 Signature, key ID 39db7c82: NOKEY"], "rpm", 1),
        (["error: can't create transaction lock on /var/lib/rpm/.rpm.lock (Permission denied)"], "rpm", 1),
        (["dpkg: error: cannot compute MD5 digest for file '/a': failed to read (Is a directory)"], "deb", 2),
        (["dpkg: warning: files list file for package 'xen' missing; assuming none are installed"], "deb", 0),
        (["sh: 1: dpkg: not found"], "deb", 127),
        (["package xend is not installed"], "rpm", 1),
        ([], "rpm", 1),
        ([], "deb", 137),
        (["??5??????   /of-no-package"], "deb", 0),
        (["??5??????   relative"], "deb", 0),
    ],
)
def test_trouble_with_the_package_manager_is_no_answer(lines: list[str], scheme: str, code: int) -> None:
    with pytest.raises(ParseError):
        parsed(*lines, scheme=scheme, code=code)


def test_a_package_that_was_not_asked_for_is_no_answer() -> None:
    with pytest.raises(ParseError, match="was not verified"):
        parsed().changes("qemu")


def test_a_profile_that_names_no_package_verifies_none() -> None:
    text = printed("integrity", "none\n") + printed("owners", "")
    integrity = parse_integrity(ProbeOutput("integrity", text.encode(), b"", 0))
    assert integrity == Integrity({}, {})
    with pytest.raises(ParseError):
        integrity.changes("xen")


def test_the_probe_asks_for_the_packages_of_the_profile_alone() -> None:
    script = integrity_probe(PROFILE).script
    names = " ".join(PROFILE.entries("integrity"))
    assert "xen-utils-4.17" in names
    assert f"dpkg -V {names};" in script
    assert f"rpm -V --nodeps --noscripts --nomtime {names};" in script


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["missing  ", "??5??????", "S.5....T.", "SM5DLUGTP"]),
            st.sampled_from("cdglr "),
            st.text(st.characters(codec="utf-8", exclude_characters="\n", exclude_categories=["Cs"]), max_size=30)
            | st.just("a (Not a remark)"),
        ),
        min_size=1,
        unique_by=lambda row: row[2],
    )
)
def test_every_difference_is_named_once(rows: list[tuple[str, str, str]]) -> None:
    rows = [(marks, kind, f"/usr/{name}") for marks, kind, name in rows]
    lines = [f"{marks} {kind} {path}" for marks, kind, path in rows]
    owners = "xen\n" + "".join(f" {path}\n" for _, _, path in rows)
    found = parsed(*lines, owners=owners).changes("xen")
    assert found.files.keys() == {path for _, kind, path in rows if kind not in "cg"}
    assert found.configuration.keys() == {path for _, kind, path in rows if kind in "cg"}
