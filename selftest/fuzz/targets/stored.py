"""What is kept of a host: recordings and supportconfigs."""

import bz2
import gzip
import io
import lzma
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from types import MappingProxyType

from selftest.fuzz.judged import judge, read_all
from selftest.fuzz.target import FuzzTarget
from selftest.supportconfigs.host import FOLDER, files
from xenproof.facts.identity import parse_identity
from xenproof.profile.load import load_profile
from xenproof.profile.profile import Profile
from xenproof.source.probe import ProbeOutput, RecordedCommand, Recording
from xenproof.supportconfig.archive import read_files
from xenproof.supportconfig.source import read_supportconfig

_FILES = files()
_NAMES = sorted(_FILES)


@cache
def _sles() -> Profile:
    return load_profile("sles12")


def _recording(data: bytes) -> None:
    with tempfile.TemporaryDirectory(prefix="xenproof-fuzz-") as folder:
        path = Path(folder) / "host.json"
        path.write_bytes(data)
        found = Recording.read(path)
    Recording.from_json(found.to_json(), "what was written of it")
    read_all(found, _sles())


@cache
def _recording_seeds() -> Sequence[bytes]:
    outputs = {name: ProbeOutput(name, b"@@a\nx\n\n@@a 0\n", b"said", 0, name == "b") for name in "ab"}
    xen = ProbeOutput("xen", b"@@xl-info\nhost : x\n\n@@xl-info 0\n", b"", 0)
    command = RecordedCommand("true", b"out", b"err", 0)
    whole = Recording("ssh://x", "2026-01-01T00:00:00+00:00", {**outputs, "xen": xen}, {"seconds": "1.0"}, (command,))
    small = Recording("ssh://x", "2026-01-01T00:00:00+00:00", {})
    return [whole.to_json().encode(), small.to_json().encode()]


def _recording_known() -> dict[str, bytes]:
    whole = _recording_seeds()[0]
    return {
        "no UTF-8": whole.replace(b"ssh://x", b"ssh://\xff"),
        "lists within lists": b"[" * 100_000,
        "objects within objects": b'{"a":' * 100_000,
        "an exit code without end": whole.replace(b'"exit_code": 0', b'"exit_code": Infinity'),
        "an exit code that is no number": whole.replace(b'"exit_code": 0', b'"exit_code": NaN'),
        "an exit code of 5,000 digits": whole.replace(b'"exit_code": 0', b'"exit_code": ' + b"9" * 5000),
        "a list": b"[]",
        "a null": b"null",
        "outputs that are a null": whole.replace(b'"outputs": [', b'"outputs": null, "x": ['),
        "notes that are a list": whole.replace(b'"about": {', b'"about": [], "x": {'),
        "a host that is a list": whole.replace(b'"host": "ssh://x"', b'"host": ["x"]'),
        "a name that is a list": whole.replace(b'"name": "xen"', b'"name": ["xen"]'),
        "a name that is a null": whole.replace(b'"name": "xen"', b'"name": null'),
        "half of a pair": whole.replace(b"ssh://x", b"\\ud800"),
    }


def _texts(data: bytes) -> None:
    """The first byte picks the file that holds the rest instead."""
    if not data:
        return
    name = _NAMES[data[0] % len(_NAMES)]
    with tempfile.TemporaryDirectory(prefix="xenproof-fuzz-") as folder:
        for file, text in _FILES.items():
            (Path(folder) / file).write_bytes(data[1:] if file == name else text.encode())
        judge(read_supportconfig("supportconfig://x", Path(folder), _sles()), _sles())


def _text_seeds() -> Sequence[bytes]:
    return [bytes([at]) + _FILES[name].encode() for at, name in enumerate(_NAMES)]


def _whole(data: bytes) -> None:
    with tempfile.TemporaryDirectory(prefix="xenproof-fuzz-") as folder:
        path = Path(folder) / "nts_x.txz"
        path.write_bytes(_with_checksums(data))
        read_files(path, lambda name: name.endswith(".txt"))
        found = read_supportconfig("supportconfig://x", path, _sles())
    parse_identity(found.outputs["identity"]).require_dom0("x")


def _with_checksums(data: bytes) -> bytes:
    """The archive with each header's checksum as it has to be: else no change of one would be read."""
    if data[257:262] != b"ustar":
        return data
    whole = bytearray(data)
    for at in range(0, len(whole) - 511, 512):
        if whole[at + 257 : at + 262] == b"ustar":
            whole[at + 148 : at + 156] = b" " * 8
            whole[at + 148 : at + 156] = b"%06o\0 " % sum(whole[at : at + 512])
    return bytes(whole)


_SHORT = {name: _FILES[name][:700].rpartition("\n")[0] + "\n" for name in ("basic-environment.txt", "rpm.txt")}


def _tar(
    form: int = tarfile.GNU_FORMAT, folder: str = FOLDER, given: Mapping[str, str] = MappingProxyType({})
) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for name, text in {**_SHORT, **given}.items():
            member = tarfile.TarInfo(f"{folder}/{name}")
            member.size = len(data := text.encode())
            archive.addfile(member, io.BytesIO(data))
        link = tarfile.TarInfo(f"{folder}/xen.txt")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/shadow"
        archive.addfile(link)
    return out.getvalue()


@cache
def _archive_seeds() -> Sequence[bytes]:
    gnu, pax, long = _tar(), _tar(tarfile.PAX_FORMAT, "ä" * 60), _tar(folder="y" * 120)
    return [gnu, pax, long, gzip.compress(gnu, mtime=0), bz2.compress(gnu), lzma.compress(gnu), lzma.compress(gnu) * 2]


def _archive_known() -> dict[str, bytes]:
    text = _tar(given={"boot.txt": "x\n" * 10})
    return {
        "a member of 8 GiB": text.replace(b"00000000024\0", b"77777777777\0", 1),
        "much out of little": lzma.compress(_tar(given={"etc.txt": "x\n" * (20 << 20)})),
        "nothing at all": b"",
        "no end": text[:-1024],
        "an xz that is cut off": lzma.compress(text)[:-20],
        "a gzip that is cut off": gzip.compress(text, mtime=0)[:-20],
    }


TARGETS = (
    FuzzTarget(
        "recording",
        _recording,
        _recording_seeds,
        _recording_known,
        words=(
            b"null",
            b"true",
            b"[]",
            b"{}",
            b"-1",
            b"1.5",
            b"1e999",
            b"Infinity",
            b"\\ud800",
            b'"name"',
            b'"stdout"',
        ),
    ),
    FuzzTarget(
        "supportconfig-texts",
        _texts,
        _text_seeds,
        words=(
            *(b"#==[ Command ]======================================#\n# ", b"#==[ Configuration File ]===#\n# "),
            *(b"#==[ Verification ]===#\n# rpm -V xen\n", b" - File not found\n", b"#==[ Log File ]===#\n# "),
            *(b"/usr/sbin/xl info\n", b" - Last 500 Lines\n", b"loaded active exited", b"missing   c /etc/x\n"),
        ),
        longest=1 << 14,
    ),
    FuzzTarget("supportconfig-archive", _whole, _archive_seeds, _archive_known, longest=1 << 15, is_text=False),
)
