"""Partition tables that sfdisk wrote, and those that nobody should write."""

import io
import random
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from selftest.images.disks import call
from xenproof.errors import SourceError
from xenproof.image.disk.disk_bytes import Bytes
from xenproof.image.disk.partition_table import PartitionRow, read_table

MIB = 1 << 20


@pytest.fixture
def made(tmp_path: Path) -> Callable[..., bytearray]:
    def make(*lines: str, options: tuple[str, ...] = ()) -> bytearray:
        """A disk of 64 MiB with that table."""
        path = tmp_path / "disk.img"
        with path.open("wb") as out:
            out.truncate(64 * MIB)
        call("sfdisk", "--quiet", *options, str(path), stdin="\n".join(lines) + "\n")
        return bytearray(path.read_bytes())

    return make


def table(data: bytes | bytearray) -> list[PartitionRow]:
    return read_table(Bytes(io.BytesIO(data), len(data), "the disk", whole=True))


def test_a_gpt(made: Callable[..., bytearray]) -> None:
    rows = table(
        made(
            "label: gpt",
            "start=2048, size=4096, name=boot, uuid=0F2C1D9A-1111-4222-8333-444455556666",
            "start=8192, size=2048",
        )
    )
    assert rows[0] == PartitionRow(1, MIB, 2 * MIB, "0f2c1d9a-1111-4222-8333-444455556666", "boot")
    assert (rows[1].number, rows[1].start, rows[1].size, rows[1].name) == (2, 4 * MIB, MIB, "")
    assert len(rows) == 2


def test_a_gpt_of_a_disk_with_large_sectors(made: Callable[..., bytearray]) -> None:
    """sfdisk writes none on files, so one of small sectors is moved to where large ones begin."""
    data = made("label: gpt", "first-lba: 34", "start=256, size=512")
    header = bytearray(data[512 : 512 + 92])
    entries = bytes(data[1024 : 1024 + 128 * 128])
    header[16:20] = bytes(4)
    header[16:20] = zlib.crc32(header).to_bytes(4, "little")
    data[512:20480] = bytes(20480 - 512)
    data[4096 : 4096 + 92] = header
    data[8192 : 8192 + len(entries)] = entries
    assert [(row.start, row.size) for row in table(data)] == [(MIB, 2 * MIB)]


def test_primary_and_logical_partitions(made: Callable[..., bytearray]) -> None:
    rows = table(
        made(
            "label: dos",
            "label-id: 0x1234abcd",
            "start=2048, size=2048",
            "start=4096, size=65536, type=5",
            "start=90000, size=2048",
            "start=6144, size=2048, type=83",
            "start=10240, size=2048, type=83",
        )
    )
    assert [(row.number, row.start // 512, row.size // 512) for row in rows] == [
        (1, 2048, 2048),
        (5, 6144, 2048),
        (6, 10240, 2048),
        (3, 90000, 2048),
    ]
    assert [row.uuid for row in rows] == ["1234abcd-01", "1234abcd-05", "1234abcd-06", "1234abcd-03"]


def test_a_chain_of_logical_partitions_that_goes_round_ends(made: Callable[..., bytearray]) -> None:
    data = made("label: dos", "start=2048, size=65536, type=5", "start=4096, size=2048", "start=8192, size=2048")
    second = next(at for at in range(4096 * 512, 8192 * 512, 512) if data[at + 510 : at + 512] == b"\x55\xaa")
    # The last link of the chain names itself.
    data[second + 462 : second + 478] = (
        bytes([0, 0, 0, 0, 5, 0, 0, 0]) + (second // 512 - 2048).to_bytes(4, "little") + (2048).to_bytes(4, "little")
    )
    with pytest.raises(SourceError, match="more than 128 logical"):
        table(data)


@pytest.mark.parametrize("at", [512 + 80, 512 + 84, 512 + 72, 512, 1024 + 40, 512 + 16])
def test_a_gpt_that_is_not_what_its_checksums_say_is_an_error(made: Callable[..., bytearray], at: int) -> None:
    data = made("label: gpt", "start=2048, size=4096")
    data[at : at + 4] = b"\xff\xff\xff\xff"
    with pytest.raises(SourceError, match="the partition table is damaged"):
        table(data)


def _gpt_field(data: bytearray, at: int, value: bytes) -> None:
    """Write into the header of a GPT; then its checksum is right, and that of no entries at all."""
    data[512 + at : 512 + at + len(value)] = value
    length = min(int.from_bytes(data[524:528], "little"), 512)
    data[512 + 88 : 512 + 92] = bytes(4)
    data[512 + 16 : 512 + 20] = bytes(4)
    data[512 + 16 : 512 + 20] = zlib.crc32(data[512 : 512 + length]).to_bytes(4, "little")


@pytest.mark.parametrize(
    ("at", "value"),
    [
        (80, 0x01000000),
        (80, 1025),
        (84, 0),
        (84, 127),
        (84, 4097),
        (84, 0x10101),
        (12, 0),
        (12, 91),
        (12, 513),
    ],
)
def test_sizes_that_no_gpt_has_are_an_error_though_the_checksums_agree(
    made: Callable[..., bytearray], at: int, value: int
) -> None:
    data = made("label: gpt", "start=2048, size=4096")
    _gpt_field(data, at, value.to_bytes(4, "little"))
    with pytest.raises(SourceError, match="the partition table is damaged"):
        table(data)


def test_a_header_whose_checksum_is_that_of_none_is_an_error(made: Callable[..., bytearray]) -> None:
    data = made("label: gpt", "start=2048, size=4096")
    data[512 + 12 : 512 + 16] = bytes(4)
    data[512 + 16 : 512 + 20] = zlib.crc32(bytes(4)).to_bytes(4, "little")
    with pytest.raises(SourceError, match="the partition table is damaged"):
        table(data)


@pytest.mark.parametrize("data", [b"", b"x" * 511, bytes(512), bytes(510) + b"\x55\xaa", b"\xff" * 510 + b"\x55\xaa"])
def test_what_is_no_table_has_no_partitions(data: bytes) -> None:
    assert table(data) == []


def test_random_tables_end(made: Callable[..., bytearray]) -> None:
    good = made("label: dos", "start=2048, size=65536, type=5", "start=4096, size=2048", "start=8192, size=2048")
    refused = read = 0
    for seed in range(200):
        chance = random.Random(seed)  # noqa: S311  # not for secrets: the same damage each time
        data = good[: 8 * MIB]
        for sector in (0, 2048):
            for _ in range(chance.choice([1, 4])):
                data[sector * 512 + 446 + chance.randrange(64)] = chance.randrange(256)
        try:
            table(data)
            read += 1
        except (SourceError, EOFError):
            refused += 1
    assert read
    assert read + refused == 200
