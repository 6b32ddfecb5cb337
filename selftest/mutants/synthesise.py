"""A recording that meets every expectation of a profile: for releases of which no host could be recorded.

It is made of the text of real hosts, changed until it is what the profile promises.  It is no host:
it shows what the checks make of such text, not what a release is.
"""

import contextlib
import dataclasses

from selftest.mutants.bounds import inside
from selftest.mutants.families.boot import grub_cfg, own
from selftest.mutants.families.files import with_path, without_path
from selftest.mutants.families.hypervisor import with_field
from selftest.mutants.families.units import with_unit
from selftest.mutants.families.versions import with_release
from selftest.mutants.mutation import Case
from selftest.mutants.raw import NotPossible, Raw
from selftest.mutants.recorded import DATA, from_folder
from selftest.mutants.registry import MUTANT_FAMILIES
from selftest.mutants.texts import file_lines, forget_file, move_file, paths
from xenproof.probing.probes import (
    DOM0_NAME,
    JOURNAL_OF,
    KERNEL_CONFIG_CONTROL,
    RELEASE,
    TEXT_PATTERNS,
    section_name,
    text_paths,
)
from xenproof.profile.profile import Profile
from xenproof.profile.version import in_range
from xenproof.source.probe import Recording

SYNTHESISED = "synthesised"
# Nobody can log in there (RFC 2606); whether a login is silent is asked only of hosts that one logs in to.
URL = "ssh://root@synthesised.invalid"
_TEMPLATE = "debian12-release"
_OLD_XEN = "4.4.1"
# The sections of xl, and the files with what Xen 4.4.1 printed there.
_OLD_XL = {"xl-info": "xl_info", "xl-help": "xl_help", "xl-list": "xl_list_0", "xl-dmesg": "xl_dmesg"}
# What rpm -qa always lists, and what a shell makes of a pattern that fits no init script.
_RPM = "ii \trpm\t4.11.2-1.1"
_NO_SCRIPTS = "/etc/rc[2345].d/S[0-9][0-9]*"
_DIRECTORY = 0x416D


def synthesise(profile: Profile) -> Recording:
    """The recording that conforms to `profile`, as far as each family knows how to make its values so."""
    host, texts = _template(profile)
    for name, family in MUTANT_FAMILIES.items():
        for expected in profile.expectations.values():
            maker = family.MAKERS.get(expected.attribute) if expected.family == name else None
            if maker is not None:
                # What cannot be made so is a red control, which says more than this would.
                with contextlib.suppress(NotPossible):
                    host = maker(Case(host, expected, profile))
    about = f"from the profile {profile.name}, on the text of {texts}: no host printed this"
    return dataclasses.replace(host, about={**host.about, SYNTHESISED: about}).recording()


def _template(profile: Profile) -> tuple[Raw, str]:
    """A host that printed all that the probes of the profile ask for, and in words what it is made of."""
    real = dataclasses.replace(Raw.of(from_folder(DATA / _TEMPLATE)), host=URL)
    host = _asked_for(real, profile)
    texts = "a real Debian 12 dom0"
    running = profile.get("versions", "hypervisor", "running")
    if running is not None and in_range(_OLD_XEN, running.text, profile.scheme):
        texts = f"a real Xen {_OLD_XEN} and of {texts}"
        for section, name in _OLD_XL.items():
            host = host.with_text(section, (DATA / "corpus" / f"xen-{_OLD_XEN}" / f"{name}.out").read_text("utf-8"))
    if profile.scheme == "rpm":
        host = _as_rpm_host(host, profile)
    return _consistent(host), texts


def _asked_for(host: Raw, profile: Profile) -> Raw:
    """The template with the sections and the rows that the profile's probes ask for, and no others."""
    host = host.with_text("show", _unit_block("dbus.socket"))
    for unit in profile.entries("units"):
        host = with_unit(host, unit, {})
    host = host.with_lines("commands", ["sh /bin/sh", *(f"{name} " for name in profile.entries("commands"))])
    host = host.with_lines("stat-list", []).with_lines("stat", [])
    host = with_path(host, "/proc", _DIRECTORY)
    host = host.with_lines("df-list", [f"missing {path}" for path in profile.entries("images")]).with_lines("df", [])
    host = _with_logs(host, profile)
    host = _with_sections(host, profile)
    if menus := [path for path in profile.entries("files") if path.endswith("/grub.cfg")]:
        host = move_file(host, grub_cfg(host), menus[0])
        old = next(path for path in paths(host) if path.endswith("/grubenv"))
        host = move_file(host, old, f"{menus[0].rpartition('/')[0]}/grubenv")
    return host


def _with_sections(host: Raw, profile: Profile) -> Raw:
    """The host with the sections that hold one row for each entry of the profile, and with its files to read."""
    host = host.with_lines("xenstore", [f"there {DOM0_NAME} Domain-0"])
    host = host.with_lines("kernel-config", [f"{KERNEL_CONFIG_CONTROL}=y"])
    host = host.edited("image-devices", lambda lines: [line for line in lines if line.endswith(" /")])
    host = host.with_lines("image-flags", [])
    host = host.with_lines("integrity", [profile.scheme, *(f"sums {name}" for name in profile.entries("integrity"))])
    asked = {path.replace(RELEASE, host.text("release").strip()) for path in text_paths(profile)}
    folders = tuple(f"{pattern.rpartition('/')[0]}/" for pattern in TEXT_PATTERNS)
    for path in paths(host):
        if path not in asked and not path.startswith(folders) and not path.endswith(("/grub.cfg", "/grubenv")):
            host = forget_file(host, path)
    listed = {line.partition(" ")[2] for line in host.lines("text-list")}
    missing = [f"missing {path}" for path in sorted(asked - listed) if not path.endswith(("/grub.cfg", "/grubenv"))]
    return host.edited("text-list", lambda lines: [*lines, *missing])


def _with_logs(host: Raw, profile: Profile) -> Raw:
    services = {name: found for name, found in host.probes["services"].items() if not name.startswith("journal:")}
    of_host = {name: found for name, found in host.probes["host"].items() if not name.startswith("tail:")}
    host = dataclasses.replace(host, probes={**host.probes, "services": services, "host": of_host})
    for name in profile.entries("logs"):
        if name.startswith("/"):
            host = without_path(host, name)
            host = host.with_text(f"tail:{section_name(name)}", "", probe="host")
        elif name.endswith(".service") or name.startswith(JOURNAL_OF):
            program = name.removesuffix(".service").rpartition("/")[2]
            line = f"Oct 27 09:00:01 dom0 {program}[438]: started\n"
            host = host.with_text(f"journal:{section_name(name)}", line, probe="services")
    return host


def _as_rpm_host(host: Raw, profile: Profile) -> Raw:
    """The template without what only Debian has."""
    host = host.with_lines("packages", ["rpm", _RPM]).with_lines("rc", [_NO_SCRIPTS])
    for path in [path for path in paths(host) if path.startswith("/etc/default/grub.d/")]:
        host = forget_file(host, path)
    if (release := _kernel_release(profile)) is not None:
        host = with_release(host, release)
    return host.edited("text", lambda lines: [line.replace("Debian GNU/Linux", "SLES") for line in lines])


def _consistent(host: Raw) -> Raw:
    """The host whose hypervisor runs with what its grub.cfg gives it."""
    menu = file_lines(host, grub_cfg(host))
    loader = next((line for line in menu if line.strip().startswith("multiboot")), None)
    if loader is None:
        raise NotPossible("the template's grub.cfg loads no Xen")
    return with_field(host, "xen_commandline", " ".join(own(loader.split()[2:])))


def _unit_block(name: str) -> str:
    return f"Id={name}\nLoadState=loaded\nActiveState=active\nSubState=running\nUnitFileState=static\n"


def _kernel_release(profile: Profile) -> str | None:
    """What `uname -r` says, 3.12.28-4-xen for kernel-xen-3.12.28-4.6; None if the profile is of no one kernel."""
    package = profile.get("versions", "kernel", "agrees_with")
    wanted = profile.get("packages", package.text, "version") if package is not None else None
    wanted = wanted or profile.get("versions", "kernel", "running") or profile.get("hypervisor", "release", "range")
    flavour = profile.get("kernel", "flavour", "is")
    if wanted is None:
        return None
    version, _, release = inside(wanted.text, profile.scheme).partition("-")
    return f"{version}-{release.rpartition('.')[0] or release}-{flavour.text if flavour else 'default'}"
