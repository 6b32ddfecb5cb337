"""The options of the suite."""

from pathlib import Path

import pytest

from xenproof.errors import UsageError

KERNEL_OF_HOST = "host"


def check_guest_kernel(kernel: str | None) -> None:
    """Raise UsageError, before anything is touched, for a --guest-kernel that is neither `host` nor a root tree."""
    if kernel is not None and kernel != KERNEL_OF_HOST and not Path(kernel, "boot").is_dir():
        raise UsageError(
            f"--guest-kernel is {kernel!r}, expected `{KERNEL_OF_HOST}`, or a folder with boot/vmlinuz-RELEASE, "
            "lib/modules/RELEASE and bin/busybox"
        )


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options for the hosts, the profile, the report and the guests."""
    group = parser.getgroup("xenproof", "xenproof: what is examined")
    group.addoption("--profile", metavar="NAME_OR_PATH", help="what the hosts must be: a profile's name or its file")
    group.addoption(
        "--hosts",
        metavar="URL[,URL]",
        help="the hosts: ssh://user@host[:port], local://, lab://RELEASE, image://PATH, supportconfig://PATH, recording://PATH",
    )
    group.addoption(
        "--backing",
        metavar="FILE",
        type=Path,
        action="append",
        default=[],
        help="a backing file that a qcow2 of image:// may be read with, again for each (default: none is)",
    )
    group.addoption(
        "--report",
        metavar="FOLDER",
        type=Path,
        default=Path("reports/latest"),
        help="where the report is written (default: reports/latest)",
    )
    group.addoption(
        "--record",
        metavar="FILE",
        type=Path,
        help="keep what the host printed, to the probes and to your own checks, for recording://FILE",
    )
    group.addoption(
        "--keep-guests",
        action="store_true",
        help="leave the guests of failed checks on their host; the run says how to end them",
    )
    group.addoption(
        "--guest-kernel",
        metavar="host|FOLDER",
        help="the kernel of guests, in place of the lab's: `host` for the host's own, or a root tree of yours",
    )
    group.addoption("--lab-memory", metavar="MIB", type=int, help="the memory of lab:// hosts, for more guests at once")
    group.addoption("--identity", metavar="FILE", type=Path, help="the private key to log in with (ssh://)")
    group.addoption(
        "--known-hosts", metavar="FILE", type=Path, help="the pinned host keys (default: ~/.ssh/known_hosts)"
    )
