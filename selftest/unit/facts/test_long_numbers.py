"""A number of 5,000 digits, which Python does not take, is an XenproofError wherever a host or a guest prints one."""

import contextlib
import re
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from selftest.corpus import folders, transcripts
from xenproof.errors import NotEvaluable, ParseError, XenproofError
from xenproof.facts.clock import Clock
from xenproof.facts.families import FAMILIES
from xenproof.facts.images import IMAGES
from xenproof.facts.integrity import INTEGRITY
from xenproof.facts.xl import XL_INFO
from xenproof.guest.host.lease import parse_capacity
from xenproof.guest.host.medium import parse_extents
from xenproof.profile.load import load_profile
from xenproof.source.probe import ProbeOutput, Recording
from xenproof.xen.cost import parse_cost
from xenproof.xen.domains import parse_free_memory, parse_xl_list
from xenproof.xen.processors import parse_affinity, parse_cpus, parse_nodes, parse_pools
from xenproof.xen.xenstore import parse_xenstore
from xenproof.xlcfg.backend_rule import is_vdev
from xenproof.xlcfg.lint import lint
from xenproof.xlcfg.of_profile import series_of

RECORDINGS = Path(__file__).parents[2] / "data" / "recordings"
SLES = load_profile("sles12")
MANY = "9" * 5000
NUMBER = re.compile(rb"\d+")


@cache
def recording() -> Recording:
    return Recording.read(RECORDINGS / "sles12-replica.json")


def with_output(probe: str, stdout: bytes) -> Recording:
    found = recording()
    return replace(found, outputs={**found.outputs, probe: ProbeOutput(probe, stdout, b"", 0)})


def read_all(found: Recording) -> None:
    """Have every family read; only what is an error of the host may come out."""
    for family in FAMILIES:
        with contextlib.suppress(XenproofError):
            family.of(found, SLES)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_number_of_a_probe_may_have_thousands_of_digits(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(recording().outputs)))
    stdout = recording().outputs[name].stdout
    numbers = list(NUMBER.finditer(stdout))
    chosen = data.draw(st.sampled_from(numbers)) if numbers else None
    if chosen is not None:
        read_all(with_output(name, stdout[: chosen.start()] + MANY.encode() + stdout[chosen.end() :]))


@pytest.mark.parametrize(
    ("probe", "old", "read"),
    [
        ("xen", rb"(?m)^(nr_cpus +: )\d+", lambda found, profile: XL_INFO.of(found, profile).cpus),
        ("host", rb"(?m)^(\S+ +btrfs +\d+ +\d+ +)\d+", lambda found, profile: IMAGES.of(found, profile)),
        ("integrity", rb"(?m)^(verified )\d+", lambda found, profile: INTEGRITY.of(found, profile)),
    ],
    ids=["xl info", "df", "rpm -V"],
)
def test_a_number_of_thousands_of_digits_is_a_parse_error(
    probe: str, old: bytes, read: Callable[[Recording, object], object]
) -> None:
    names = [name for name, output in recording().outputs.items() if re.search(old, output.stdout)]
    assert names, probe
    for name in names:
        stdout, count = re.subn(old, lambda match: match[1] + MANY.encode(), recording().outputs[name].stdout)
        assert count
        with pytest.raises(ParseError):
            read(with_output(name, stdout), SLES)


@pytest.mark.parametrize("about", [{"seconds": "nan"}, {"seconds": "inf"}, {"seconds": MANY}, {"seconds": "1e400"}])
def test_a_recording_that_does_not_say_how_long_it_took_tells_no_skew(about: dict[str, str]) -> None:
    found = replace(recording(), about=about, taken="2026-01-01T00:00:00+00:00")
    clock = ProbeOutput("host", b"@@clock\n1\n\n@@clock 0\n", b"", 0)
    with pytest.raises(NotEvaluable, match="does not say when"):
        _ = Clock(replace(found, outputs={name: clock for name in found.outputs}), SLES).skew_s


PARSERS: dict[str, Callable[[str], object]] = {
    "xl list": parse_xl_list,
    "xl info": parse_free_memory,
    "xl info -n": parse_nodes,
    "xl vcpu-list": lambda text: parse_affinity(text, frozenset({0})),
    "xl cpupool-list -c": parse_pools,
    "xenstore-ls -f": parse_xenstore,
}


@pytest.mark.parametrize("folder", folders())
def test_any_number_of_a_command_may_have_thousands_of_digits(folder: str) -> None:
    seen = 0
    for row in transcripts(folder):
        for command, parse in PARSERS.items():
            if not row.command.startswith(command):
                continue
            for number in list(re.finditer(r"\d+", row.out))[:60]:
                seen += 1
                with contextlib.suppress(XenproofError):
                    parse(row.out[: number.start()] + MANY + row.out[number.end() :])
    assert seen


LIST = "Name                                        ID   Mem VCPUs\tState\tTime(s)\nDomain-0  {} {} {}  r-----  {}.0\n"
MEMINFO = "MemTotal: {0} kB\nMemFree: 1 kB\nBuffers: 1 kB\nCached: 1 kB\ncpu 1 {1} 1 1 1 1 1 1\nfree_memory : {2}\n"
EXTENTS = "File size of /x is 4096 (1 block of {0} bytes)\n   0: 0.. {1}: 5.. 5: {2}: last,eof\n"


@pytest.mark.parametrize("at", range(4))
def test_each_number_has_its_bound(at: int) -> None:
    numbers = ["0", "1", "1", "1"]
    numbers[at] = MANY
    with pytest.raises(ParseError):
        parse_xl_list(LIST.format(*numbers))
    if at < 3:
        with pytest.raises(ParseError):
            parse_cost(MEMINFO.format(*numbers[:3]))
        numbers[0] = MANY if at == 0 else "4096"
        if at == 0:
            with pytest.raises(ParseError):
                parse_extents(EXTENTS.format(*numbers))
        else:
            assert parse_extents(EXTENTS.format(*numbers)).extents == []
    with pytest.raises(ParseError):
        parse_cpus(MANY)
    with pytest.raises(ParseError):
        parse_capacity(
            f"request x {MANY} 1 1\nxl list\n{LIST.format(0, 1, 1, 1)}\nxl info\nnr_cpus : 1\nfree_memory : 1\n"
        )
    assert not is_vdev(f"xvda{MANY}")


@pytest.mark.parametrize("value", [MANY, f"0x{MANY}", "0755", "0", "00", "x", "-1"])
def test_a_number_of_a_configuration_is_one_or_is_warned_of(value: str) -> None:
    memory = value if value[0].isdigit() else 1
    text = f'name = "x"\nmemory = {memory}\nspice = 1\nspicedisable_ticketing = "{value}"\n'
    found = lint(text, series_of(load_profile("debian12")))
    assert any("memory is not a number" in finding.text for finding in found) == (len(value) > 64)


def test_a_long_line_of_a_command_is_gone_through_once() -> None:
    began = time.monotonic()
    for filling in (" " * 500_000, " x" * 250_000, " 1" * 250_000, "\t" * 500_000):
        for command, parse in PARSERS.items():
            head = {"xl list": LIST.splitlines()[0], "xl vcpu-list": "Name ID VCPU CPU State Time(s) CPU"}.get(
                command, ""
            )
            with contextlib.suppress(XenproofError):
                parse(f"{head}\nDomain-0{filling}/\n")
    assert time.monotonic() - began < 30
