"""Where grub.xen is on the hosts of a profile."""

from xenproof.errors import NotEvaluable
from xenproof.profile.profile import Profile


def grub_xen_of(profile: Profile) -> str:
    """The path of grub.xen; raises NotEvaluable where the profile does not say."""
    kernel = profile.get("guest", "grub_xen", "path")
    if kernel is None:
        raise NotEvaluable(f"profile {profile.name} does not say where grub.xen is: give guest.grub_xen.path")
    return kernel.text
