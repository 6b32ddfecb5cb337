"""Guests whose kernels are packed in different ways, and whether what starts them can unpack those."""

from xenproof.errors import GuestError
from xenproof.guest.actions.life import BOOT_LIMIT_S
from xenproof.guest.boot_progress import KERNEL_SPEAKS, REFUSED_BY_GRUB
from xenproof.guest.guest import Guest

# Xen, tools/libs/guest/xg_dom_core.c: what libxl prints where no loader of its knows the kernel.
_REFUSED_BY_XL = "no loader found"


def starts(guest: Guest) -> bool:
    """Whether the kernel of a guest that is defined speaks; raises GuestError where it fails for another reason.

    What the guest does then is the same with any packing, and nobody waits for it.
    """
    boot = guest.boot(BOOT_LIMIT_S, unless=lambda text: KERNEL_SPEAKS in text)
    if KERNEL_SPEAKS in guest.console.text:
        return True
    if REFUSED_BY_GRUB in guest.console.text or (guest.created and _REFUSED_BY_XL in guest.created.problem):
        return False
    raise GuestError(f"{guest.name} did not boot, and its kernel is not what was refused: {boot.reached}")
