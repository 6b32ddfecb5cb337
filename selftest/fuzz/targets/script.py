"""What a host prints as a whole: the frames of the probes, their sections, and what is taken out of both."""

from collections.abc import Sequence
from functools import partial

from selftest.fuzz.target import FuzzTarget, each, text_of
from selftest.mutants.recorded import DATA
from xenproof.errors import XenproofError
from xenproof.facts.identity import parse_identity
from xenproof.probing.sections import section, sections
from xenproof.source.probe import Probe, ProbeOutput
from xenproof.source.redact import redacted
from xenproof.source.script import parse

_MARK = "5f1c62a9d0b84e73a1f60c9d2e7b8a45"
_PROBES = [Probe("a", "echo a"), Probe("b", "echo b", beside=True), Probe("c", "echo c")]
_BOTH = b"\n=STDERR=\n"
_END = f"{_MARK} start session\n"


def _frames(data: bytes) -> None:
    stdout, _, stderr = data.partition(_BOTH)
    parse(stdout, stderr, _MARK, _PROBES)


def _framed(*parts: str) -> bytes:
    whole = f"noise\n{_END}" + "".join(f"{part}{_MARK} {number} 0 0\n" for number, part in enumerate(parts))
    return whole.encode()


def _frame_seeds() -> Sequence[bytes]:
    whole, errors = _framed("one\n", "two\n", "three"), _framed("", "", "bad\n")
    late = whole.replace(b" 1 0 0", b" 1 124 1")
    return [whole + _BOTH + errors, late + _BOTH + late, whole[:-5] + _BOTH + errors, whole + _BOTH, b"login\n"]


def _frame_known() -> dict[str, bytes]:
    good = _framed("one\n", "two\n", "three")
    number = b"9" * 5000
    return {
        "a frame's number of 5,000 digits": good.replace(b" 1 0 0", b" " + number + b" 0 0") + _BOTH + good,
        "an exit code of 5,000 digits": good.replace(b" 1 0 0", b" 1 " + number + b" 0") + _BOTH + good,
        "an exit code of 5,000 digits on stderr": good + _BOTH + good.replace(b" 1 0 0", b" 1 " + number + b" 0"),
    }


def _sections(data: bytes) -> None:
    for timed_out in (False, True):
        output = ProbeOutput("x", data, b"said", 0, timed_out)
        try:
            names = list(sections(output))
        except XenproofError:
            names = ["xl-info"]
        for name in [*names[:20], "missing"]:
            each(partial(_lines, output, name))


def _lines(output: ProbeOutput, name: str) -> list[str]:
    return section(output, name).ended_with(0).lines


def _section_seeds() -> Sequence[bytes]:
    mark = f" {_MARK}"
    return [
        b"@@a\none\n\n@@a 0\n@@b\n\n@@b unknowable nothing runs\n",
        f"@@a{mark}\n@@a 0\n\n@@a{mark} 1\n@@b{mark}\nx\n\n@@b{mark} 0\n".encode(),
        b"@@a\nis cut",
        *((DATA / "debian12-release" / f"{name}.txt").read_bytes() for name in ("xen", "libvirt", "leftovers")),
    ]


def _redacted(data: bytes) -> None:
    clean, count = redacted(data)
    again, more = redacted(clean)
    if count == 0 and clean != data:
        raise AssertionError("nothing was taken out, and something is missing")
    if b"PRIVATE KEY-----" in clean and b"-----BEGIN RSA PRIVATE KEY-----" in again:
        raise AssertionError(f"a private key was left, {more} more were found")


def _secrets() -> Sequence[bytes]:
    return [
        b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\nrest",
        b"-----BEGIN PGP PRIVATE KEY BLOCK-----\nAA\n-----END PGP PRIVATE KEY BLOCK-----\n",
        b"vncpasswd=\"secret\"\nspicepasswd='x'\nvnc_password = x, y\n",
        b'{"passwd": "sec\\"ret", "password" : ""}',
        b"(vncpasswd 'se\\'cret')(passwd x)",
        b"root:$6$saltsalt$hashhashhash/.:1:2\npassword_pbkdf2 a grub.pbkdf2.sha512.10000.AB.CD0123456789ABCDEF\n",
    ]


_IDENTITY = b"uid 0\nkernel 6.1\nsystem Debian\nhypervisor xen\ncapabilities control_d\nxl /usr/sbin/xl\nend .\n"

TARGETS = (
    FuzzTarget(
        "frames",
        _frames,
        _frame_seeds,
        _frame_known,
        words=(_MARK.encode(), _END.encode(), b" 0 0 0\n", b" 1 124 1\n", b" start tree\n", _BOTH),
        longest=8192,
    ),
    FuzzTarget(
        "sections",
        _sections,
        _section_seeds,
        words=(b"@@a\n", b"\n@@a 0\n", b"\n@@b 0\n", b"@@b\n", b" unknowable ", f" {_MARK}".encode(), b"\n@@a 999\n"),
    ),
    FuzzTarget(
        "redacted",
        _redacted,
        _secrets,
        words=(b"-----BEGIN ", b"PRIVATE KEY", b" BLOCK", b"-----END ", b"passwd", b"password = ", b"$6$", b"(passwd "),
    ),
    FuzzTarget(
        "identity",
        lambda data: parse_identity(ProbeOutput("identity", data, b"", 0)).require_dom0("ssh://x"),
        lambda: [_IDENTITY, _IDENTITY + b"stored disk image\n", text_of(_IDENTITY).replace("xen", "kvm").encode()],
        longest=8192,
    ),
)
