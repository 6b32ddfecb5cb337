"""rpm's databases, in each format, whole and damaged."""

import lzma
import random
import sqlite3
import struct
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selftest.images.root import make_root
from xenproof.errors import NotEvaluable, ParseError
from xenproof.facts.packages import PACKAGES
from xenproof.image.folder import FolderNode
from xenproof.image.rpm.berkeley import berkeley_headers
from xenproof.image.rpm.database import rpm_packages
from xenproof.image.rpm.header import read_header
from xenproof.image.rpm.ndb import ndb_headers
from xenproof.image.rpm.sqlite import sqlite_headers
from xenproof.image.source import read_image
from xenproof.image.tree import Tree
from xenproof.profile.load import load_profile

DATA = Path(__file__).parents[2] / "data" / "rpm"
LISTED = """\
rpm
ii \trpm\t4.11.2-7.1
ii \txen-tools\t4.4.1_06-2.2
ii \tkernel-xen\t3.12.28-4.6
ii \tkernel-xen\t3.12.32-33.1
"""


def data(name: str) -> bytes:
    return lzma.decompress((DATA / f"{name}.xz").read_bytes())


HEADERS = dict(sqlite_headers([data("rpmdb.sqlite")], []))


def ndb(headers: dict[int, bytes], free: int = 3) -> bytes:
    """The headers as rpm's own database: a page of slots, then blobs, each with its tail."""
    slots, blobs = bytearray(), bytearray()
    for number, blob in headers.items():
        place = (4096 + len(blobs)) // 16
        tail = struct.pack("<II4s", zlib.adler32(blob), len(blob), b"BlbE")
        whole = struct.pack("<4sIII", b"BlbS", number, 1, len(blob)) + blob
        whole += bytes(-(len(whole) + len(tail)) % 16) + tail
        slots += struct.pack("<4sIII", b"Slot", 0, 0, 0) * free
        slots += struct.pack("<4sIII", b"Slot", number, place, len(whole) // 16)
        blobs += whole
    page = struct.pack("<4sIII16x", b"RpmP", 0, 1, 1) + slots
    return page + struct.pack("<4sIII", b"Slot", 0, 0, 0) * ((4096 - len(page)) // 16) + blobs


DATABASES = {
    "var/lib/rpm/rpmdb.sqlite": data("rpmdb.sqlite"),
    "usr/lib/sysimage/rpm/Packages.db": ndb(HEADERS),
    "var/lib/rpm/Packages": data("Packages"),
    "usr/lib/sysimage/rpm/Packages": data("Packages.big-endian"),
}


def listed(root: Path, files: dict[str, bytes]) -> str | None:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return rpm_packages(Tree(FolderNode(root)))


@pytest.mark.parametrize("name", DATABASES)
def test_packages_are_listed_in_the_order_in_which_they_came(tmp_path: Path, name: str) -> None:
    assert listed(tmp_path, {name: DATABASES[name]}) == LISTED


def test_no_database_is_no_list(tmp_path: Path) -> None:
    assert listed(tmp_path, {"var/lib/rpm/Name": b"an index"}) is None


def test_what_sqlite_has_only_in_its_log_counts(tmp_path: Path) -> None:
    path = tmp_path / "rpmdb.sqlite"
    path.write_bytes(data("rpmdb.sqlite"))
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("DELETE FROM Packages WHERE hnum = 3")
        database.commit()
        log = path.with_name("rpmdb.sqlite-wal").read_bytes()
        files = {"var/lib/rpm/rpmdb.sqlite": path.read_bytes(), "var/lib/rpm/rpmdb.sqlite-wal": log}
        assert listed(tmp_path / "root", files) == LISTED.replace("ii \tkernel-xen\t3.12.28-4.6\n", "")
    database.close()


def test_the_list_is_taken_as_a_hosts_own(tmp_path: Path) -> None:
    root = make_root(tmp_path)
    (root / "var/lib/dpkg/status").unlink()
    (root / "var/lib/rpm").symlink_to("/usr/lib/sysimage/rpm")
    (root / "usr/lib/sysimage/rpm").mkdir(parents=True)
    (root / "usr/lib/sysimage/rpm/Packages.db").write_bytes(ndb(HEADERS))
    profile = load_profile("sles12")
    packages = PACKAGES.of(read_image("image://x", root, profile), profile)
    assert packages.scheme == "rpm"
    assert packages.versions["kernel-xen"] == ("3.12.28-4.6", "3.12.32-33.1")
    assert packages.version("xen-tools").text == "4.4.1_06-2.2"


@pytest.mark.parametrize("name", DATABASES)
@pytest.mark.parametrize("cut", [0, 1, 40, 3000])
def test_a_database_that_was_cut_off_is_an_error(tmp_path: Path, name: str, cut: int) -> None:
    with pytest.raises(ParseError):
        listed(tmp_path, {name: DATABASES[name][:cut]})


@pytest.mark.parametrize("name", DATABASES)
def test_damage_is_never_more_than_an_error(tmp_path: Path, name: str) -> None:
    good = DATABASES[name]
    used = [at for at in range(0, len(good), 16) if any(good[at : at + 16])]
    refused = 0
    for seed in range(80):
        chance = random.Random(seed)  # noqa: S311  # not for secrets: the same damage each time
        damaged = bytearray(good)
        for _ in range(chance.choice([1, 5, 50])):
            damaged[chance.choice(used) + chance.randrange(16)] = chance.randrange(256)
        try:
            listed(tmp_path, {name: bytes(damaged)})
        except (ParseError, NotEvaluable):
            refused += 1
    assert refused


@given(st.binary(max_size=300))
def test_any_bytes_are_headers_or_an_error(blob: bytes) -> None:
    for read in (lambda: read_header(1, blob), lambda: list(ndb_headers(blob)), lambda: list(berkeley_headers(blob))):
        with pytest.raises(ParseError):
            read()


def test_a_chain_of_pages_that_goes_round_ends() -> None:
    good = bytearray(data("Packages"))
    overflow = [at for at in range(512, len(good), 512) if good[at + 25] == 7]
    for at in overflow:
        good[at + 16 : at + 20] = struct.pack("<I", at // 512)
    with pytest.raises(ParseError, match="expected 13"):
        list(berkeley_headers(bytes(good)))


@pytest.mark.parametrize(
    "statements",
    [
        ["DROP TABLE Packages"],
        ["DROP TABLE Packages", "CREATE VIEW Packages AS SELECT 1 AS hnum, x'00' AS blob"],
        ["UPDATE Packages SET blob = 'text'"],
        ["UPDATE Packages SET blob = x'00'"],
        ["DELETE FROM Packages"],
    ],
)
def test_a_database_of_sqlite_with_something_else_in_it_is_an_error(tmp_path: Path, statements: list[str]) -> None:
    path = tmp_path / "rpmdb.sqlite"
    path.write_bytes(data("rpmdb.sqlite"))
    database = sqlite3.connect(path)
    database.execute("PRAGMA journal_mode = DELETE")
    for statement in statements:
        database.execute(statement)
    database.commit()
    database.close()
    with pytest.raises(ParseError):
        listed(tmp_path / "root", {"var/lib/rpm/rpmdb.sqlite": path.read_bytes()})


def test_a_view_that_never_ends_does(tmp_path: Path) -> None:
    """A hostile file may hold a query in place of a table."""
    path = tmp_path / "rpmdb.sqlite"
    database = sqlite3.connect(path)
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x FROM n) SELECT x AS hnum, x AS blob FROM n"
    database.execute(f"CREATE VIEW Packages AS {endless}")
    database.commit()
    database.close()
    with pytest.raises(ParseError, match="no table Packages"):
        listed(tmp_path / "root", {"var/lib/rpm/rpmdb.sqlite": path.read_bytes()})


def test_a_database_that_is_too_large_is_not_evaluable(tmp_path: Path) -> None:
    (path := tmp_path / "var/lib/rpm/Packages").parent.mkdir(parents=True)
    with path.open("wb") as out:
        out.truncate(2 << 30)
    with pytest.raises(NotEvaluable, match="2147483648 bytes"):
        rpm_packages(Tree(FolderNode(tmp_path)))
