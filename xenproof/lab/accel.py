"""KVM where it really runs a guest, else emulation: only a trial tells."""

import hashlib
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from xenproof.errors import LabError
from xenproof.programs import require

QEMU = "qemu-system-x86_64"
OLDEST_QEMU = (7, 0)

# Each exclusion is a thing that QEMU's emulation of it, Xen and dom0 together do not survive; VME is
# only announced, since libvirt finds no CPU model without it.  docs/decisions/0005 has what was seen.
TCG_CPU = "max,x-force-features=on,+vme,-rdtscp,-smap,-smep,-pku,-la57,-xsave,-avx,-avx2"

# A boot sector: mov al,0x31; out 0xf4,al; hlt.  QEMU's debug-exit device turns 0x31 into status 0x63.
_BOOT_SECTOR = bytes([0xB0, 0x31, 0xE6, 0xF4, 0xF4]).ljust(510, b"\0") + b"\x55\xaa"
_RAN = (0x31 << 1) | 1


@dataclass(frozen=True, slots=True)
class Accelerator:
    """How QEMU runs the host's processors: `name` for the report, `options` for the command line.

    `digest` changes with everything that a saved machine state depends on.
    """

    name: str
    options: tuple[str, ...]
    digest: str


def qemu_version() -> tuple[int, ...]:
    """QEMU's version, such as (7, 2, 22); raises LabError if it is missing, mute or too old."""
    said = subprocess.run([require(QEMU), "--version"], capture_output=True, text=True, check=False, timeout=30).stdout
    # QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)
    found = re.search(r"version (\d+(?:\.\d+)+)", said)
    if found is None:
        raise LabError(f"{QEMU} --version said {said[:100]!r}, expected a version number")
    version = tuple(map(int, found[1].split(".")))
    if version < OLDEST_QEMU:
        wanted = ".".join(map(str, OLDEST_QEMU))
        raise LabError(f"QEMU {found[1]} is too old for the lab, expected {wanted} or later")
    return version


def choose() -> Accelerator:
    """The fastest accelerator that runs a guest on this machine."""
    version = ".".join(map(str, qemu_version()))
    if kvm_runs_a_guest():
        model = re.search(r"^model name\s*:\s*(.*)$", Path("/proc/cpuinfo").read_text("utf-8"), re.MULTILINE)
        return _accelerator("KVM", ("-accel", "kvm", "-cpu", "host"), version + (model[1] if model else ""))
    return _accelerator(f"TCG (emulation, QEMU {version})", ("-accel", "tcg,thread=multi", "-cpu", TCG_CPU), version)


def kvm_runs_a_guest() -> bool:
    """Whether KVM runs one instruction of a guest: /dev/kvm can open and still not do that."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return False
    # A file in memory only: a trial that is killed leaves nothing.
    disk = os.memfd_create("xenproof-kvm-trial", 0)
    try:
        os.write(disk, _BOOT_SECTOR)
        command = [
            require(QEMU), "-accel", "kvm", "-cpu", "host", "-m", "16", "-nodefaults", "-display", "none",
            "-device", "isa-debug-exit,iobase=0xf4,iosize=4",
            "-drive", f"file=/proc/self/fd/{disk},format=raw,if=ide",
        ]  # fmt: skip
        trial = subprocess.run(command, capture_output=True, check=False, timeout=10, pass_fds=(disk,))
        return trial.returncode == _RAN  # noqa: TRY300  # the other way out is the time limit below
    except subprocess.TimeoutExpired:
        return False
    finally:
        os.close(disk)


def _accelerator(name: str, options: tuple[str, ...], depends_on: str) -> Accelerator:
    digest = hashlib.sha256("\n".join([name, *options, depends_on]).encode()).hexdigest()[:12]
    return Accelerator(name, options, digest)
