"""A left-over xend-config.sxp: what it sets, where that lives today, and whether the host has it."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selftest.unit.facts.test_facts_values import PROFILE, recording
from xenproof.errors import NotEvaluable, ParseError
from xenproof.facts.xend_carried import _RULES, CarriedOver, Fate, places
from xenproof.facts.xend_config import XEND_CONFIG, XEND_CONFIG_SXP, XendSetting
from xenproof.probing.answer import Answer
from xenproof.probing.sections import unknowable
from xenproof.source.probe import Recording
from xenproof.source.redact import redacted

DATA = Path(__file__).parents[2] / "data" / "debian12-release"
LIBXL_CONF = "/etc/libvirt/libxl.conf"
SXP = (Path(__file__).parents[2] / "data" / "xend" / "xend-config.sxp").read_text("utf-8")


def grepped(path: str, text: str) -> str:
    return "".join(f"{path}:{line}\n" for line in text.splitlines())


def with_file(path: str, text: str) -> Callable[[str], str]:
    """What a probe prints of a host that has the file."""

    def change(printed: str) -> str:
        if "@@text-list" not in printed:
            return printed
        clean = redacted(grepped(path, text).encode())[0].decode()
        printed = re.sub(rf"^(missing|there) {re.escape(path)}$", f"there {path}", printed, flags=re.MULTILINE)
        printed = re.sub(rf"^{re.escape(path)}:.*\n", "", printed, flags=re.MULTILINE)
        return printed.replace("@@text\n", f"@@text\n{clean}", 1)

    return change


def host(sxp: str, *more: Callable[[str], str]) -> Recording:
    def change(printed: str) -> str:
        for each in (with_file(XEND_CONFIG_SXP, sxp), *more):
            printed = each(printed)
        return printed

    return recording(change)


def replacing(old: str, new: str) -> Callable[[str], str]:
    return lambda printed: re.sub(old, new, printed)


def carried(sxp: str, *more: Callable[[str], str]) -> Answer:
    return CarriedOver(host(sxp, *more), PROFILE).all


def test_nothing_is_left_over() -> None:
    assert CarriedOver(recording(), PROFILE).all == Answer(True, "no xend-config.sxp is left over")


def test_the_settings_of_a_real_file() -> None:
    found = XEND_CONFIG.of(host(SXP), PROFILE).settings
    assert found is not None
    assert found[0] == XendSetting("xend-unix-server", ("yes",))
    assert XendSetting("vncpasswd", ("[redacted]",)) in found
    assert XendSetting("xen-api-server", ("((9363 pam ^localhost$) (unix none))",)) in found
    assert "sesame" not in host(SXP).to_json()


def test_a_real_file_is_explained_line_by_line() -> None:
    answer = carried(SXP)
    assert not answer.yes
    first, *lines = answer.seen.split("\n")
    assert first == f"2 of the {len(lines)} settings in /etc/xen/xend-config.sxp are missing"
    assert [line.partition(":")[0] for line in lines] == sorted(
        (line.partition(":")[0] for line in lines), key=[str(fate) for fate in Fate].index
    )
    assert lines[0].startswith("missing: dom0-cpus 4 -> dom0_max_vcpus=N of the hypervisor, in GRUB_CMDLINE_XEN; ")
    assert "missing: xend-domain-lock yes -> lock_manager in /etc/libvirt/libxl.conf; " in lines[1]
    assert "here: dom0-min-mem 512 -> dom0_mem=min:SIZE of the hypervisor, in GRUB_CMDLINE_XEN; " in answer.seen
    assert "guest: vncpasswd [redacted] -> vncpasswd in each guest's configuration" in answer.seen
    assert "default: total_available_memory 0 -> " in answer.seen
    assert "gone: xend-unix-server yes -> nothing: xl needs no daemon" in answer.seen


@pytest.mark.parametrize(
    ("sxp", "change", "yes", "said"),
    [
        ("(dom0-cpus 2)", None, True, "gives Domain-0 2"),
        ("(dom0-cpus 3)", None, False, "gives Domain-0 2"),
        ("(dom0-cpus 2)", replacing(" dom0_max_vcpus=2", ""), False, "has no dom0_max_vcpus"),
        ("(dom0-cpus many)", None, False, "gives Domain-0 2"),
        ("(dom0-cpus 0)", replacing(" dom0_max_vcpus=2", ""), True, "default: dom0-cpus 0"),
        ("(dom0-min-mem 1024)", None, True, "leaves Domain-0 1024 MiB"),
        ("(dom0-min-mem 1025)", None, False, "leaves Domain-0 1024 MiB"),
        ("(dom0-min-mem 512)", replacing("dom0_mem=1024M,max:1024M", "dom0_mem=min:512M"), True, "512 MiB or more"),
        ("(dom0-min-mem 512)", replacing("dom0_mem=1024M,max:1024M", "dom0_mem=min:512"), False, "0 MiB or more"),
        ("(dom0-min-mem 512)", replacing("dom0_mem=1024M,max:1024M", ""), False, "has no dom0_mem"),
        ("(enable-dom0-ballooning no)", None, True, "with dom0_mem"),
        ("(enable-dom0-ballooning yes)", None, True, "with dom0_mem"),
        ("(enable-dom0-ballooning no)", with_file("/etc/xen/xl.conf", 'autoballoon="on"'), False, "autoballoon is on"),
        ("(enable-dom0-ballooning no)", replacing("dom0_mem=1024M,max:1024M", ""), False, "no dom0_mem"),
        ("(enable-dom0-ballooning yes)", replacing("dom0_mem=1024M,max:1024M", ""), True, "no dom0_mem"),
        ("(total_available_memory 8)", None, False, "keeps no memory back"),
        ("(total_available_memory 8)", replacing("dom0_mem=1024M,max:1024M", "dom0_mem=-8G"), True, "dom0_mem=-8G"),
        ("(xsm_module_name flask)", None, False, "has no flask="),
        ("(xsm_module_name flask)", replacing("dom0_max_vcpus=2", "flask=enforcing"), True, "flask=enforcing"),
        ("(xsm_module_name flask)", replacing("dom0_max_vcpus=2", "flask=disabled"), False, "flask=disabled"),
        ("(xsm_module_name dummy)", None, True, "default: xsm_module_name"),
        ("(network-script network-bridge)", None, True, "there is the bridge xenbr0"),
        ("(network-script 'network-bridge netdev=eth0 bridge=xenbr0')", None, True, "the bridges are xenbr0"),
        ("(network-script 'network-bridge bridge=br7')", None, False, "the bridges are xenbr0"),
        ("(network-script network-bridge)", replacing(r"xenbr0 bridge", "xenbr0 plain"), False, "there is no bridge"),
        ("(network-script )", None, True, "default: network-script"),
        ("(vif-script vif-bridge)", None, True, "vif-bridge with the bridge xenbr0"),
        ("(vif-script 'vif-bridge bridge=br1')", None, False, "vif-bridge with the bridge xenbr0"),
        ("(vif-script vif-route)", None, False, "xl's default is vif-bridge"),
        (
            "(vif-script 'vif-route bridge=br1')",
            with_file("/etc/xen/xl.conf", 'vif.default.script="/etc/xen/scripts/vif-route"\ndefaultbridge="br1"'),
            True,
            "vif-route with the bridge br1",
        ),
        ("(xend-relocation-server yes)", None, True, "permitrootlogin is "),
        ("(xend-relocation-server yes)", replacing("permitrootlogin .*", "permitrootlogin no"), False, "login is no"),
        ("(xend-relocation-server no)", replacing("permitrootlogin .*", "permitrootlogin no"), True, "default:"),
        ("(xend-domain-lock yes)", with_file(LIBXL_CONF, '#lock_manager = "x"'), False, "it is not set there"),
        ("(xend-domain-lock yes)", with_file(LIBXL_CONF, 'lock_manager = "lockd"'), True, "lock_manager is lockd"),
        ("(xend-domain-lock yes)", with_file(LIBXL_CONF, 'lock_manager = "nop"'), False, "lock_manager is nop"),
        (
            "(xend-domain-lock yes)",
            lambda text: re.sub(f"(?m)^{LIBXL_CONF}:.*\n", "", text).replace(
                f"there {LIBXL_CONF}", f"missing {LIBXL_CONF}"
            ),
            False,
            f"there is no {LIBXL_CONF}",
        ),
        ("(vnc-listen 0.0.0.0)", None, True, "guest: vnc-listen 0.0.0.0 -> vnclisten"),
        ("(no-such-setting 1)", None, False, "missing: no-such-setting 1 -> no place is known"),
        ("(dom0-cpus 2)(dom0-cpus 7)", None, True, "none of the 1 settings"),
        ("# (dom0-cpus 7)\n", None, True, "none of the 0 settings"),
    ],
)
def test_each_rule_says_yes_and_no(sxp: str, change: Callable[[str], str] | None, yes: bool, said: str) -> None:
    answer = carried(sxp, *([change] if change else []))
    assert (answer.yes, said in answer.seen) == (yes, True), answer.seen


def test_what_nobody_can_tell_is_neither_missing_nor_there() -> None:
    with pytest.raises(NotEvaluable, match="only an administrator knows what the script 'network-nat' did"):
        carried("(network-script network-nat)")
    assert not carried("(network-script network-nat)(dom0-cpus 9)").yes


def test_what_the_source_cannot_know_is_not_missing() -> None:
    def without_xl(printed: str) -> str:
        return re.sub(r"@@xl-info\n.*@@xl-info 0\n", unknowable("xl-info", "a disk runs no Xen"), printed, flags=re.S)

    with pytest.raises(NotEvaluable, match="a disk runs no Xen"):
        carried("(dom0-cpus 2)", without_xl)
    assert carried("(vnc-listen 0.0.0.0)", without_xl).yes


@pytest.mark.parametrize("sxp", ["(dom0-cpus 2", "word", "((dom0-cpus) 2)", "()", "(vncpasswd 'x)"])
def test_what_is_no_configuration_is_refused(sxp: str) -> None:
    with pytest.raises(ParseError):
        carried(sxp)


def test_every_rule_is_used_and_every_setting_is_explained() -> None:
    assert {place.rule for place in places().values()} - {""} == set(_RULES)
    assert len(places()) >= 54
    for name, place in places().items():
        assert place.place, name
        assert not (place.rule and place.guest), name


@given(st.text(st.characters(exclude_characters="\n\r", exclude_categories=["Cs"]), min_size=1, max_size=30))
def test_a_password_never_reaches_a_recording(password: str) -> None:
    quoted = password.replace("\\", "\\\\").replace("'", "\\'")
    clean, count = redacted(f"(name x)(vncpasswd '{quoted}')(vfb (vncpasswd '{quoted}'))".encode())
    assert (clean, count) == (b"(name x)(vncpasswd [redacted])(vfb (vncpasswd [redacted]))", 2)


def test_an_empty_password_is_a_fact() -> None:
    assert redacted(b"(vncpasswd '')") == (b"(vncpasswd '')", 0)
    assert redacted(b'(vncpasswd)(spicepasswd abc)(passwd "")') == (
        b'(vncpasswd)(spicepasswd [redacted])(passwd "")',
        1,
    )
