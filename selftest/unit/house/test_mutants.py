"""The proof that checks can fail is itself able to fail: survivors, void mutants and red controls are told apart."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from selftest.mutants import __main__ as program
from selftest.mutants.bases import base
from selftest.mutants.checks import Check, check_of, judges, load_checks
from selftest.mutants.evaluate import evaluate
from selftest.mutants.everything import without_mutator
from selftest.mutants.hunt import hunt
from selftest.mutants.mutation import Case, Mutation
from selftest.mutants.raw import NotPossible, Raw
from selftest.mutants.recorded import DATA, from_folder
from selftest.mutants.registry import ELSEWHERE, MUTANT_FAMILIES
from selftest.mutants.report import Hunt, lines, render_html, render_json, write
from selftest.mutants.score import Fate, Mutant, Problem, ProfileScore
from selftest.mutants.synthesise import SYNTHESISED, synthesise
from xenproof.errors import NotEvaluable, ParseError
from xenproof.facts.packages import Packages
from xenproof.probing.answer import says
from xenproof.profile.expectation import Expectation
from xenproof.profile.load import list_profiles, load_profile
from xenproof.profile.schema import FAMILY_SHAPES
from xenproof.results.verdict import Outcome
from xenproof.suite.each import each, req
from xenproof.suite.expect import Expect
from xenproof.suite.outcome import COMPARED_NOTHING

PROFILE = load_profile("debian12")
GOOD = from_folder(DATA / "debian12-release")
PACKAGE = PROFILE.select("packages.xen-utils-4.17.installed")[0]
CHECKS = load_checks()


@req("S06")
@each("packages.*.installed")
def honest(packages: Packages, expected: Expectation, expect: Expect) -> None:
    """The package {name} is installed: {value}."""
    expect(expected, packages.installed(expected.name), by="dpkg-query", matches=says)


@req("S06")
@each("packages.*.installed")
def cannot_fail(packages: Packages, expected: Expectation, expect: Expect) -> None:
    """The package {name} is installed: {value}."""
    expect(expected, packages.installed(expected.name), by="dpkg-query", matches=lambda _want, _have: True)


@req("S06")
@each("packages.*.installed")
def cannot_pass(packages: Packages, expected: Expectation, expect: Expect) -> None:
    """The package {name} is installed: {value}."""
    expect(expected, packages.installed(expected.name), by="dpkg-query", matches=lambda _want, _have: False)


@req("S06")
@each("packages.*.installed")
def compares_nothing(packages: Packages, expected: Expectation, expect: Expect) -> None:
    """The package {name} is installed: {value}."""


@req("S06")
@each("packages.*.installed")
def skips_what_is_gone(packages: Packages, expected: Expectation, expect: Expect) -> None:
    """The package {name} is installed: {value}."""
    if not packages.installed(expected.name).yes:
        pytest.skip("not installed")
    expect(expected, True, by="dpkg-query")


@req("S06")
@each("packages.*.installed")
def crashes(packages: Packages, expected: Expectation, expect: Expect) -> None:
    """The package {name} is installed: {value}."""
    expect(expected, len(packages.versions[expected.name]) > 0, by="dpkg-query")


@req("S06")
@each("packages.*.installed")
def wants_what_nobody_has(moon: object, expected: Expectation, expect: Expect) -> None:
    """The package {name} is installed: {value}."""


def check(function: Callable[..., Any]) -> Check:
    found = check_of(function)
    assert found is not None
    return found


def hunted(*functions: Callable[..., Any], chosen: Expectation = PACKAGE) -> ProfileScore:
    return hunt(PROFILE, GOOD, "a real host", [check(function) for function in functions], [chosen])


def mutated_by(monkeypatch: pytest.MonkeyPatch, change: Callable[[Raw], Raw]) -> None:
    def mutator(case: Case) -> Iterator[Mutation]:
        yield Mutation("changed by a test", change(case.host))

    monkeypatch.setattr("selftest.mutants.hunt.mutator", lambda _family, _attribute: mutator)


def test_a_check_that_finds_the_broken_host_kills_its_mutants() -> None:
    score = hunted(honest)
    assert [mutant.what for mutant in score.of(Fate.KILLED)] == [
        "the package is gone",
        "the package was removed, its configuration is left",
        "the package could not be configured",
        "a package of a similar name is installed instead",
    ]
    assert score.proved
    assert score.controls == 1


def test_a_check_that_cannot_fail_leaves_survivors() -> None:
    score = hunted(cannot_fail)
    assert len(score.of(Fate.SURVIVED)) == len(score.mutants) == 4
    assert not score.proved


@pytest.mark.parametrize(
    "change",
    [
        lambda host: host.with_text("packages", ""),
        lambda host: host.with_text("packages", host.text("packages"), exit_code=2),
        lambda host: host.edited("packages", lambda rows: rows[:5]),
        lambda host: host.with_lines("packages", ["rpm", "what is this"]),
    ],
    ids=["empty", "failed", "cut", "foreign"],
)
def test_a_mutant_that_breaks_the_probe_is_void(monkeypatch: pytest.MonkeyPatch, change: Callable[[Raw], Raw]) -> None:
    mutated_by(monkeypatch, change)
    score = hunted(honest)
    assert [mutant.fate for mutant in score.mutants] == [Fate.VOID]
    assert score.mutants[0].reason.startswith("error: ")
    assert not score.proved


def test_an_identity_mutant_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    mutated_by(monkeypatch, lambda host: host.with_text("packages", host.text("packages")))
    for function in (honest, cannot_fail):
        score = hunted(function)
        assert [mutant.fate for mutant in score.mutants] == [Fate.VOID]
        assert "nothing was changed" in score.mutants[0].reason


def test_a_red_control_proves_nothing() -> None:
    score = hunted(cannot_pass)
    assert score.mutants == ()
    assert score.controls == 0
    assert [problem.key for problem in score.problems] == [PACKAGE.key]
    assert score.problems[0].what.startswith("the control is red: fail: expected yes, found yes")
    assert not score.proved


def test_a_check_that_compares_nothing_is_a_red_control() -> None:
    assert hunted(compares_nothing).problems[0].what == f"the control is red: error: {COMPARED_NOTHING}"


def test_a_check_that_looks_away_kills_nothing() -> None:
    for function, reason in ((skips_what_is_gone, "not applicable: not installed"), (crashes, "error: KeyError")):
        score = hunted(function)
        assert {mutant.fate for mutant in score.mutants} == {Fate.VOID}
        assert score.mutants[0].reason.startswith(reason)


def test_each_expectation_needs_exactly_one_check() -> None:
    assert hunted().problems == (Problem(PACKAGE.key, "0 checks are named for it, expected one"),)
    assert hunted(honest, cannot_fail).problems == (Problem(PACKAGE.key, "2 checks are named for it, expected one"),)


def test_a_family_without_a_mutator_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("selftest.mutants.hunt.mutator", lambda _family, _attribute: None)
    assert hunted(honest).problems == (Problem(PACKAGE.key, "no mutator for packages, installed"),)
    monkeypatch.setattr("selftest.mutants.everything.mutator", lambda family, _attribute: family != "packages" or None)
    assert without_mutator(CHECKS) == ["packages.installed", "packages.version"]


def test_an_expectation_without_a_mutant_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(case: Case) -> Iterator[Mutation]:
        yield from ()

    def impossible(case: Case) -> Iterator[Mutation]:
        yield Mutation("one", case.host.edited("packages", lambda rows: [*rows, "ii \tmutant\t1"]))
        raise NotPossible("there is no other")

    monkeypatch.setattr("selftest.mutants.hunt.mutator", lambda _family, _attribute: none)
    assert hunted(honest).problems == (Problem(PACKAGE.key, "it has no mutant"),)
    monkeypatch.setattr("selftest.mutants.hunt.mutator", lambda _family, _attribute: impossible)
    assert hunted(honest).problems == (Problem(PACKAGE.key, "a mutant could not be made: there is no other"),)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (NotEvaluable("a disk runs nothing"), Outcome.NOT_EVALUABLE),
        (ParseError("cut off"), Outcome.ERROR),
        (AssertionError("2 is not 3"), Outcome.FAIL),
        (ZeroDivisionError(), Outcome.ERROR),
    ],
)
def test_ends_mean_what_they_mean_to_the_suite(error: Exception, outcome: Outcome) -> None:
    @each("packages.*.installed")
    def ends(expected: Expectation) -> None:
        """It ends."""
        raise error

    assert evaluate(check(ends), PACKAGE, GOOD, PROFILE).outcome is outcome


def test_a_fixture_that_does_not_exist_is_an_error() -> None:
    end = evaluate(check(wants_what_nobody_has), PACKAGE, GOOD, PROFILE)
    assert end.outcome is Outcome.ERROR
    assert "'moon'" in end.reason


def test_each_check_is_loaded_and_each_has_a_mutator() -> None:
    files = {path.name for path in (Path(__file__).parents[3] / "tests" / "host").glob("test_*.py")}
    assert {found.name.partition("::")[0] for found in CHECKS} == files
    assert without_mutator(CHECKS) == []
    assert set(MUTANT_FAMILIES) | ELSEWHERE == set(FAMILY_SHAPES)
    for name, family in MUTANT_FAMILIES.items():
        assert set(family.MUTATORS) == set(FAMILY_SHAPES[name].attributes), name


def test_text_that_is_taken_apart_and_put_together_is_the_same() -> None:
    again = Raw.of(GOOD).recording()
    assert {name: output.stdout for name, output in again.outputs.items()} == {
        name: output.stdout for name, output in GOOD.outputs.items()
    }


def test_an_edit_changes_its_section_and_no_other() -> None:
    host = Raw.of(GOOD)
    other = host.edited("packages", lambda rows: [*rows, "ii \tmutant\t1"])
    assert host.text("packages") != other.text("packages")
    assert [name for name, found in other.recording().outputs.items() if found != GOOD.outputs[name]] == ["packages"]
    with pytest.raises(NotPossible, match="no probe printed a section 'moon'"):
        host.text("moon")


def test_a_synthesised_recording_says_what_it_is() -> None:
    found = synthesise(load_profile("sles12-sp1"))
    assert "no host printed this" in found.about[SYNTHESISED]
    assert base(load_profile("sles12-sp1")).origin.startswith("synthesised: from the profile sles12-sp1")
    assert base(load_profile("sles12")).origin.startswith("replica: ")
    assert base(PROFILE).origin.startswith("real: ")


def test_a_check_of_several_hosts_finds_what_is_broken_at_either() -> None:
    expected = next(found for found in PROFILE.expectations.values() if found.key == "ssh.peers.trusted")
    (trusted,) = judges(CHECKS, PROFILE)[expected.key]
    stranger = Raw.of(GOOD).with_lines("authorized", ["end"]).recording()
    assert evaluate(trusted, expected, GOOD, PROFILE).outcome is Outcome.PASS
    assert evaluate(trusted, expected, stranger, PROFILE, peer=GOOD).outcome is Outcome.PASS, "that is the other's"
    assert evaluate(trusted, expected, GOOD, PROFILE, peer=stranger).outcome is Outcome.FAIL
    score = hunt(PROFILE, GOOD, "a real host", [trusted], [expected])
    assert score.proved
    assert [mutant.what for mutant in score.mutants if mutant.what.startswith("the other host lets")] == [
        "the other host lets nobody in",
        "the other host lets a stranger in only",
        "the other host lets root's key run one command only",
    ]


@pytest.mark.parametrize("name", list_profiles())
def test_a_synthesised_recording_meets_every_expectation(name: str) -> None:
    profile = load_profile(name)
    found = synthesise(profile)
    named = judges(CHECKS, profile)
    judged = [expected for expected in profile.expectations.values() if expected.family not in ELSEWHERE]
    ends = {expected.key: evaluate(named[expected.key][0], expected, found, profile) for expected in judged}
    assert {key: end.reason for key, end in ends.items() if end.outcome is not Outcome.PASS} == {}


def profile_of_all(folder: Path) -> str:
    """A profile that promises each attribute that the schema has, also those that no profile of ours uses."""
    path = folder / "all.yaml"
    path.write_text(
        """\
name: all
extends: debian12
families:
  xl_conf:
    lockfile: {req: [S10], source: a test, status: documented, is: /var/lock/xl}
    output_format: {req: [S10], source: a test, status: documented, is: unset}
  packages:
    dpkg: {req: [S06], source: a test, status: documented, version: "=1.21.22, !=1.21.21"}
    tar: {req: [S06], source: a test, status: documented, version: ">1.34, <=1.36"}
  units:
    rescue.service: {req: [S05], source: a test, status: documented, active: inactive, enabled: static}
    emergency.service: {req: [S05], source: a test, status: documented, enabled: masked}
  grub:
    GRUB_CMDLINE_XEN: {req: [S01], source: a test, status: documented, has: ["loglvl=all", "guest_loglvl=all"]}
    GRUB_NEVER: {req: [S01], source: a test, status: documented, present: false}
  boot:
    hypervisor: {has: ["loglvl=all", "dom0_max_vcpus=2"]}
    kernel: {has: [quiet]}
  dom0:
    vcpus: {max: 2}
  bridges:
    br9: {req: [S11], source: a test, status: documented, exists: false}
    br8: {req: [S11], source: a test, status: documented, up: false, has_port: false}
  images:
    /srv/images: {req: [S03], source: a test, status: documented, snapshot_free: false}
  logs:
    /var/log/never.log: {req: [S17], source: a test, status: documented, rotated: false}
    /var/log/syslog.log: {req: [S17], source: a test, status: documented, mentions: kernel}
  mounts:
    /srv: {req: [S03], source: a test, status: documented, mounted: false}
    /media: {req: [S03], source: a test, status: documented, mounted: true, writable: false, filesystem: [iso9660]}
  settings:
    "/etc/conf:WORDS": {req: [S05], source: a test, status: documented, has: [one, two]}
  tools:
    no-such-tool: {req: [S22], source: a test, status: documented, runs: false}
    some-tool: {req: [S22], source: a test, status: documented, runs: true, version: ">=1.2, <2"}
  xenstore:
    /never: {req: [S07], source: a test, status: documented, exists: false}
  hypervisor:
    xen_pagesize: {req: [S07], source: a test, status: documented, range: "=4096"}
  ssh:
    peers: {req: [S11], source: a test, status: documented, trusted: true}
  integrity:
    xen-utils-common: {changed: [/usr/lib/xen/allowed]}
  leftovers:
    sxp_configs: {found: [/etc/xen/allowed]}
  systemd:
    manager: {failed: [allowed.service]}
""",
        "utf-8",
    )
    return str(path)


def test_every_attribute_can_be_made_so_and_broken(tmp_path: Path) -> None:
    profile = load_profile(profile_of_all(tmp_path))
    score = hunt(profile, synthesise(profile), "synthesised", CHECKS)
    assert [f"{problem.key}: {problem.what}" for problem in score.problems] == []
    assert [f"{mutant.key}: {mutant.what}: {mutant.fate} {mutant.reason}" for mutant in score.mutants
            if mutant.fate is not Fate.KILLED] == []  # fmt: skip
    tried = {tuple(found.path[::2]) for found in profile.expectations.values()}
    assert tried == {(family, name) for family, shape in FAMILY_SHAPES.items() for name in shape.attributes}


@pytest.mark.parametrize("fate", [Fate.SURVIVED, Fate.VOID])
def test_whatever_is_not_killed_is_told(fate: Fate, tmp_path: Path) -> None:
    bad = Mutant("packages.<b>.installed", "the package is gone", "test_packages.py::a", fate, "because")
    good = Mutant("units.a.active", "the unit is stopped", "test_units.py::b", Fate.KILLED)
    done = Hunt([ProfileScore("debian12", "real: x", (bad, good), (), 2)], [], 1.0)
    assert not done.proved
    assert done.conclusion == f"1 of 2 mutants {'survived' if fate is Fate.SURVIVED else 'void'}"
    text = "\n".join(lines(done))
    assert re.search(rf"^{fate} +debian12: packages\.<b>\.installed: the package is gone", text, re.MULTILINE)
    assert re.search(r"^packages +1 +0 .* 0 %$", text, re.MULTILINE)
    assert re.search(r"^units +1 +1 +0 +0 +100 %$", text, re.MULTILINE)
    page = render_html(done)
    assert "packages.&lt;b&gt;.installed" in page
    assert set(re.findall(r'\b(?:src|href)="([^"#]+)', page)) == {"data:,", "score.json"}
    write(done, tmp_path)
    data = json.loads((tmp_path / "score.json").read_text("utf-8"))
    assert data["proved"] is False
    assert [row["fate"] for row in data["profiles"][0]["mutants"]] == [str(fate), "killed"]


def test_a_whole_run_is_proved_only_if_all_of_it_is() -> None:
    killed = Mutant("units.a.active", "the unit is stopped", "test_units.py::b", Fate.KILLED)
    good = ProfileScore("debian12", "real: x", (killed,), (), 1)
    assert Hunt([good], [], 1.0).proved
    assert Hunt([good], [], 1.0).conclusion == "each of 1 mutants of 1 profile was killed"
    assert not Hunt([good], ["moons.phase"], 1.0).proved
    assert not Hunt([good, ProfileScore("debian", "real: y", (), (), 0)], [], 1.0).proved, "a profile without a mutant"
    assert not Hunt([], [], 1.0).proved
    unproved = ProfileScore("debian", "real: y", (killed,), (Problem("units.b.active", "it has no mutant"),), 1)
    assert Hunt([unproved], [], 1.0).conclusion == "nothing proved about 1 expectation"
    assert json.loads(render_json(Hunt([unproved], [], 1.0)))["profiles"][0]["problems"] == [
        {"expectation": "units.b.active", "what": "it has no mutant"}
    ]


def test_the_program_says_by_its_status_whether_all_is_proved(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert program.main(["debian12", "--report", str(tmp_path)]) == 0
    assert "of 1 profile was killed" in capfd.readouterr().out
    assert json.loads((tmp_path / "score.json").read_text("utf-8"))["score"]["score"] == "100 %"
    monkeypatch.setattr(program, "without_mutator", lambda _checks: ["moons.phase"])
    assert program.main(["debian12", "--report", str(tmp_path)]) == program.NOT_PROVED
    assert "no mutator for moons.phase" in capfd.readouterr().out


def test_a_profile_that_is_not_there_is_a_wrong_call(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert program.main(["debain12", "--report", str(tmp_path / "none")]) == 4
    assert "found debain12" in capfd.readouterr().err
    assert not (tmp_path / "none").exists()
