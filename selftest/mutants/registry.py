"""Which mutators and makers there are for each family.

A family of the schema that is not here is reported with its checks: nobody can add one without mutants.
"""

from collections.abc import Mapping
from typing import Protocol

from selftest.mutants.families import (
    boot,
    bridges,
    clock,
    commands,
    dom0,
    files,
    grub,
    hypervisor,
    images,
    integrity,
    kernel,
    kernel_config,
    leftovers,
    libvirt,
    logs,
    modules,
    mounts,
    packages,
    pidfiles,
    ports,
    processes,
    qemu_options,
    serial,
    settings,
    ssh,
    sshd,
    systemd,
    tools,
    units,
    versions,
    xend_config,
    xenstore,
    xl_commands,
    xl_conf,
    xl_conf_keys,
)
from selftest.mutants.mutation import Maker, Mutator

# Judged by the checks that run guests; no recording of a host can break these.
ELSEWHERE = frozenset({"guest"})


class FamilyOfMutants(Protocol):
    """A module that knows how to break what a family promises, and how to make it so; both by attribute."""

    @property
    def MUTATORS(self) -> Mapping[str, Mutator]: ...  # a module's constant

    @property
    def MAKERS(self) -> Mapping[str, Maker]: ...  # a module's constant


# What others build on comes first: the order in which a host is synthesised.
MUTANT_FAMILIES: Mapping[str, FamilyOfMutants] = {
    "hypervisor": hypervisor,
    "packages": packages,
    "versions": versions,
    "kernel": kernel,
    "kernel_config": kernel_config,
    "boot": boot,
    "dom0": dom0,
    "serial": serial,
    "grub": grub,
    "units": units,
    "systemd": systemd,
    "files": files,
    "settings": settings,
    "xl_conf": xl_conf,
    "xl_conf_keys": xl_conf_keys,
    "xl_commands": xl_commands,
    "commands": commands,
    "bridges": bridges,
    "sshd": sshd,
    "mounts": mounts,
    "images": images,
    "modules": modules,
    "processes": processes,
    "pidfiles": pidfiles,
    "ports": ports,
    "logs": logs,
    "libvirt": libvirt,
    "integrity": integrity,
    "ssh": ssh,
    "xend_config": xend_config,
    "leftovers": leftovers,
    "qemu_options": qemu_options,
    "tools": tools,
    "xenstore": xenstore,
    "clock": clock,
}


def mutator(family: str, attribute: str) -> Mutator | None:
    """What breaks this attribute, None if nobody has written it."""
    return MUTANT_FAMILIES[family].MUTATORS.get(attribute) if family in MUTANT_FAMILIES else None
