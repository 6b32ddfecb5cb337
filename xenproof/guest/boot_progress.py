"""How far a guest booted, read from its console."""

from dataclasses import dataclass

from xenproof.errors import XenproofError
from xenproof.guest.console import Console
from xenproof.guest.witness import Witness, parse_witness

READY = "ready"
KERNEL_SPEAKS = "] Linux version "
READY_MARK = "witness ready"
# GRUB, grub-core/loader/i386/xen_fileXX.c: its message where it cannot unpack a kernel; then it waits for a key.
REFUSED_BY_GRUB = "error: not xen image"
MARKS = {"grub.xen": "XENPROOF1 grub ", "kernel started": KERNEL_SPEAKS, READY_MARK: "XENPROOF1 ready"}
"""The texts for which a console waits, by their labels in the report's time line."""


@dataclass(frozen=True, slots=True)
class BootProgress:
    """How far a guest booted: `reached` is READY or describes where it stopped; `witness` is None unless READY."""

    reached: str
    seconds: float
    witness: Witness | None


def read_progress(console: Console, seconds: float) -> BootProgress:
    """How far the guest of `console` booted, after waiting for it for `seconds`."""
    if READY_MARK in console.seen_at:
        try:
            return BootProgress(READY, seconds, parse_witness(console.text))
        except XenproofError as error:
            return BootProgress(str(error), seconds, None)
    if REFUSED_BY_GRUB in console.text:
        return BootProgress(f"GRUB cannot unpack its kernel: it says {REFUSED_BY_GRUB!r}", seconds, None)
    seen = [label for label in MARKS if label in console.seen_at]
    last = console.text.rstrip().rpartition("\n")[2][-200:]
    how = "ended" if console.ended else "was still not ready"
    reached = f"it reached {seen[-1]!r}" if seen else "neither GRUB's menu nor a kernel printed anything"
    return BootProgress(f"{how} after {seconds:.0f} s: {reached}; its console closes with {last!r}", seconds, None)
