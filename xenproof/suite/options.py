"""The options of the suite: what they are, and which values are right."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from xenproof.errors import UsageError
from xenproof.lab.recipe import load_recipe
from xenproof.plain import visible
from xenproof.profile.load import load_profile
from xenproof.source.address import Address, Scheme, parse_urls
from xenproof.suite.kept_guests import check_keepable
from xenproof.suite.recording_option import check_recordable
from xenproof.suite.run_context import RunOptions

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


def read_options(config: pytest.Config) -> RunOptions | None:
    """The options, checked before anything is touched; None where the user names neither hosts nor a profile.

    Raises pytest.UsageError, which ends with exit status 4, where they are wrong.
    """
    hosts, profile = config.getoption("--hosts"), config.getoption("--profile")
    if not hosts and not profile:
        return None
    if not hosts or not profile:
        given, missing = ("--hosts", "--profile") if hosts else ("--profile", "--hosts")
        raise pytest.UsageError(f"{given} is given without {missing}: expected both, such as "
                                "--profile debian12 --hosts lab://debian12")  # fmt: skip
    try:
        return _checked(config, hosts, profile)
    except UsageError as error:
        raise pytest.UsageError(visible(str(error))) from error


def _checked(config: pytest.Config, hosts: str, profile: str) -> RunOptions:
    addresses, lab_memory_mib = tuple(parse_urls(hosts)), config.getoption("--lab-memory")
    _check_lab_hosts(addresses, lab_memory_mib)
    record = config.getoption("--record")
    options = RunOptions(
        profile=load_profile(profile),
        addresses=addresses,
        report=config.getoption("--report").absolute(),
        record=record.absolute() if record is not None else None,
        keep_guests=config.getoption("--keep-guests"),
        guest_kernel=config.getoption("--guest-kernel"),
        identity=config.getoption("--identity"),
        known_hosts=config.getoption("--known-hosts"),
        lab_memory_mib=lab_memory_mib,
        backing=tuple(config.getoption("--backing")),
    )
    check_guest_kernel(options.guest_kernel)
    if options.keep_guests:
        check_keepable(addresses)
    if record is not None:
        check_recordable(record, addresses)
    return options


def _check_lab_hosts(addresses: Sequence[Address], memory_mib: int | None) -> None:
    """Raise UsageError for a release that the lab does not have, or too little memory for it."""
    for address in addresses:
        if address.scheme is Scheme.LAB and address.path is None:
            recipe = load_recipe(address.release)
            if memory_mib is not None:
                recipe.with_memory(memory_mib)
