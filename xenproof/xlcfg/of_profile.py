"""The xl of a profile's release."""

from xenproof.errors import UsageError
from xenproof.profile.profile import Profile
from xenproof.xlcfg.xl_series import XlSeries, load_series


def takes_no_files(profile: Profile) -> bool:
    """Whether blkback on the profile's release serves only block devices; False where the profile names no Xen."""
    try:
        return series_of(profile).raw_file != "phy"
    except UsageError:
        return False


def series_of(profile: Profile) -> XlSeries:
    """The xl of a profile's series of Xen, with its vendor's additions.  Raises UsageError where it names no Xen."""
    numbers = [profile.get("hypervisor", f"xen_{part}", "is") for part in ("major", "minor")]
    if None in numbers:
        raise UsageError(
            f"profile {profile.name} does not say which Xen it is: expected hypervisor.xen_major.is and xen_minor.is"
        )
    name = ".".join(number.text for number in numbers if number is not None)
    return load_series(name, *profile.chain)
