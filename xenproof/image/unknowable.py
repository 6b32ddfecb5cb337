"""What no image can show, and the reasons."""

from xenproof.errors import NotEvaluable
from xenproof.facts.offline_recording import SectionWriter

_REASONS = {
    "xl-info": "nothing runs in an image: no hypervisor answers `xl info`",
    "xl-help": "nothing runs in an image, and its xl is not run here",
    "xl-list": "nothing runs in an image: there is no Domain-0 to measure",
    "xl-dmesg": "nothing runs in an image: no hypervisor has a log",
    "xenstore": "nothing runs in an image: there is no xenstore",
    "virsh": "nothing runs in an image: no libvirt answers",
    "list-units": "nothing runs in an image: no unit is active or failed",
    "qemu-version": "nothing runs in an image, and its qemu is not run here",
    "qemu-help": "nothing runs in an image, and its qemu is not run here",
    "sshd": "nothing runs in an image, and its sshd is not run here to say how it reads its configuration",
    "bridges": "nothing runs in an image: there is no network interface",
    "processes": "nothing runs in an image: there is no process",
    "clock": "nothing runs in an image: there is no clock",
    "ssh": "nothing runs in an image, so no login is possible",
    "keys": "nothing runs in an image, and private keys are not looked at here",
}
_REASONS_BY_PREFIX = {
    "journal:": "the journal of an image is binary, and `journalctl` is not run on it",
    "tool:": "nothing runs in an image, and its programs are not run here to say their versions",
}
_OTHER = "an image does not tell this: nothing runs in it"

# Folders that the kernel or the init system fills; their content in an image is hidden or from before a boot.
VOLATILE = {
    "/proc": "an image has no /proc: the kernel fills it while it runs",
    "/sys": "an image has no /sys: the kernel fills it while it runs",
    "/dev": "an image has no /dev: the kernel fills it while it runs",
    "/run": "an image has no /run: it is empty before a boot and filled by what runs",
}


def unknowable_writer(name: str) -> SectionWriter:
    """A writer that raises NotEvaluable with the reason for the section of that name."""
    by_prefix = next((reason for prefix, reason in _REASONS_BY_PREFIX.items() if name.startswith(prefix)), _OTHER)
    reason = _REASONS.get(name, by_prefix)

    def write() -> str:
        raise NotEvaluable(reason)

    return write
