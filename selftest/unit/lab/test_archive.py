"""Mirrors as folders of this machine, asked by apt's own program: which pockets a lab host is built from."""

import platform
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xenproof.errors import LabError
from xenproof.lab import apt_sources
from xenproof.lab.apt_sources import configured, debian_mirrors
from xenproof.lab.archive import Pocket, find_pockets
from xenproof.lab.provenance import MAX_AGE, PocketDate, Provenance, provenance, too_old
from xenproof.lab.release_file import parse_release_file
from xenproof.lab.shown import shown

DATA = Path(__file__).parents[2] / "data" / "archive"
POCKETS = ("bookworm", "bookworm-updates", "bookworm-security")
NOW = datetime.now(UTC).replace(microsecond=0)
# What `apt-get indextargets --no-release-info` printed on a Debian 13 machine with a third party's source, a CD, a
# password and a flat repository; the hosts are made up.
INDEX_TARGETS = """\
trixie|main|Packages|http://deb.example/debian/
trixie|main|Translations|http://deb.example/debian/
trixie|contrib|Packages|http://deb.example/debian/
trixie-updates|main|Packages|http://deb.example/debian/
trixie-updates|main|Packages|http://deb.example/debian/
trixie-security|main|Packages|http://me:a|b@sec.example/debian-security/
trixie|main|Packages|cdrom://[Debian GNU/Linux 13.1.0 _Trixie_ - Official amd64 DVD]/
./|$(COMPONENT)|Packages|http://flat.example/
nodistro|main|Packages|https://apt.example/
"""

Mirror = Callable[..., str]
HTTP, HTTPS = "http:", "https:"


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


@pytest.mark.parametrize(
    ("date", "utc"),
    [
        ("Sat, 10 Jun 2023 08:53:33 UTC", "2023-06-10 08:53:33"),
        ("Sat, 10 Jun 2023 8:53:33 Z", "2023-06-10 08:53:33"),
        ("Sat, 10 Jun 2023 08:53:33 GMT", "2023-06-10 08:53:33"),
        ("Thu, 06 Oct 2016 21:22:35 +0800", "2016-10-06 13:22:35"),
        ("Sat, 17 Dec 2016 14:18:06 -0800", "2016-12-17 22:18:06"),
        ("Mon, Jan 08 2024 15:24:22 +0000", "2024-01-08 15:24:22"),
        ("2016-09-29 13:22:30 UTC", None),
        ("\u4e09, 25 12\u6708 2019 13:34:43 UTC", None),
        ("Fri, 31 Feb 2023 08:53:33 UTC", None),
        (f"Mon, 1 Jan {'9' * 20} 00:00:00 UTC", None),
        (f"Mon, 1 Jan 2024 00:00:00 +{'9' * 20}", None),
        ("Fri, 31 Dec 9999 23:59:59 -1200", None),
        ("", None),
    ],
)
def test_dates_as_tools_write_them(date: str, utc: str | None) -> None:
    found = parse_release_file(f"Origin: Debian\nDate: {date}\n")
    assert (found and found.date) == (utc and datetime.fromisoformat(f"{utc}+00:00"))


_DATES = st.tuples(
    st.sampled_from(("Sat, ", "")), st.integers(0, 10**21), st.sampled_from((" Jun ", " \u6708 ")),
    st.integers(0, 10**21), st.sampled_from((" 8:53:33", " 99:99")), st.sampled_from((" UTC", " +", " -", "")),
    st.integers(0, 10**21) | st.just(""),
)  # fmt: skip


@given(
    st.text(max_size=400)
    | st.text("DateValid-Until: \n0123456789,OctUTC+", max_size=200).map("Date: {}".format)
    | _DATES.map(lambda parts: "Date: " + "".join(map(str, parts)))
)
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
    with pytest.raises(LabError, match="it is of another origin, 'Docker'"):
        find_pockets(["bookworm"], [foreign])


def test_a_mirror_says_what_it_has_in_the_place_of_a_suite(mirror: Mirror, tmp_path: Path) -> None:
    main = mirror("trixie")
    (tmp_path / "debian" / "dists" / "sid").symlink_to("trixie")
    with pytest.raises(LabError, match="it has the suite 'oldstable', 'trixie', there"):
        find_pockets(["sid"], [main])
    (tmp_path / "debian" / "dists" / "trixie" / "InRelease").write_text("<html>Please log in</html>")
    with pytest.raises(LabError, match="what it has there is no Release file"):
        find_pockets(["trixie"], [main])


def test_a_snapshot_has_security_updates_in_another_folder(mirror: Mirror) -> None:
    main = mirror("bookworm", name="archive/debian/20250520T000000Z")
    security = mirror("bookworm-security", name="archive/debian-security/20250520T000000Z")
    found = find_pockets(["bookworm", "bookworm-security"], [main])
    assert [pocket.uri for pocket in found] == [f"{main}/", f"{security}/"]


@pytest.mark.parametrize(
    ("uri", "written"),
    [
        (f"{HTTP}//[2001:db8::1]:8080/debian/", f"{HTTP}//[2001:db8::1]:8080/debian/"),
        # apt decodes what stands in a line once: a password that is encoded has to stay so.
        ("https://me:p%40ss%2fword@deb.example/debian/", "https://me:p%2540ss%252fword@deb.example/debian/"),
        ("http://deb.example/my debian/#1/", "http://deb.example/my%20debian/%231/"),
    ],
)
def test_apt_reads_back_the_address_of_a_pocket(uri: str, written: str, tmp_path: Path) -> None:
    line = Pocket("sid", uri, NOW, None).source_line
    assert line == f"deb {written} sid main"
    (tmp_path / "sources.list").write_text(line)
    options = [
        "-o", f"Dir::Etc={tmp_path}", "-o", f"Dir::State={tmp_path}", "-o", f"Dir::Cache={tmp_path}",
    ]  # fmt: skip
    command = ["apt-get", *options, "indextargets", "--no-release-info", "--format", "$(CREATED_BY)|$(REPO_URI)"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    assert f"Packages|{uri}" in printed.splitlines()


def test_a_frozen_archive_is_an_error_unless_it_is_allowed(mirror: Mirror) -> None:
    main = mirror("sid", date=NOW - timedelta(days=29), valid=NOW - timedelta(days=22))
    with pytest.raises(LabError, match=r"frozen: the Release file of sid .* 22 days ago; .*--allow-expired"):
        find_pockets(["sid"], [main])
    assert find_pockets(["sid"], [main], allow_expired=True)[0].date == NOW - timedelta(days=29)


def test_an_archive_from_the_future_is_said(mirror: Mirror) -> None:
    # apt refuses it.  A machine that slept, or one without a clock, is behind.
    with pytest.raises(
        LabError, match=r"Release file of sid .* is of \d{4}-.*, and this machine's clock says .*: set it"
    ):
        find_pockets(["sid"], [mirror("sid", date=NOW + timedelta(days=2))], allow_expired=True)
    assert find_pockets(["sid"], [mirror("sid", name="near", date=NOW + timedelta(seconds=3))])


def test_one_that_is_still_valid_is_no_error(mirror: Mirror) -> None:
    assert find_pockets(["sid"], [mirror("sid", valid=NOW + timedelta(days=1))])


def test_a_mirror_at_the_root_of_its_host_has_no_folder_beside_it() -> None:
    with pytest.raises(LabError) as caught:
        find_pockets(["bookworm-security"], ["file:///"])
    assert str(caught.value).count("file:") == 1


def test_what_apt_is_configured_for_is_asked_not_what_it_fetched() -> None:
    assert configured(INDEX_TARGETS) == [
        ("http://deb.example/debian/", "trixie"), ("http://deb.example/debian/", "trixie-updates"),
        ("http://me:a|b@sec.example/debian-security/", "trixie-security"), ("https://apt.example/", "nodistro"),
    ]  # fmt: skip


@given(st.text(max_size=200) | st.lists(st.sampled_from(("|", "main", "Packages", "sid", "\n", "x:/"))).map("".join))
def test_any_text_names_repositories_or_none(text: str) -> None:
    for uri, suite in configured(text):
        assert f"{suite}|main|Packages|{uri}" in text


def test_the_users_mirror_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XENPROOF_MIRROR", "http://mirror.example/debian")
    assert debian_mirrors() == ["http://mirror.example/debian"]


def test_a_machine_without_apt_is_told_about_the_mirror(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("XENPROOF_MIRROR", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LabError, match="XENPROOF_MIRROR"):
        debian_mirrors()


def apt_of(monkeypatch: pytest.MonkeyPatch, folder: Path, *rows: str, status: int = 0, error: str = "") -> None:
    """An apt-get that prints these rows, first on PATH."""
    monkeypatch.delenv("XENPROOF_MIRROR", raising=False)
    program = folder / "bin" / "apt-get"
    program.parent.mkdir()
    printed = "\n".join(rows)
    program.write_text(f"#!/bin/sh\ncat <<'END'\n{printed}\nEND\ncat >&2 <<'END'\n{error}\nEND\nexit {status}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")


def machine_of(monkeypatch: pytest.MonkeyPatch, distribution: str) -> None:
    monkeypatch.setattr(platform, "freedesktop_os_release", lambda: {"ID": distribution})


def test_mirrors_are_those_of_debian(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, mirror: Mirror) -> None:
    main, foreign = mirror("bookworm", "bookworm-updates"), mirror("bookworm", name="docker", origin="Docker")
    rows = [f"bookworm|main|Packages|{main}/", f"bookworm-updates|main|Packages|{main}/"]
    apt_of(monkeypatch, tmp_path, f"bookworm|main|Packages|{foreign}/", *rows)
    assert debian_mirrors() == [f"{main}/"]


@pytest.mark.parametrize(
    "program",
    ["my $mirror    = 'http://deb.example/debian';", "  $mirror='http://deb.example/debian/';\n$mirror = '/x'"],
)
def test_another_distribution_takes_the_mirror_of_mmdebstrap(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, mirror: Mirror, program: str
) -> None:
    machine_of(monkeypatch, "ubuntu")
    ubuntu = f"noble|main|Packages|{mirror('noble', name='ubuntu', origin='Ubuntu')}"
    apt_of(monkeypatch, tmp_path, ubuntu, f"noble|main|Packages|file:{tmp_path}/an/old/ppa/")
    (tmp_path / "bin" / "mmdebstrap").write_text(f"#!/usr/bin/perl\n{program}\n")
    (tmp_path / "bin" / "mmdebstrap").chmod(0o755)
    assert debian_mirrors() == ["http://deb.example/debian"]


def test_an_mmdebstrap_that_names_no_mirror_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    apt_of(monkeypatch, tmp_path)
    (tmp_path / "bin" / "mmdebstrap").write_text("#!/bin/sh\n")
    (tmp_path / "bin" / "mmdebstrap").chmod(0o755)
    with pytest.raises(LabError, match="mmdebstrap names none; set XENPROOF_MIRROR"):
        debian_mirrors()


@pytest.mark.skipif(shutil.which("mmdebstrap") is None, reason="needs mmdebstrap, which builds lab hosts")
def test_the_mmdebstrap_of_this_machine_names_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    apt_of(monkeypatch, tmp_path)
    assert [address.rpartition("/")[2] for address in debian_mirrors()] == ["debian"]


def test_a_mirror_that_does_not_answer_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    machine_of(monkeypatch, "debian")
    apt_of(monkeypatch, tmp_path, f"bookworm|main|Packages|file://root:secret@{tmp_path}/gone")
    with pytest.raises(LabError, match="no mirror of Debian that answers") as caught:
        debian_mirrors()
    assert "secret" not in str(caught.value)


def test_a_password_that_apt_would_take_for_a_host_is_not_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # Seen: in a line of sources.list apt decodes %40 and %2F, then asks the host "ret" and names it.
    machine_of(monkeypatch, "debian")
    apt_of(monkeypatch, tmp_path, f"sid|main|Packages|{HTTP}//me:sec@ret/word@127.0.0.1:9/debian/")
    with pytest.raises(LabError, match=r"http:\S+:9/debian/ sid \(.*write @ as %2540") as caught:
        debian_mirrors()
    assert "ret" not in str(caught.value)


def test_a_cd_is_no_mirror(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, mirror: Mirror) -> None:
    cd, main = "trixie|main|Packages|cdrom://[Debian GNU/Linux 13.1.0 _Trixie_ - Official]/", mirror("trixie")
    apt_of(monkeypatch, tmp_path, cd, f"trixie|main|Packages|{main}/")
    assert debian_mirrors() == [f"{main}/"]


def test_broken_apt_sources_are_an_error_with_apts_words(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    error = (
        "W: not this\nE: Conflicting values set for option Signed-By regarding source http://me:secret@deb.example/ sid"
    )
    apt_of(monkeypatch, tmp_path, status=100, error=error)
    with pytest.raises(LabError, match=r"ended with 100: .*Signed-By .* http:\S+ sid.*XENPROOF_MIRROR") as caught:
        debian_mirrors()
    assert "secret" not in str(caught.value)
    assert "not this" not in str(caught.value)


def test_an_apt_that_hangs_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    apt_of(monkeypatch, tmp_path)
    (tmp_path / "bin" / "apt-get").write_text("#!/bin/sh\nexec sleep 60\n")
    monkeypatch.setattr(apt_sources, "_LIMIT_S", 0.2)
    with pytest.raises(LabError, match="does not say within"):
        debian_mirrors()


def test_the_mirrors_of_a_list_are_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, mirror: Mirror) -> None:
    main, other = mirror("trixie"), mirror("trixie", name="other")
    (tmp_path / "debian.list").write_text(
        f"{other}\n# a comment\nfile:{tmp_path}/gone\tpriority:1\n{main}\tpriority:2\n"
    )
    rows = [f"trixie|main|Packages|mirror+file:{tmp_path}/debian.list/"]
    apt_of(monkeypatch, tmp_path, *rows, f"trixie|main|Packages|mirror+file:{tmp_path}/gone.list/")
    assert debian_mirrors() == [main]
    monkeypatch.setenv("XENPROOF_MIRROR", f"mirror+file://{tmp_path}/debian.list")
    assert debian_mirrors() == [f"file:{tmp_path}/gone", main, other]


def test_a_list_of_mirrors_that_is_missing_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    machine_of(monkeypatch, "debian")
    apt_of(monkeypatch, tmp_path, f"trixie|main|Packages|mirror+file:{tmp_path}/gone.list/")
    with pytest.raises(LabError, match=r"gone\.list/ \(No such file"):
        debian_mirrors()
    monkeypatch.setenv("XENPROOF_MIRROR", f"mirror+file:{tmp_path}/gone.list")
    with pytest.raises(LabError, match=r"in XENPROOF_MIRROR.*No such file"):
        debian_mirrors()


@pytest.mark.parametrize(
    "value", ["deb.example/debian", "me:secret@deb.example/debian", "http://a.example http://b.example", "/srv"]
)
def test_a_mirror_that_is_no_address_is_an_error(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("XENPROOF_MIRROR", value)
    with pytest.raises(LabError, match="expected in XENPROOF_MIRROR an address") as caught:
        debian_mirrors()
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("value", ["", "  "])
def test_an_empty_mirror_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, mirror: Mirror, value: str) -> None:
    main = mirror("trixie")
    apt_of(monkeypatch, tmp_path, f"trixie|main|Packages|{main}/")
    monkeypatch.setenv("XENPROOF_MIRROR", value)
    assert debian_mirrors() == [f"{main}/"]


@pytest.mark.parametrize("address", [f"{HTTP}//[::1/debian", "cdrom://[Debian 13 LIVE/INSTALL]/", "nowhere:x"])
def test_an_address_of_any_form_ends_in_a_lab_error(address: str) -> None:
    with pytest.raises(LabError, match="no mirror has the suite"):
        find_pockets(["bookworm-security"], [address])


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("https://me:secret@deb.example:8080/debian/", "https://deb.example:8080/debian/"),
        ("https://me@deb.example/", "https://deb.example/"),
        ("http://deb.example:3142/mirror.example/debian", "http://deb.example:3142/mirror.example/debian"),
        (f"{HTTP}//[2001:db8::1]:8080/debian", f"{HTTP}//[2001:db8::1]:8080/debian"),
        ("http://deb.example/a@b/", "http://deb.example/a@b/"),
        ("http://deb.example:80/a@b/", "http://deb.example:80/a@b/"),
        # Not encoded, as apt prints it
        (f"{HTTPS}//me:sec@ret/secret@deb.example/debian/", "https://deb.example/debian/"),
        (f"{HTTPS}//me:sec/secret@deb.example/debian/", "https://deb.example/debian/"),
        (f"{HTTPS}//me:sec#secret@deb.example/debian/", "https://deb.example/debian/"),
        ("systemd started getty@tty1.service", "systemd started getty@tty1.service"),
        (
            "E: of http://a:secret@x.example/ and tor+https://b:secret@y.example/",
            "E: of http://x.example/ and tor+https://y.example/",
        ),
        ("cdrom://[Debian 13 LIVE/INSTALL]/", "cdrom://[Debian 13 LIVE/INSTALL]/"),
        (f"{HTTP}//[::1/debian", f"{HTTP}//[::1/debian"),
    ],
)
def test_credentials_are_not_shown(text: str, safe: str) -> None:
    assert shown(text) == safe


@given(st.text("abc.:/@#%[]", max_size=20), st.text("xyz./", max_size=10))
def test_no_password_is_shown(password: str, rest: str) -> None:
    text = shown(f"{HTTPS}//me:Q{password}Q@deb.example/{rest}")
    assert "Q" not in text
    assert text.endswith(f"deb.example/{rest}")


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
