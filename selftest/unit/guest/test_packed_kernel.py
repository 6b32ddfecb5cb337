"""Kernels that are packed anew: what was in them is in them again, and nothing else of them moves."""

import gzip
import lzma
import struct
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xenproof.errors import LabError
from xenproof.guest.image.packed_kernel import Packing, repack
from xenproof.programs import require

SETUP_SECTORS = 3
OFFSET = 64  # of the payload, behind the setup


def bzimage(payload: bytes, behind: bytes = b"unpacker", version: int = 0x20F) -> bytes:
    """A bzImage with what the boot protocol wants of its header."""
    head = bytearray((SETUP_SECTORS + 1) * 512 + OFFSET)
    head[0x1F1] = SETUP_SECTORS
    head[0x202:0x206] = b"HdrS"
    struct.pack_into("<H", head, 0x206, version)
    struct.pack_into("<II", head, 0x248, OFFSET, len(payload))
    return bytes(head) + payload + behind


def packed_xz(proper: bytes) -> bytes:
    """As the kernel's build packs it: the size comes behind."""
    return lzma.compress(proper, check=lzma.CHECK_CRC32) + struct.pack("<I", len(proper))


def payload_of(kernel: bytes) -> bytes:
    offset, length = struct.unpack_from("<II", kernel, 0x248)
    begin = (kernel[0x1F1] + 1) * 512 + offset
    return kernel[begin : begin + length]


def unpacked(payload: bytes, packing: Packing) -> bytes:
    match packing:
        case Packing.XZ:
            return lzma.LZMADecompressor().decompress(payload)
        case Packing.GZIP:
            return gzip.decompress(payload)
        case _:
            command = [require(str(packing)), "-d", "-q", "-c"]
            return subprocess.run(command, input=payload[:-4], capture_output=True, check=True).stdout


@pytest.mark.parametrize("packing", [Packing.GZIP, Packing.LZ4, Packing.ZSTD])
def test_the_kernel_proper_is_the_same_in_another_packing(packing: Packing) -> None:
    proper = b"\x7fELF" + bytes(range(256)) * 4096

    new = repack(bzimage(packed_xz(proper)), packing)

    payload = payload_of(new)
    assert unpacked(payload, packing) == proper
    assert struct.unpack("<I", payload[-4:]) == (len(proper),)  # where Linux looks for it
    assert struct.unpack_from("<I", new, 0x1F4)[0] * 16 == len(new) - (SETUP_SECTORS + 1) * 512
    assert new.rstrip(b"\0").endswith(b"unpacker")


@pytest.mark.parametrize("packing", [Packing.OWN, Packing.XZ])
def test_a_kernel_that_is_packed_so_already_is_not_touched(packing: Packing) -> None:
    kernel = bzimage(packed_xz(b"proper"))

    assert repack(kernel, packing) == kernel


@pytest.mark.parametrize("packing", [Packing.GZIP, Packing.LZ4, Packing.ZSTD])
def test_a_kernel_that_was_packed_anew_is_not_touched_where_it_is_packed_so(packing: Packing) -> None:
    kernel = repack(bzimage(packed_xz(b"proper")), packing)

    assert repack(kernel, packing) == kernel


@pytest.mark.parametrize("packing", [Packing.LZ4, Packing.ZSTD])
def test_a_kernel_of_a_distribution_that_packs_by_another_program_is_unpacked(packing: Packing) -> None:
    kernel = repack(bzimage(packed_xz(b"proper" * 100)), packing)

    assert unpacked(payload_of(repack(kernel, Packing.GZIP)), Packing.GZIP) == b"proper" * 100


@given(
    st.binary(max_size=2000), st.sampled_from([Packing.XZ, Packing.GZIP]), st.sampled_from([Packing.XZ, Packing.GZIP])
)
def test_any_kernel_survives_two_packings(proper: bytes, one: Packing, two: Packing) -> None:
    again = repack(repack(bzimage(packed_xz(proper)), one), two)

    assert unpacked(payload_of(again), two) == proper


@pytest.mark.parametrize(
    ("kernel", "message"),
    [
        (b"MZ", "expected a bzImage"),
        (b"\0" * 4096, "expected a bzImage"),
        (bzimage(packed_xz(b"x"), version=0x207), "protocol 0x207 does not say"),
        (bzimage(packed_xz(b"x"), behind=b"")[:-3], "does not say where"),
        (bzimage(b"BZh91AY"), "packed in an unknown way"),
        (bzimage(packed_xz(b"x" * 100)[:30].ljust(60, b"?")), "cannot be unpacked"),
        (bzimage(b"\x28\xb5\x2f\xfd, and no more"), "zstd ended with exit code"),
        (bzimage(b"\x02\x21\x4c\x18, and no more"), "lz4 ended with exit code"),
    ],
)
def test_what_is_no_such_kernel_is_an_error(kernel: bytes, message: str) -> None:
    with pytest.raises(LabError, match=message):
        repack(kernel, Packing.GZIP)
