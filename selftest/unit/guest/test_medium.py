"""Where a file lies on its device, as filefrag prints it, and what is read there."""

from contextlib import suppress
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xenproof.errors import NotEvaluable, ParseError
from xenproof.guest.host.medium import Extent, on_medium, parse_extents
from xenproof.source.connection import Completed, Connection

# Of filefrag 1.47 on ext4: a file that was synced, one that was not yet, one whose blocks are only allocated.
SYNCED = """\
Filesystem type is: ef53
File size of /vm/a.raw is 1228800 (300 blocks of 4096 bytes)
 ext:     logical_offset:        physical_offset: length:   expected: flags:
   0:        0..     199:    8589824..   8590023:    200:            
   1:      200..     299:    8600000..   8600099:    100:    8590024: last,eof
/vm/a.raw: 2 extents found
"""  # noqa: W291  # as it prints it
NOT_YET = """\
Filesystem type is: ef53
File size of /vm/b.raw is 1048576 (256 blocks of 4096 bytes)
 ext:     logical_offset:        physical_offset: length:   expected: flags:
   0:      100..     103:          0..         0:      0:             last,unknown_loc,delalloc
/vm/b.raw: 1 extent found
"""
ALLOCATED = """\
Filesystem type is: ef53
File size of /vm/c.raw is 65536 (16 blocks of 4096 bytes)
 ext:     logical_offset:        physical_offset: length:   expected: flags:
   0:        0..      15:    9772150..   9772165:     16:             last,unwritten,eof
/vm/c.raw: 1 extent found
"""


def test_extents_are_read_in_order_with_their_flags() -> None:
    placed = parse_extents(SYNCED)

    assert placed.block == 4096
    assert placed.extents == [
        Extent(0, 8589824, 200, frozenset()),
        Extent(200, 8600000, 100, frozenset({"last", "eof"})),
    ]


@pytest.mark.parametrize("text", ["", "/vm/a.raw: FIBMAP unsupported\n", SYNCED.replace("4096", "0")])
def test_what_is_no_listing_is_refused(text: str) -> None:
    with pytest.raises(ParseError, match="filefrag names a block of 0 bytes"):
        parse_extents(text)


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(ParseError):
        parse_extents(text)


class Dom0:
    """Answers as a dom0 whose file system has placed a file so, on a device full of one byte."""

    def __init__(self, where: str, listing: str) -> None:
        self.where, self.listing = where, listing
        self.read: list[str] = []

    def run(self, command: str) -> Completed:
        if command.startswith("dd "):
            self.read.append(command)
            words = dict(word.split("=", 1) for word in command.split() if "=" in word)
            return Completed(command, 0, b"\xff" * int(words["bs"]) * int(words["count"]), b"", 0)
        return Completed(command, 0, f"{self.where}\n{self.listing}".encode(), b"", 0)


def test_only_the_blocks_that_are_asked_for_are_read_from_where_they_lie() -> None:
    host = Dom0("ext4 /dev/sda1", SYNCED)

    assert on_medium(cast(Connection, host), "/vm/a.raw", 201 * 4096 - 1) == b"\xff" * (201 * 4096 - 1)
    assert [command.split()[2:5] for command in host.read] == [
        ["bs=4096", "skip=8589824", "count=200"],
        ["bs=4096", "skip=8600000", "count=1"],
    ]
    assert all("if=/dev/sda1" in command and "iflag=direct" in command for command in host.read)


@pytest.mark.parametrize("listing", [NOT_YET, ALLOCATED], ids=["not placed", "only allocated"])
def test_what_is_only_in_the_page_cache_is_not_on_the_medium(listing: str) -> None:
    assert on_medium(cast(Connection, Dom0("xfs /dev/vg/vm", listing)), "/vm/b.raw", 65536) == bytes(65536)


@pytest.mark.parametrize("where", ["btrfs /dev/sda2[/@]", "tmpfs tmpfs", "nfs4 server:/vm", ""])
def test_a_file_system_without_places_on_a_device_is_not_evaluable(where: str) -> None:
    with pytest.raises(NotEvaluable, match=r"guest\.images\.path"):
        on_medium(cast(Connection, Dom0(where, SYNCED)), "/vm/a.raw", 4096)
