"""Whether a guest's loader can unpack its kernel, for kernels that are packed in different ways."""

from xenproof.errors import GuestError
from xenproof.guest.actions.running_guest import BOOT_LIMIT_S
from xenproof.guest.boot_progress import KERNEL_SPEAKS, REFUSED_BY_GRUB
from xenproof.guest.guest import Guest

# Xen, tools/libs/guest/xg_dom_core.c: libxl's message where none of its loaders accepts the kernel.
_REFUSED_BY_XL = "no loader found"


def starts(guest: Guest) -> bool:
    """Whether the kernel of a defined guest prints its first line; raises GuestError where another reason prevents it.

    The rest of the boot is the same with any packing, so it is not waited for.
    """
    boot = guest.boot(BOOT_LIMIT_S, unless=lambda text: KERNEL_SPEAKS in text)
    if KERNEL_SPEAKS in guest.console.text:
        return True
    if REFUSED_BY_GRUB in guest.console.text or (guest.created and _REFUSED_BY_XL in guest.created.problem):
        return False
    raise GuestError(f"{guest.name} did not boot, and its kernel is not what was refused: {boot.reached}")
