"""Chooses KVM where a trial proves that it runs a guest, otherwise emulation."""

import contextlib
import hashlib
import json
import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from xenproof.errors import LabError, UsageError
from xenproof.lab import trial
from xenproof.programs import require
from xenproof.run.cache import cache_folder, made

QEMU = trial.QEMU
OLDEST_QEMU = (7, 0)
KVM = ("-accel", "kvm", "-cpu", "host")

# Each feature that is switched off makes Xen or dom0 fail in QEMU's emulation of it; VME is only announced, since
# libvirt finds no CPU model without it.  docs/decisions/0005 has the observations.
TCG_CPU = "max,x-force-features=on,+vme,-rdtscp,-smap,-smep,-pku,-la57,-xsave,-avx,-avx2"


@dataclass(frozen=True, slots=True)
class Accelerator:
    """How QEMU runs the host's processors: `name` for the report, `options` for the command line.

    `digest` depends on all that a saved machine state depends on.
    """

    name: str
    options: tuple[str, ...]
    digest: str


def qemu_version() -> tuple[int, ...]:
    """QEMU's version, such as (7, 2, 22); raises LabError if QEMU is missing, prints no version or is too old."""
    command = [require(QEMU), "--version"]
    printed = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30).stdout
    # QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)
    found = re.search(r"version (\d+(?:\.\d+)+)", printed)
    if found is None:
        raise LabError(f"{QEMU} --version printed {printed[:100]!r}, expected a version number")
    version = tuple(map(int, found[1].split(".")))
    if version < OLDEST_QEMU:
        wanted = ".".join(map(str, OLDEST_QEMU))
        raise LabError(f"QEMU {found[1]} is too old for the lab, expected {wanted} or later")
    return version


def choose(lacks: Sequence[str] = ()) -> Accelerator:
    """The fastest accelerator that runs a guest on this machine, with a processor without the features `lacks`.

    Raises UsageError for a feature that QEMU does not know.
    """
    version = ".".join(map(str, qemu_version()))
    check_features(lacks)
    less = "".join(f",-{feature}" for feature in lacks)
    if kvm_runs_a_guest():
        model = re.search(r"^model name\s*:\s*(.*)$", Path("/proc/cpuinfo").read_text("utf-8"), re.MULTILINE)
        return _accelerator("KVM", (*KVM[:-1], KVM[-1] + less), version + (model[1] if model else ""))
    emulated = ("-accel", "tcg,thread=multi", "-cpu", TCG_CPU + less)
    return _accelerator(f"TCG (emulation, QEMU {version})", emulated, version)


def check_features(names: Sequence[str]) -> None:
    """Raise UsageError for a name of a processor's feature that QEMU does not know, such as "aes"."""
    if not names:
        return
    command = [require(QEMU), "-cpu", "help"]
    printed = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30).stdout
    if unknown := sorted(set(names) - set(printed.partition("Recognized CPUID flags:")[2].split())):
        raise UsageError(
            f"QEMU knows no processor feature {', '.join(map(repr, unknown))}; "
            f"expected names that `{QEMU} -cpu help` prints, such as aes"
        )


def kvm_runs_a_guest() -> bool:
    """Whether KVM really runs guests here; the result of a trial is cached until this machine reboots."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return False
    asked = {"boot": Path("/proc/sys/kernel/random/boot_id").read_text("utf-8").strip(), "qemu": qemu_version()}
    kept = made(cache_folder()) / "kvm-trial.json"
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        former = json.loads(kept.read_text("utf-8"))
        if (former["boot"], tuple(former["qemu"])) == (asked["boot"], asked["qemu"]):
            return former["runs"] is True
    runs = trial.runs(KVM)
    with contextlib.suppress(OSError):  # then the next run tries again
        kept.write_text(json.dumps({**asked, "runs": runs}), "utf-8")
    return runs


def _accelerator(name: str, options: tuple[str, ...], depends_on: str) -> Accelerator:
    digest = hashlib.sha256("\n".join([name, *options, depends_on]).encode()).hexdigest()[:12]
    return Accelerator(name, options, digest)
