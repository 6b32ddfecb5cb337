"""Which mutators and makers there are for each family.

A family of the schema that is not here is reported with its checks: nobody can add one without mutants.
"""

from collections.abc import Mapping
from typing import Protocol

from selftest.mutants.families import (
    boot,
    bridges,
    commands,
    dom0,
    files,
    grub,
    hypervisor,
    images,
    integrity,
    leftovers,
    libvirt,
    logs,
    modules,
    packages,
    ports,
    processes,
    ssh,
    sshd,
    systemd,
    units,
    versions,
    xend_config,
    xl_commands,
    xl_conf,
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
FAMILIES: Mapping[str, FamilyOfMutants] = {
    "hypervisor": hypervisor,
    "packages": packages,
    "versions": versions,
    "boot": boot,
    "dom0": dom0,
    "grub": grub,
    "units": units,
    "systemd": systemd,
    "files": files,
    "xl_conf": xl_conf,
    "xl_commands": xl_commands,
    "commands": commands,
    "bridges": bridges,
    "sshd": sshd,
    "images": images,
    "modules": modules,
    "processes": processes,
    "ports": ports,
    "logs": logs,
    "libvirt": libvirt,
    "integrity": integrity,
    "ssh": ssh,
    "xend_config": xend_config,
    "leftovers": leftovers,
}


def mutator(family: str, attribute: str) -> Mutator | None:
    """What breaks this attribute, None if nobody has written it."""
    return FAMILIES[family].MUTATORS.get(attribute) if family in FAMILIES else None
