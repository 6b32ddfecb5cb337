"""Guests whose kernels are packed in different ways, and whether what starts them can unpack those."""

from xenproof.errors import GuestError
from xenproof.guest.guest import KERNEL_SPEAKS, Guest
from xenproof.guest.life import BOOT_LIMIT_S

# The guest's own menu, and how GRUB begins what it says of whatever it cannot do: before the menu it looks for one in
# several places, and says so of each.
_MENU, _ERROR = "XENPROOF1 grub ", "error: "
# Who in libxl builds the domain, and names the kernel's packing where it does not know it.
_REFUSED_BY_XL = "xc_dom"


def starts(guest: Guest) -> bool:
    """Whether the kernel of a guest that is defined speaks; raises GuestError where it fails for another reason.

    What the guest does then is the same with any packing, and nobody waits for it.
    """
    boot = guest.boot(BOOT_LIMIT_S, unless=lambda text: _is_refused_by_grub(text) or KERNEL_SPEAKS in text)
    if KERNEL_SPEAKS in guest.console.text:
        return True
    if _is_refused_by_grub(guest.console.text) or (guest.created and _REFUSED_BY_XL in guest.created.problem):
        return False
    raise GuestError(f"{guest.name} did not boot, and its kernel is not what was refused: {boot.reached}")


def _is_refused_by_grub(console: str) -> bool:
    return _ERROR in console.partition(_MENU)[2]
