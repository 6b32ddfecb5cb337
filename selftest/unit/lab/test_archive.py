"""Mirrors as folders of this machine, asked by apt's own program: which pockets a lab host is built from."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xenproof.errors import LabError
from xenproof.lab.apt_sources import configured, debian_mirrors
from xenproof.lab.archive import find_pockets
from xenproof.lab.provenance import MAX_AGE, PocketDate, Provenance, provenance, too_old
from xenproof.lab.release_file import parse_release_file, shown

DATA = Path(__file__).parents[2] / "data" / "archive"
POCKETS = ("bookworm", "bookworm-updates", "bookworm-security")
NOW = datetime.now(UTC).replace(microsecond=0)
# What `apt-get indextargets --no-release-info` printed on a Debian 13 machine with a third party's source; the hosts
# are made up.
INDEX_TARGETS = """\
http://deb.example/debian/|trixie|main|Packages
http://deb.example/debian/|trixie|main|Translations
http://deb.example/debian/|trixie|contrib|Packages
http://deb.example/debian/|trixie-updates|main|Packages
http://sec.example/debian-security/|trixie-security|main|Packages
https://apt.example/|nodistro|main|Packages
"""

Mirror = Callable[..., str]


@pytest.fixture
def mirror(tmp_path: Path) -> Mirror:
    """Makes a folder with these suites' Release files, and returns its address."""

    def make(
        *suites: str, name: str = "debian", origin: str = "Debian", date: datetime = NOW, valid: datetime | None = None
    ) -> str:
        for suite in suites:
            file = tmp_path / name / "dists" / suite / "InRelease"
            file.parent.mkdir(parents=True)
            until = f"Valid-Until: {format_datetime(valid)}\n" if valid else ""
            file.write_text(
                "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n"
                f"Origin: {origin}\nSuite: oldstable\nCodename: {suite}\n"
                f"Date: {format_datetime(date)}\n{until}SHA256:\n"
            )
        return f"file://{tmp_path / name}"

    return make


@pytest.mark.parametrize(
    ("name", "suite", "date", "valid_until"),
    [
        ("bookworm-security", "oldstable-security", "2026-11-26 21:03:35", "2026-12-03 21:03:35"),
        ("sid", "unstable", "2026-10-30 08:08:01", "2026-11-06 08:08:01"),
        ("trixie", "stable", "2026-11-21 09:15:44", None),
    ],
)
def test_release_files_of_debian(name: str, suite: str, date: str, valid_until: str | None) -> None:
    release = parse_release_file((DATA / f"{name}.InRelease").read_text())
    assert release is not None
    assert (release.origin, release.codename, release.suite) == ("Debian", name, suite)
    assert release.date == datetime.fromisoformat(f"{date}+00:00")
    assert release.valid_until == (valid_until and datetime.fromisoformat(f"{valid_until}+00:00"))
    assert release.is_of(name)
    assert release.is_of(suite)


@given(st.text(max_size=400) | st.text("DateValid-Until: \n0123456789,OctUTC+", max_size=200).map("Date: {}".format))
def test_any_text_is_a_release_file_or_none(text: str) -> None:
    release = parse_release_file(text)
    assert release is None or release.date.tzinfo is not None


def test_the_pockets_of_a_release_are_found_beside_it(mirror: Mirror) -> None:
    main, security = mirror(*POCKETS[:2]), mirror(POCKETS[2], name="debian-security")

    found = find_pockets(POCKETS, [f"{main}/"])

    assert [pocket.source_line for pocket in found] == [
        f"deb {main}/ bookworm main", f"deb {main}/ bookworm-updates main", f"deb {security}/ bookworm-security main"
    ]  # fmt: skip
    assert {pocket.date for pocket in found} == {NOW}


def test_a_mirror_without_a_pocket_is_an_error_that_names_it(mirror: Mirror) -> None:
    main = mirror("bookworm", "bookworm-security")
    with pytest.raises(LabError, match=r"no mirror has the suite bookworm-updates of Debian.*debian/ \(File not found"):
        find_pockets(POCKETS, [main])


def test_a_suite_of_that_name_of_another_origin_is_not_debians(mirror: Mirror) -> None:
    foreign, main = mirror("bookworm", name="docker", origin="Docker"), mirror("bookworm")
    assert find_pockets(["bookworm"], [foreign, main])[0].uri == f"{main}/"
    with pytest.raises(LabError, match="it is of another origin"):
        find_pockets(["bookworm"], [foreign])


def test_a_frozen_archive_is_an_error_unless_it_is_allowed(mirror: Mirror) -> None:
    main = mirror("sid", date=NOW - timedelta(days=29), valid=NOW - timedelta(days=22))
    with pytest.raises(LabError, match=r"frozen: the Release file of sid .* 22 days ago; .*--allow-expired"):
        find_pockets(["sid"], [main])
    assert find_pockets(["sid"], [main], allow_expired=True)[0].date == NOW - timedelta(days=29)


def test_one_that_is_still_valid_is_no_error(mirror: Mirror) -> None:
    assert find_pockets(["sid"], [mirror("sid", valid=NOW + timedelta(days=1))])


def test_a_mirror_at_the_root_of_its_host_has_no_folder_beside_it() -> None:
    with pytest.raises(LabError) as caught:
        find_pockets(["bookworm-security"], ["file:///"])
    assert str(caught.value).count("file:///") == 1


def test_what_apt_is_configured_for_is_asked_not_what_it_fetched() -> None:
    assert configured(INDEX_TARGETS) == [
        ("http://deb.example/debian/", "trixie"), ("http://deb.example/debian/", "trixie-updates"),
        ("http://sec.example/debian-security/", "trixie-security"), ("https://apt.example/", "nodistro"),
    ]  # fmt: skip


def test_the_users_mirror_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XENPROOF_MIRROR", "http://mirror.example/debian")
    assert debian_mirrors() == ["http://mirror.example/debian"]


def test_a_machine_without_apt_is_told_about_the_mirror(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("XENPROOF_MIRROR", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LabError, match="XENPROOF_MIRROR"):
        debian_mirrors()


def apt_of(monkeypatch: pytest.MonkeyPatch, folder: Path, *rows: str) -> None:
    """An apt-get that prints these rows, first on PATH."""
    monkeypatch.delenv("XENPROOF_MIRROR", raising=False)
    program = folder / "bin" / "apt-get"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\ncat <<'END'\n" + "\n".join(rows) + "\nEND\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")


def test_mirrors_are_those_of_debian(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, mirror: Mirror) -> None:
    main, foreign = mirror("bookworm", "bookworm-updates"), mirror("bookworm", name="docker", origin="Docker")
    rows = [f"{main}/|bookworm|main|Packages", f"{main}/|bookworm-updates|main|Packages"]
    apt_of(monkeypatch, tmp_path, f"{foreign}/|bookworm|main|Packages", *rows)
    assert debian_mirrors() == [f"{main}/"]


def test_another_distribution_has_no_mirror_of_debian(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, mirror: Mirror
) -> None:
    apt_of(monkeypatch, tmp_path, f"{mirror('noble', name='ubuntu', origin='Ubuntu')}|noble|main|Packages")
    assert debian_mirrors() == []


def test_a_mirror_that_does_not_answer_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    apt_of(monkeypatch, tmp_path, f"file://root:secret@{tmp_path}/gone|bookworm|main|Packages")
    with pytest.raises(LabError, match="no mirror of Debian that answers") as caught:
        debian_mirrors()
    assert "secret" not in str(caught.value)


def test_credentials_are_not_shown() -> None:
    assert shown("https://me:secret@deb.example:8080/debian/") == "https://deb.example:8080/debian/"


PACKAGES = """\
grub-xen-host 2.06-13+deb12u1
hostname 3.23
libvirt-daemon 9.0.0-4+deb12u2
linux-image-6.1.0-56-amd64 6.1.192-1
linux-image-amd64 6.1.192-1
xen-hypervisor-4.17-amd64 4.17.7+13-g2445b30a44-0+deb12u1
"""


def lists_of(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / f"mirror_dists_{name}_InRelease").write_text((DATA / f"{name}.InRelease").read_text())
    return folder


def test_an_image_says_what_it_was_built_from(tmp_path: Path) -> None:
    found = provenance(lists_of(tmp_path, "trixie", "sid"), PACKAGES, ["trixie", "unstable"])

    assert [pocket.codename for pocket in found.pockets] == ["sid", "trixie"]
    assert found.summary == (
        "sid of 2026-10-30, trixie of 2026-11-21: grub-xen-host 2.06-13+deb12u1, libvirt-daemon 9.0.0-4+deb12u2, "
        "linux-image-6.1.0-56-amd64 6.1.192-1, xen-hypervisor-4.17-amd64 4.17.7+13-g2445b30a44-0+deb12u1"
    )
    found.write(tmp_path / "provenance.json")
    assert Provenance.read(tmp_path / "provenance.json") == found


def test_packages_without_a_pocket_are_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="installed without trixie-security: the mirror has only stable, trixie"):
        provenance(lists_of(tmp_path, "trixie"), PACKAGES, ["trixie", "trixie-security"])


def test_the_identity_follows_the_pockets_and_every_package(tmp_path: Path) -> None:
    def identity(packages: str, *names: str) -> str:
        folder = tmp_path / "-".join(names)
        folder.mkdir(exist_ok=True)
        return provenance(lists_of(folder, *names), packages, []).identity

    same = identity(PACKAGES, "trixie")
    assert identity("\n".join(reversed(PACKAGES.splitlines())), "trixie") == same
    assert identity(PACKAGES.replace("hostname 3.23", "hostname 3.24"), "trixie") != same
    assert identity(PACKAGES, "trixie", "bookworm-security") != same


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"pockets": 1}', "\0"])
def test_a_broken_file_is_an_error_that_names_it(tmp_path: Path, text: str) -> None:
    file = tmp_path / "provenance.json"
    file.write_text(text)
    with pytest.raises(LabError, match=r"provenance\.json"):
        Provenance.read(file)


def test_an_old_image_is_reported_with_what_to_do() -> None:
    def built(age: timedelta) -> Provenance:
        return Provenance((PocketDate("bookworm", NOW),), {}, "", NOW - age)

    assert too_old(built(MAX_AGE - timedelta(hours=1)), "debian12") == ""
    assert too_old(built(MAX_AGE + timedelta(days=2)), "debian12") == (
        "it was built 32 days ago; for what the archive has now: xenproof lab build --fresh debian12"
    )
