"""Every parser of what xenstore's tools print, over all transcripts of real hosts."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selftest.corpus import Transcript, folders, transcripts
from xenproof.errors import ParseError
from xenproof.facts.xenstore import parse_xenstore as parse_entries
from xenproof.guest.host.leftovers import Leftover, parse_snapshot
from xenproof.probing.probes import DOM0_NAME
from xenproof.probing.sections import printed
from xenproof.source.probe import ProbeOutput
from xenproof.xen.backend import DiskBackend, vbd_in_xenstore
from xenproof.xen.xenstore import parse_xenstore

every_host = pytest.mark.parametrize("folder", folders())


def paths_and_values(text: str) -> dict[str, str] | None:
    """What `xenstore-ls -f` printed, cut up without patterns; None for any other text."""
    lines = [line for line in text.split("\n") if line]
    cut = [line.partition(" = ") for line in lines]
    if not cut or any(
        not path.startswith("/") or " " in path or value[:1] + value[-1:] != '""' for path, _, value in cut
    ):
        return None
    # Python undoes the same escapes, but for the three digits of a byte below 8, which it takes alike.
    return {path: value[1:-1].encode("latin-1").decode("unicode_escape") for path, _, value in cut}


def stores(folder: str) -> list[Transcript]:
    return [row for row in transcripts(folder) if row.plain_command.startswith("xenstore-ls -f") and row.out]


@every_host
def test_xenstore_ls_gives_each_path_with_its_value(folder: str) -> None:
    wrong, read = [], []
    for row in transcripts(folder):
        want = paths_and_values(row.out)
        try:
            found = parse_xenstore(row.out)
            read.append(row.name)
        except ParseError:
            found = None
        if found != want:
            wrong.append(row.name)
    assert wrong == []
    assert {row.name for row in stores(folder)} == set(read)


@every_host
def test_every_xenstore_names_dom0(folder: str) -> None:
    assert stores(folder)
    assert {parse_xenstore(row.out)[DOM0_NAME] for row in stores(folder)} == {"Domain-0"}


# Such as: /local/domain/1/device/vbd/51712/backend = "/local/domain/0/backend/vbd/1/51712"
DISK = re.compile(r'^/local/domain/(\d+)/device/vbd/(\d+)/backend = "(/local/domain/0/backend/(\w+)/\d+/\d+)"$', re.M)


@every_host
def test_each_disk_in_xenstore_has_its_backend(folder: str) -> None:
    """A frontend and its backend name each other; what xl wrote as type is what serves the disk."""
    for row in stores(folder):
        store = parse_xenstore(row.out)
        disks = DISK.findall(row.out)
        for domid, number, path, kind in disks:
            (vdev,) = re.findall(rf'^{path}/dev = "(\w+)"$', row.out, re.MULTILINE)
            found = vbd_in_xenstore(store, int(domid), vdev)
            assert found.path == path
            assert found.backend is {"vbd": DiskBackend.BLKBACK, "qdisk": DiskBackend.QDISK}[kind]
            assert found.type == found.backend.type
            assert f'{path}/params = "{found.params}"\n' in row.out
            states = [f'/local/domain/{domid}/device/vbd/{number}/state = "4"\n', f'{path}/state = "4"\n']
            assert found.connected is all(line in row.out for line in states)
        with_disks = {int(domid) for domid, *_ in disks}
        for domid in {0, 1, 2, 99} - with_disks:
            with pytest.raises(ParseError, match="no backend of a disk"):
                vbd_in_xenstore(store, domid, "xvda")


def test_disks_of_xen_4_4_1_that_a_person_has_read() -> None:
    rows = {row.name: parse_xenstore(row.out) for row in stores("xen-4.4.1")}
    two = rows["xenstore-ls_-f_g1_phy_g2_qdisk_running"]
    phy, qdisk = vbd_in_xenstore(two, 1, "xvda"), vbd_in_xenstore(two, 2, "xvda")
    assert (phy.backend, phy.params, phy.connected) == (DiskBackend.BLKBACK, "/dev/loop0", True)
    assert (qdisk.backend, qdisk.params, qdisk.connected) == (
        DiskBackend.QDISK,
        "aio:/var/lib/xen/images/guest-ext4.img",
        True,
    )


@given(data=st.data())
def test_a_store_that_is_not_whole_gives_a_disk_that_is_there_or_an_error(data: st.DataObject) -> None:
    (row,) = (row for row in stores("xen-4.4.1") if row.name == "xenstore-ls_-f_g1_phy_running")
    store = parse_xenstore(row.out)
    disk = [path for path in store if "/51712/" in path or path.endswith("/51712")]
    gone = data.draw(st.sets(st.sampled_from(disk)))
    changed = data.draw(st.dictionaries(st.sampled_from(disk), st.text() | st.sampled_from(["4", "3", "xvdb"])))
    left = {path: value for path, value in {**store, **changed}.items() if path not in gone}
    try:
        found = vbd_in_xenstore(left, 1, "xvda")
    except ParseError:
        return
    assert left[f"{found.path}/dev"] == "xvda"
    assert found.connected is (
        left.get(f"{found.path}/state") == left.get("/local/domain/1/device/vbd/51712/state") == "4"
    )


# xenstore-read, as a probe asks it


@every_host
def test_xenstore_read_gives_each_entry(folder: str) -> None:
    for row in stores(folder):
        values = {path: value for path, value in parse_xenstore(row.out).items() if "\n" not in value}
        text = "".join(f"there {path} {value}\n" for path, value in values.items()) + "missing /no/such\n"
        rows = parse_entries(ProbeOutput("xen", printed("xenstore", text).encode(), b"", 0)).rows
        assert rows == {**values, "/no/such": None}


@every_host
def test_nothing_else_is_taken_for_entries(folder: str) -> None:
    taken = []
    for row in transcripts(folder):
        output = ProbeOutput(
            "xen", printed("xenstore", row.out, row.exit_status or 0).encode("utf-8", "replace"), b"", 0
        )
        try:
            parse_entries(output)
        except ParseError:
            continue
        taken.append(row.name)
    assert taken == []


# the leak check, which reads xl list and xenstore-list together


def snapshot(domains: str, status: int, paths: list[str]) -> str:
    sections = {"domains": domains, "xenstore": "".join(f"{path}\n" for path in paths)}
    sections |= {"processes": "", "loops": "", "volumes": "", "networks": "", "files": ""}
    codes = {"domains": status}
    return "".join(f"{text}=xenproof= {name} {codes.get(name, 0)}\n" for name, text in sections.items())


@every_host
def test_the_leak_check_sees_each_domain_or_refuses(folder: str) -> None:
    """Whatever `xl list` prints: the domains that a line shows, but for dom0, or an error."""
    read = []
    for row in transcripts(folder):
        text = snapshot(row.out, row.exit_status or 0, ["/local/domain/0", "/libxl/7"])
        try:
            things = parse_snapshot(text)
        except ParseError:
            continue
        read.append(row.name)
        lines = [line.split() for line in row.out.splitlines()[1:]]
        shown = {Leftover("domain", f"{line[0]} ({line[1]})") for line in lines if line[1] != "0"}
        assert things == shown | {Leftover("xenstore", "/libxl/7")}, row.name
    lists = {row.name for row in transcripts(folder) if row.plain_command == "xl list" and row.exit_status == 0}
    assert lists <= set(read)


@given(data=st.data())
def test_a_snapshot_that_is_broken_anywhere_shows_nothing_new(data: st.DataObject) -> None:
    (row,) = (row for row in transcripts("xen-4.4.1") if row.name == "xl_list_two_guests")
    whole = snapshot(row.out, 0, ["/local/domain/0", "/local/domain/1", "/vm/x"])
    begin = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(begin, len(whole)))
    text = whole[:begin] + data.draw(st.text(max_size=20)) + whole[end:]
    try:
        things = parse_snapshot(text)
    except ParseError:
        return
    assert [thing for thing in things if thing.kind != "domain" and thing.text not in text] == []
