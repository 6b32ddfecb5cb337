"""Every parser: real output, the bad inputs, and whatever else a host may print."""

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xenproof.errors import NotEvaluable, ParseError
from xenproof.facts.families import FAMILIES, probes
from xenproof.probing.family import Family
from xenproof.probing.sections import printed, section, sections, unknowable
from xenproof.profile.load import load_profile
from xenproof.source.probe import ProbeOutput

DATA = Path(__file__).parents[2] / "data" / "debian12-release"
PROFILE = load_profile("debian12")

# The section that a family is read from, where it is not called as the family.
SECTIONS = {
    "hypervisor": "xl-info",
    "domain0": "xl-list",
    "xl_commands": "xl-help",
    "xl_dmesg": "xl-dmesg",
    "units": "show",
    "systemd": "list-units",
    "files": "stat",
    "texts": "text",
    "grub": "text",
    "grub_menu": "text",
    "xl_conf": "text",
    "ports": "text",
    "modules": "text",
    "images": "df",
    "qemu": "qemu-help",
    "libvirt": "virsh",
    "kernel": "text",
    "kernel_config": "kernel-config",
    "mounts": "text",
    "subvolumes": "image-devices",
    "xend_config": "text",
}

every_family = pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)


def real(family: Family[Any]) -> ProbeOutput:
    name = family.probe(PROFILE).name
    return ProbeOutput(name, (DATA / f"{name}.txt").read_bytes(), b"", 0)


def section_of(family: Family[Any]) -> str:
    return SECTIONS.get(family.name, family.name)


def with_body(output: ProbeOutput, name: str, body: str, exit_code: int = 0) -> ProbeOutput:
    pattern = re.compile(rf"(?<=@@{re.escape(name)}\n).*?\n@@{re.escape(name)} \d+\n", re.DOTALL)
    text, count = pattern.subn(lambda _: f"{body}\n@@{name} {exit_code}\n", output.text, count=1)
    assert count == 1, name
    return ProbeOutput(output.name, text.encode("utf-8", "surrogatepass"), b"", 0)


def body_of(family: Family[Any]) -> str:
    return sections(real(family))[section_of(family)].text


@every_family
def test_real_output_is_read(family: Family[Any]) -> None:
    assert family.parse(real(family))


@every_family
def test_nothing_is_refused(family: Family[Any]) -> None:
    with pytest.raises(ParseError):
        family.parse(ProbeOutput("x", b"", b"", 0))


@every_family
def test_an_empty_section_is_refused(family: Family[Any]) -> None:
    with pytest.raises(ParseError):
        family.parse(with_body(real(family), section_of(family), ""))


@every_family
def test_a_first_line_alone_is_refused(family: Family[Any]) -> None:
    if family.name in {"xl_dmesg", "commands", "clock", "kernel_config", "subvolumes", "xenstore"}:
        pytest.skip("its first line is all that it needs; what is not in the list is refused when asked for")
    first = body_of(family).split("\n")[0] + "\n"
    with pytest.raises(ParseError):
        family.parse(with_body(real(family), section_of(family), first))


@every_family
def test_output_that_is_cut_off_is_refused(family: Family[Any]) -> None:
    output = real(family)
    begin = output.text.index(f"@@{section_of(family)}\n")
    middle = begin + len(body_of(family)) // 2
    for cut in (begin + 3, begin + len(section_of(family)) + 3, middle, middle + len(body_of(family)) // 2):
        with pytest.raises(ParseError):
            family.parse(ProbeOutput(output.name, output.text[:cut].encode(), b"", 0))


@every_family
@pytest.mark.parametrize("foreign", ["ls: cannot open directory '/': Permission denied\n", "{}\n", "\0\0\n"])
def test_a_line_of_another_shape_is_refused(family: Family[Any], foreign: str) -> None:
    with pytest.raises(ParseError):
        family.parse(with_body(real(family), section_of(family), foreign))


@every_family
def test_a_command_that_is_not_there_is_refused(family: Family[Any]) -> None:
    with pytest.raises(ParseError, match="exit code 127"):
        family.parse(with_body(real(family), section_of(family), body_of(family), exit_code=127))


@every_family
@settings(deadline=None, max_examples=60)  # a busy machine is slow, not wrong
@given(data=st.data())
def test_whatever_a_host_prints_is_a_value_or_an_error(family: Family[Any], data: st.DataObject) -> None:
    body = body_of(family)
    begin = data.draw(st.integers(0, len(body)))
    end = data.draw(st.integers(begin, min(begin + 200, len(body))))
    wild = st.text(st.characters(exclude_categories=["Cs"]), max_size=40) | st.sampled_from(
        ["\n", "\n@@x 0\n", f"\n@@{section_of(family)} 0\n", "=", ":", " 0 ", "'", '"', "$(id)", "{", "}", "\u0663"]
    )
    changed = body[:begin] + data.draw(wild) + body[end:]
    try:
        family.parse(with_body(real(family), section_of(family), changed))
    except (ParseError, NotEvaluable):
        return


@every_family
@settings(deadline=None, max_examples=60)
@given(text=st.binary(max_size=200))
def test_whatever_is_printed_instead_is_refused(family: Family[Any], text: bytes) -> None:
    with pytest.raises(ParseError):
        family.parse(ProbeOutput("x", text, b"", 0))


def test_a_section_that_comes_twice_is_refused() -> None:
    with pytest.raises(ParseError, match="twice"):
        sections(ProbeOutput("x", b"@@a\n1\n\n@@a 0\n@@a\n2\n\n@@a 0\n", b"", 0))


def test_a_section_that_its_source_cannot_know_says_why() -> None:
    output = ProbeOutput("x", (printed("a", "1\n") + unknowable("b", "a disk\nruns nothing")).encode(), b"", 0)
    assert section(output, "a").ended_with(0).lines == ["1"]
    with pytest.raises(NotEvaluable, match=r"^a disk runs nothing$"):
        section(output, "b")


def test_text_between_sections_is_refused() -> None:
    with pytest.raises(ParseError, match="beginning of a section"):
        sections(ProbeOutput("x", b"@@a\n1\n\n@@a 0\nforged\n@@b\n2\n\n@@b 0\n", b"", 0))


def test_a_line_that_is_far_too_long_is_refused() -> None:
    with pytest.raises(ParseError, match="8193 letters"):
        _ = sections(ProbeOutput("x", b"@@a\n" + b" " * 8193 + b"\n\n@@a 0\n", b"", 0))["a"].lines


def test_each_probe_is_asked_once() -> None:
    names = [probe.name for probe in probes(PROFILE)]
    assert sorted(names) == sorted(set(names))
    assert {family.probe(PROFILE).name for family in FAMILIES} == set(names)
