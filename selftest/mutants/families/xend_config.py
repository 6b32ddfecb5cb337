"""A left-over xend-config.sxp: settings that the host does not have."""

from collections.abc import Iterator

from selftest.mutants.families.sshd import with_option
from selftest.mutants.families.xl_conf import with_setting
from selftest.mutants.mutation import Case, Maker, Mutation, Mutator
from selftest.mutants.raw import NotPossible, Raw
from selftest.mutants.texts import with_file, without_file
from xenproof.facts.xend_carried import LIBXL_CONF
from xenproof.facts.xend_config import XEND_CONFIG_SXP

_LOST = (
    "(dom0-cpus 63)",
    "(dom0-min-mem 999999999)",
    "(network-script 'network-bridge bridge=mutantbr0')",
    "(vif-script vif-mutant)",
    "(total_available_memory 8)",
    "(xsm_module_name flask)",
    "(mutant-setting yes)",
)


def _carried_over(case: Case) -> Iterator[Mutation]:
    if case.expected.value is not True:
        raise NotPossible("only a profile that promises the settings has something to break")
    for setting in _LOST:
        yield Mutation(f"xend had {setting}", with_file(case.host, XEND_CONFIG_SXP, ["# xend", setting]))
    took = with_file(case.host, XEND_CONFIG_SXP, ["(xend-relocation-server yes)"])
    yield Mutation("xend took migrations, and sshd lets no root in", with_option(took, "permitrootlogin", "no"))
    kept = with_file(case.host, XEND_CONFIG_SXP, ["(enable-dom0-ballooning no)"])
    yield Mutation("xend did not balloon, and xl does", with_setting(kept, "autoballoon", "on"))
    locked = with_file(case.host, XEND_CONFIG_SXP, ["(xend-domain-lock yes)"])
    yield Mutation("xend locked domains, and libvirt does not", without_file(locked, LIBXL_CONF))
    both = ["(xend-unix-server yes)", _LOST[0], "(vncpasswd '')"]
    yield Mutation("one of several settings is lost", with_file(case.host, XEND_CONFIG_SXP, both))


def _make(case: Case) -> Raw:
    return without_file(case.host, XEND_CONFIG_SXP)


MUTATORS: dict[str, Mutator] = {"carried_over": _carried_over}
MAKERS: dict[str, Maker] = {"carried_over": _make}
