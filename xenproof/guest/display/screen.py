"""A screenshot of a guest, made by its qemu."""

import re
import struct
import zlib
from dataclasses import dataclass

from xenproof.errors import ParseError
from xenproof.guest.guest import Guest
from xenproof.source.connection import quoted
from xenproof.xen.domain_control import run_xl

# P6, width, height, the largest value of a colour; qemu writes no comments.
_PPM = re.compile(rb"P6\s+(\d{1,5})\s+(\d{1,5})\s+255\s")


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as a binary PPM of 8 bits; its properties raise ParseError where the PPM is malformed or cut off."""

    ppm: bytes

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self._read()[:2]

    @property
    def png(self) -> bytes:
        """The same picture as a PNG."""
        width, height, pixels = self._read()
        rows = (b"\0" + pixels[at : at + 3 * width] for at in range(0, len(pixels), 3 * width))
        header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
        parts = _chunk(b"IHDR", header), _chunk(b"IDAT", zlib.compress(b"".join(rows), 9)), _chunk(b"IEND", b"")
        return b"\x89PNG\r\n\x1a\n" + b"".join(parts)

    def _read(self) -> tuple[int, int, bytes]:
        head = _PPM.match(self.ppm)
        width, height = (int(head[1]), int(head[2])) if head else (0, 0)
        pixels = self.ppm[head.end() :] if head else b""
        if not width or not height or len(pixels) != 3 * width * height:
            raise ParseError(
                f"the picture of {len(self.ppm)} bytes that begins with {self.ppm[:16]!r} is no binary PPM of 8 bits"
            )
        return width, height, pixels


def screen(guest: Guest) -> Picture:
    """The guest's screen now; raises ParseError where qemu writes no picture."""
    path = f"{guest.host.folder.path}/{guest.name}.ppm"
    try:
        done = run_xl(guest.dom0, "qemu-monitor-command", str(guest.domid), f"screendump {path}")
        data = guest.dom0.run(f"cat {quoted(path)}").stdout
    finally:
        guest.dom0.run(f"rm -f -- {quoted(path)}")
    if not data:
        raise ParseError(f"qemu gave no picture of the screen; it printed {(done.text + done.error_text)[:300]!r}")
    return Picture(data)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
