"""A kernel of Linux, packed anew in another way: what starts it has to unpack it.

Linux's own build packs the kernel proper into a bzImage, behind code that unpacks it where a PC's firmware starts it.
grub.xen and xl leave that code aside, and unpack by themselves.
"""

import gzip
import lzma
import struct
from enum import StrEnum

from xenproof.errors import LabError
from xenproof.programs import piped

# Offsets in the header of a bzImage: Documentation/arch/x86/boot.rst of Linux.
_SETUP_SECTORS, _SYSTEM_SIZE, _MAGIC, _VERSION, _PAYLOAD = 0x1F1, 0x1F4, 0x202, 0x206, 0x248
_WITH_PAYLOAD = 0x0208
_SECTOR, _PARAGRAPH = 512, 16


class Packing(StrEnum):
    """How the kernel proper is packed in a bzImage; `OWN` is as it came, and all that a PC's firmware can start."""

    OWN = "own"
    XZ = "xz"
    GZIP = "gzip"
    LZ4 = "lz4"
    ZSTD = "zstd"


_BEGINS = {
    Packing.XZ: b"\xfd7zXZ\0",
    Packing.GZIP: b"\x1f\x8b",
    Packing.LZ4: b"\x02\x21\x4c\x18",  # the legacy format, which Linux's own build uses
    Packing.ZSTD: b"\x28\xb5\x2f\xfd",
}
_SIZE = struct.Struct("<I")


def repack(kernel: bytes, packing: Packing) -> bytes:
    """The bzImage `kernel`, packed by `packing`; its own unpacker is not changed.

    One that is packed so already is given back as it is.  Raises LabError for what is no such bzImage, and where a
    program that packs is missing or fails.
    """
    if packing is Packing.OWN:
        return kernel
    begin, length = _payload(kernel)
    payload = kernel[begin : begin + length]
    own = _packing_of(payload)
    if own is packing:
        return kernel
    proper = _unpacked(payload, own)
    # The unpacker of Linux finds the size behind what it unpacks; gzip has it there by itself.
    size = b"" if packing is Packing.GZIP else _SIZE.pack(len(proper))
    payload = _packed(proper, packing) + size
    new = bytearray(kernel[:begin] + payload + kernel[begin + length :])
    new += b"\0" * (-len(new) % _PARAGRAPH)
    struct.pack_into("<I", new, _PAYLOAD + 4, len(payload))
    setup = (new[_SETUP_SECTORS] + 1) * _SECTOR
    struct.pack_into("<I", new, _SYSTEM_SIZE, (len(new) - setup) // _PARAGRAPH)
    return bytes(new)


def _payload(kernel: bytes) -> tuple[int, int]:
    """Where the packed kernel begins, and its length."""
    if len(kernel) < _PAYLOAD + 8 or kernel[_MAGIC : _MAGIC + 4] != b"HdrS":
        raise LabError(f"expected a bzImage of Linux, found {kernel[:8]!r} in {len(kernel)} bytes")
    (version,) = struct.unpack_from("<H", kernel, _VERSION)
    offset, length = struct.unpack_from("<II", kernel, _PAYLOAD)
    begin = ((kernel[_SETUP_SECTORS] or 4) + 1) * _SECTOR + offset
    if version < _WITH_PAYLOAD or not length or begin + length > len(kernel):
        raise LabError(f"the bzImage of boot protocol {version:#x} does not say where its packed kernel is")
    return begin, length


def _packing_of(payload: bytes) -> Packing:
    for packing, begin in _BEGINS.items():
        if payload.startswith(begin):
            return packing
    expected = ", ".join(_BEGINS)
    raise LabError(f"the kernel of the bzImage is packed in an unknown way ({payload[:6]!r}); expected {expected}")


def _unpacked(payload: bytes, packing: Packing) -> bytes:
    try:
        match packing:
            case Packing.XZ:
                return lzma.LZMADecompressor().decompress(payload)
            case Packing.GZIP:
                return gzip.decompress(payload)
            case _:
                # Both programs refuse what comes behind: the size.
                return piped(payload[: -_SIZE.size], packing, "-d", "-q", "-c")
    except (lzma.LZMAError, OSError, EOFError) as error:
        raise LabError(f"the packed kernel of the bzImage cannot be unpacked: {error}") from error


def _packed(proper: bytes, packing: Packing) -> bytes:
    match packing:
        case Packing.XZ:
            # As scripts/xz_wrap.sh of Linux has it, but for a dictionary that needs less memory.
            filters = [{"id": lzma.FILTER_X86}, {"id": lzma.FILTER_LZMA2, "preset": 6}]
            return lzma.compress(proper, check=lzma.CHECK_CRC32, filters=filters)
        case Packing.GZIP:
            return gzip.compress(proper, 6, mtime=0)
        case Packing.LZ4:
            return piped(proper, "lz4", "-l", "-9", "-q", "-c")
        case Packing.ZSTD:
            return piped(proper, "zstd", "-9", "-q", "-c")
        case Packing.OWN:
            raise AssertionError("a kernel that stays as it came is not packed")
