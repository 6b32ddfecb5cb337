"""The bench against plain testinfra: its questions are those of the profile, and its figures add up."""

import ast
import builtins
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from selftest.bench import plain
from selftest.bench.question import HERE, Question, Questions, fixtures_of, questions
from selftest.bench.result import Result
from selftest.bench.side import Answers
from selftest.mutants.checks import judges, load_checks
from xenproof.profile.load import list_profiles, load_profile

GRUB_CFG = "/boot/grub/grub.cfg:"
HOST = Path(__file__).parents[2] / "data" / "debian12" / "host.txt"


@pytest.fixture(scope="module")
def debian12() -> Questions:
    return questions(load_profile("debian12"))


@pytest.fixture(scope="module")
def grub_cfg() -> str:
    lines = HOST.read_text("utf-8").splitlines()
    return "\n".join(line.removeprefix(GRUB_CFG) for line in lines if line.startswith(GRUB_CFG))


def names_of(module: ModuleType) -> set[str]:
    return set(vars(module)) | set(dir(builtins)) | {"host"}


@pytest.mark.parametrize("name", list_profiles())
def test_each_expectation_is_asked_or_has_a_reason(name: str) -> None:
    profile = load_profile(name)
    found = questions(profile)
    asked = [question.key for question in found.asked]
    assert sorted([*asked, *found.not_asked]) == sorted(expected.key for expected in profile.expectations.values())
    assert all(len(reason.split()) > 5 for reason in found.not_asked.values())


def test_what_xenproof_judges_of_one_host_is_asked(debian12: Questions) -> None:
    judged = {key for key, checks in judges(load_checks(), load_profile("debian12")).items() if checks}
    assert {question.key for question in debian12.asked} == judged - {"ssh.peers.trusted"}
    assert len(debian12.asked) >= 250


def test_each_question_has_a_test_of_its_own_that_asserts(debian12: Questions) -> None:
    module = ast.parse(debian12.module())
    tests = [node for node in module.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]
    assert len({test.name for test in tests}) == len(tests) == len(debian12.asked)
    assert [test.name for test in tests if not any(isinstance(node, ast.Assert) for node in ast.walk(test))] == []


@pytest.mark.parametrize("name", list_profiles())
def test_questions_use_nothing_but_the_head_of_their_module(name: str) -> None:
    found = questions(load_profile(name))
    unknown = {question.key: question.names - names_of(plain) for question in found.asked}
    assert {key: names for key, names in unknown.items() if names} == {}


def test_the_module_needs_no_xenproof(debian12: Questions) -> None:
    assert "xenproof" not in debian12.module().replace("Nothing of xenproof is in it.", "")


def test_what_questions_share_is_asked_once_unless_it_is_to_be_unshared(debian12: Questions) -> None:
    shared, unshared = debian12.module(), debian12.module(shared=False)
    assert shared.count('scope="module"') >= 5
    assert "scope=" not in unshared
    assert fixtures_of(unshared) == fixtures_of(shared)


def test_a_test_asks_for_the_fixtures_that_it_uses() -> None:
    question = Question("logs.xl dmesg.readable", 'path = "/x"\nassert said("xl dmesg") and path')
    text = question.test(fixtures_of((HERE / "plain.py").read_text("utf-8")))
    assert text.startswith("def test_logs_xl_dmesg_readable(said):\n    path =")


def test_an_expectation_that_nobody_wrote_a_question_for_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("selftest.bench.question._table", lambda: {"not asked": {}, "units": {}})
    with pytest.raises(KeyError, match=r"units\.xen\.service\.exists"):
        questions(load_profile("debian12"))


@pytest.mark.parametrize(
    ("version", "wanted", "holds"),
    [
        ("4.17.5+72-g01140da4e8-1", ">=4.17, <4.18", True),
        ("4.18.0-1", ">=4.17, <4.18", False),
        ("1:7.2+dfsg-7+deb12u18", ">=1:7.2, <1:7.3", True),
        ("2", ">=1, <=4095", True),
        ("4096", ">=1, <=4095", False),
        ("4.4.1_06-2.2", "=4.4.1", True),
        ("4.4.2_06-2.2", "=4.4.1", False),
    ],
)
def test_the_plain_module_compares_versions(version: str, wanted: str, holds: bool) -> None:
    assert plain.within(version, wanted) is holds


def test_the_plain_module_reads_grub_cfg(grub_cfg: str) -> None:
    entry = plain.xen_entry(grub_cfg)
    assert plain.own_options(entry["xen"])[-2:] == ["dom0_mem=1024M,max:1024M", "dom0_max_vcpus=2"]
    assert plain.own_options(entry["kernel"]) == ["console=hvc0", "quiet", "net.ifnames=0"]
    assert plain.default_loads_xen(grub_cfg)
    assert not plain.default_loads_xen(
        grub_cfg.replace('default="Debian GNU/Linux, with Xen hypervisor"', 'default="0"')
    )


def test_the_plain_module_reads_boot_options() -> None:
    options = "placeholder com1=115200,8n1 console=com1,vga dom0_mem=2G,max:2G dom0_max_vcpus=2"
    assert (plain.dom0_mem(options), plain.dom0_max_vcpus(options)) == (2048, 2)
    assert (plain.dom0_mem("dom0_mem=2G,max:3G"), plain.dom0_max_vcpus("")) == (None, None)
    assert plain.consoles(options) == ["com1", "vga"]
    assert plain.xen_console_is_set_up(options)
    assert not plain.xen_console_is_set_up("com1=115200,8n1")
    assert not plain.leaves_the_uart(options, "console=ttyS0,115200")


def test_the_plain_module_passes_over_changed_configuration() -> None:
    said = "??5?????? c /etc/xen/xl.conf\n??5??????   /usr/sbin/xl\nmissing     /usr/sbin/xentop\n"
    assert plain.changed_files(said) == ["/usr/sbin/xl", "/usr/sbin/xentop"]


def answers(yes: dict[str, bool], seconds: float) -> Answers:
    return Answers(yes, len(yes), seconds, dict.fromkeys(yes, "because"))


def result(plain_yes: dict[str, bool], *runs: tuple[dict[str, bool], float]) -> Result:
    asked = Questions(tuple(Question(key, "assert host") for key in ("a.b.c", "d.e.f")), {})
    return Result(asked, answers(plain_yes, 120.0), [answers(yes, seconds) for yes, seconds in runs])


BOTH: dict[str, Any] = {"a.b.c": True, "d.e.f": False}


def test_the_last_line_is_the_ratio_to_the_median() -> None:
    found = result(BOTH, (BOTH, 4.0), (BOTH, 9.0), (BOTH, 5.0))
    assert list(found.problems()) == []
    assert list(found.lines())[-1] == (
        "plain testinfra takes 24.0 x the time of xenproof (120.0 s against 5.0 s, 2 questions)"
    )


@pytest.mark.parametrize(
    ("plain_yes", "xenproof_yes", "problem"),
    [
        ({"a.b.c": True}, BOTH, "d.e.f: plain testinfra did not answer"),
        (BOTH, {"d.e.f": False}, "a.b.c: xenproof did not answer"),
        (BOTH, {"a.b.c": True, "d.e.f": True}, "d.e.f: plain testinfra says no (because), xenproof says yes"),
    ],
)
def test_a_question_without_the_same_answer_is_a_problem(
    plain_yes: dict[str, bool], xenproof_yes: dict[str, bool], problem: str
) -> None:
    assert list(result(plain_yes, (BOTH, 4.0), (xenproof_yes, 4.0)).problems()) == [problem]
