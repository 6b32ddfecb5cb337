"""What probes print: each family's parser, and all that checks make of it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from selftest.fuzz.judged import judge
from selftest.fuzz.target import Choice, FuzzTarget, text_of
from selftest.mutants.bases import base
from xenproof.errors import XenproofError
from xenproof.facts.families import FAMILIES
from xenproof.probing.family import Family
from xenproof.probing.sections import printed, section_names, sections
from xenproof.profile.load import load_profile
from xenproof.profile.profile import Profile
from xenproof.source.probe import ProbeOutput, Recording

_PROFILES = ("debian12", "sles12")
_LONGEST = 1 << 16
_LINES = 60
_WORDS = (
    *(b"\n@@text 0\n", b"\n@@show 0\n", b"unknowable x\n", b"there /", b"missing /", b"unknown /x\ty\n", b"loaded"),
    *(
        b"rpm\n",
        b"deb\n",
        b"sums xen\n",
        b"verified 0\n",
        b"/etc/xen/xl.conf:",
        b"menuentry 'x' {\n",
        b"submenu",
        b"}\n",
    ),
    *(
        b"${",
        b'="',
        b"$(",
        b"\\\n",
        b"set default=",
        b"multiboot",
        b"GRUB_DEFAULT=saved",
        b"(domain ",
        b"(vbd ",
        b"0A ",
    ),
)


def _parser(family: Family[Any]) -> Callable[[bytes], object]:
    def parse(data: bytes) -> object:
        return family.parse(ProbeOutput(family.name, data, b"", 0))

    return parse


_FACTS = Choice({family.name: _parser(family) for family in FAMILIES})


@cache
def _host(name: str) -> tuple[Profile, Recording]:
    profile = load_profile(name)
    return profile, base(profile).recording


@cache
def _fact_seeds() -> Sequence[bytes]:
    return [
        _FACTS.input(family.name, seed)
        for profile, recording in map(_host, _PROFILES)
        for family in FAMILIES
        if (output := recording.outputs.get(family.probe(profile).name)) is not None
        for seed in _reduced(family, output)
    ]


def _reduced(family: Family[Any], output: ProbeOutput) -> list[bytes]:
    """The output without the sections that the family does not look at, and that with short sections."""
    try:
        rows = {name: (one.text, one.exit_code) for name, one in sections(output).items() if not one.unknowable}
    except XenproofError:
        return []
    for name in list(rows):
        less = {other: row for other, row in rows.items() if other != name}
        if less and _is_read(family, less):
            rows = less
    whole = dict(rows)
    for name, (text, code) in rows.items():
        lines = text.splitlines(keepends=True)
        short = {**rows, name: ("".join(lines[:_LINES]), code)}
        if len(lines) > _LINES and _is_read(family, short):
            rows = short
    found = {_output(whole), _output(rows)}
    return sorted(seed for seed in found if len(seed) < _LONGEST and _is_read(family, rows))


def _is_read(family: Family[Any], rows: dict[str, tuple[str, int]]) -> bool:
    try:
        family.parse(ProbeOutput("x", _output(rows), b"", 0))
    except XenproofError:
        return False
    return True


def _output(rows: dict[str, tuple[str, int]]) -> bytes:
    return "".join(printed(name, text, code) for name, (text, code) in rows.items()).encode("utf-8", "replace")


@cache
def _sections_of(name: str) -> list[tuple[str, str]]:
    """Each section that a profile's probes print, with its probe."""
    profile, _ = _host(name)
    probes = {family.probe(profile).name: family.probe(profile) for family in FAMILIES}
    return [(probe.name, one) for probe in probes.values() for one in section_names(probe.script)]


def _judged(data: bytes) -> None:
    """The first bytes pick a profile and a section of its good host, the rest is what that holds instead."""
    if len(data) < 3:
        return
    name = _PROFILES[data[0] % len(_PROFILES)]
    profile, recording = _host(name)
    choices = _sections_of(name)
    probe, one = choices[int.from_bytes(data[1:3], "little") % len(choices)]
    text = text_of(data[3:])
    if (output := recording.outputs.get(probe)) is None:
        return
    rows = {other: (row.text, row.exit_code) for other, row in sections(output).items() if not row.unknowable}
    changed = ProbeOutput(probe, _output({**rows, one: (text, 0)}), b"", 0)
    judge(replace(recording, outputs={**recording.outputs, probe: changed}), profile)


@cache
def _judged_seeds() -> Sequence[bytes]:
    found: list[bytes] = []
    for at, name in enumerate(_PROFILES):
        _, recording = _host(name)
        for number, (probe, one) in enumerate(_sections_of(name)):
            output = recording.outputs.get(probe)
            if output is None or (row := sections(output).get(one)) is None:
                continue
            text = "".join(row.text.splitlines(keepends=True)[:_LINES])
            found.append(bytes([at]) + number.to_bytes(2, "little") + text.encode())
    return found


TARGETS = (
    FuzzTarget("facts", _FACTS, _fact_seeds, words=_WORDS, longest=_LONGEST),
    FuzzTarget("judged", _judged, _judged_seeds, words=_WORDS, longest=1 << 14),
)
