"""Every parser of what xl prints, over all transcripts of real hosts.

What is right is decided by other means than the parsers': by splitting lines at blanks or at fixed columns.
A parser has to read what is its command's, and to refuse all else or give what really stands there.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from selftest.corpus import Transcript, folders, of_command, transcripts
from xenproof.errors import ParseError
from xenproof.facts.dom0 import SLACK_MIB, dom0_mem, dom0_vcpus
from xenproof.facts.versions import Versions
from xenproof.facts.xl import Domain0, parse_xl_dmesg, parse_xl_help, parse_xl_info
from xenproof.facts.xl import parse_xl_list as parse_domain0
from xenproof.probing.sections import printed
from xenproof.profile.load import load_profile
from xenproof.source.probe import ProbeOutput, Recording
from xenproof.xen.domains import DomainRow, parse_free_memory, parse_xl_list

T = TypeVar("T")

every_host = pytest.mark.parametrize("folder", folders())


def output(section: str, row: Transcript) -> ProbeOutput:
    """The transcript as a host's probe would have brought it."""
    text = printed(section, row.out, row.exit_status or 0)
    return ProbeOutput("xen", text.encode("utf-8", "surrogateescape"), b"", 0)


def given_by(parse: Callable[[Transcript], T], row: Transcript) -> T | None:
    """What a parser gives, None where it refuses; any other exception is the test's end."""
    try:
        return parse(row)
    except ParseError:
        return None


def disagreements(
    folder: str, parse: Callable[[Transcript], T], right: Callable[[Transcript], T | None]
) -> tuple[list[str], list[str]]:
    """The transcripts that a parser takes otherwise than is right, and those that it gives something for."""
    rows = transcripts(folder)
    found = {row.name: (given_by(parse, row), right(row)) for row in rows}
    wrong = [f"{name}: {have!r:.300}, expected {want!r:.300}" for name, (have, want) in found.items() if have != want]
    return wrong, [name for name, (have, _) in found.items() if have is not None]


# xl list


def columns(text: str) -> list[list[str]] | None:
    """Six columns of each line, split at blanks from the right; None for any other table."""
    header, *lines = text.replace("\r\n", "\n").removesuffix("\n").split("\n")
    rows = [line.rsplit(None, 5) for line in lines]
    if header.split() != ["Name", "ID", "Mem", "VCPUs", "State", "Time(s)"] or not rows:
        return None
    whole = all(len(row) == 6 and "".join(row[1:4]).isdecimal() and len(row[4]) == 6 for row in rows)
    return rows if whole and all(row[5].replace(".", "", 1).isdecimal() for row in rows) else None


def all_domains(row: Transcript) -> list[DomainRow] | None:
    rows = columns(row.out)
    if rows is None or rows[0][1] != "0":
        return None
    return [DomainRow(name, int(domid), int(mem), int(vcpus), state) for name, domid, mem, vcpus, state, _ in rows]


def only_domain0(row: Transcript) -> Domain0 | None:
    rows = columns(row.out)
    if row.exit_status != 0 or "\r" in row.out or rows is None or len(rows) != 1 or rows[0][1] != "0":
        return None
    return Domain0(int(rows[0][2]), int(rows[0][3]))


@every_host
def test_xl_list_gives_each_domain_with_its_numbers(folder: str) -> None:
    wrong, read = disagreements(folder, lambda row: parse_xl_list(row.out), all_domains)
    assert wrong == []
    assert {row.name for row in of_command(transcripts(folder), "xl list") if row.exit_status == 0} <= set(read)


@every_host
def test_xl_list_0_gives_domain_0_alone(folder: str) -> None:
    wrong, read = disagreements(folder, lambda row: parse_domain0(output("xl-list", row)), only_domain0)
    assert wrong == []
    assert {row.name for row in of_command(transcripts(folder), "xl list 0")} <= set(read)


@every_host
def test_the_first_row_of_xl_list_is_what_xl_list_0_prints(folder: str) -> None:
    lists = [row for row in of_command(transcripts(folder), "xl list") if "\r" not in row.out]
    assert lists
    for row in lists:
        alone = replace(row, stdout="".join(row.out.splitlines(keepends=True)[:2]).encode())
        assert parse_domain0(output("xl-list", alone)) == only_domain0(alone)


@pytest.mark.parametrize(
    ("name", "domains"),
    [
        ("xl_list", [("Domain-0", 0, 1024, 2, "r-----")]),
        ("tty_xl_list", [("Domain-0", 0, 1024, 2, "r-----"), ("g1", 45, 192, 1, "-b----")]),
        ("xl_list_paused", [("Domain-0", 0, 1024, 2, "r-----"), ("g1", 1, 192, 1, "-b----"),
                            ("g2", 2, 192, 1, "-b----"), ("g3", 3, 192, 1, "--p---")]),
        ("xl_list_after_restore", [("Domain-0", 0, 1024, 2, "r-----"), ("g1", 5, 192, 1, "------")]),
        ("xl_migrate_target_lacks_disk.list_after", [("Domain-0", 0, 1024, 2, "r-----"), ("n2", 74, 192, 1, "---sc-")]),
        ("xl_migrate_target_no_memory.list_after", [("Domain-0", 0, 1024, 2, "r-----"), ("n3", 58, 192, 1, "---sc-"),
                                                    ("hog", 59, 1150, 1, "r-----")]),
    ],
)  # fmt: skip
def test_domains_of_xen_4_4_1_that_a_person_has_read(name: str, domains: list[tuple[str, int, int, int, str]]) -> None:
    (row,) = (row for row in transcripts("xen-4.4.1") if row.name == name)
    assert parse_xl_list(row.out) == [DomainRow(*domain) for domain in domains]


@pytest.mark.parametrize(
    "name",
    ["xl_list_-l", "xl_list_-l_two_guests", "xl_list_-v", "xl_list_-n", "xl_list_-Z", "xl_list_nosuch",
     "xl_list_after_mem-set", "xl_list_after_reboot", "xl_create_devnull_cmdline", "xl_vcpu-list", "xl_vm-list",
     "xl_cpupool-list", "xentop_-b_-i_1"],
)  # fmt: skip
def test_what_is_no_list_of_all_domains_is_refused(name: str) -> None:
    (row,) = (row for row in transcripts("xen-4.4.1") if row.name == name)
    with pytest.raises(ParseError, match="xl list"):
        parse_xl_list(row.out)


# xl info


def info_fields(row: Transcript) -> dict[str, str] | None:
    """The fields of `xl info`, cut at the fixed column where xl puts the colon."""
    lines = row.out.removesuffix("\n").split("\n")
    if row.exit_status != 0 or not lines[0].startswith("host  ") or not lines[-1].startswith("xend_config_format  "):
        return None
    return (
        {line[:23].strip(): line[25:].strip() for line in lines} if all(line[23:25] == ": " for line in lines) else None
    )


def read_info(row: Transcript) -> dict[str, str]:
    info = parse_xl_info(output("xl-info", row))
    return {name: info.value(name) for name in info.fields}


@every_host
def test_xl_info_gives_each_field(folder: str) -> None:
    wrong, read = disagreements(folder, read_info, info_fields)
    assert wrong == []
    assert {row.name for row in of_command(transcripts(folder), "xl info")} == set(read)


def free_memory(row: Transcript) -> int | None:
    lines = [line for line in row.out.split("\n") if line.startswith("free_memory ")]
    return int(lines[0].rpartition(" ")[2]) if lines else None


@every_host
def test_free_memory_is_what_xl_info_says(folder: str) -> None:
    wrong, read = disagreements(folder, lambda row: parse_free_memory(row.out), free_memory)
    assert wrong == []
    assert {row.name for row in of_command(transcripts(folder), "xl info")} <= set(read)


@every_host
def test_dom0_has_what_the_options_of_xl_info_order(folder: str) -> None:
    rows = transcripts(folder)
    info = parse_xl_info(output("xl-info", of_command(rows, "xl info")[0]))
    measured = parse_xl_list(of_command(rows, "xl list")[0].out)[0]
    ordered = dom0_mem(info.options)
    assert ordered is not None
    assert ordered.fixed_mib is not None
    assert abs(ordered.fixed_mib - measured.mem_mib) <= SLACK_MIB
    assert dom0_vcpus(info.options, info.cpus) == measured.vcpus


# xl help


def subcommands(row: Transcript) -> set[str] | None:
    """The first words of lines that are indented by one blank, below the usage of all of xl."""
    if row.exit_status != 0 or not row.out.startswith("Usage xl "):
        return None
    names = {line.split()[0] for line in row.out.split("\n") if line[:1] == " " and line[1:2].strip()}
    return names if {"create", "list", "dmesg"} <= names else None


@every_host
def test_xl_help_gives_each_subcommand(folder: str) -> None:
    wrong, read = disagreements(folder, lambda row: set(parse_xl_help(output("xl-help", row)).names), subcommands)
    assert wrong == []
    assert {row.name for row in of_command(transcripts(folder), "xl help")} <= set(read)


def test_the_subcommands_of_xen_4_4_1_that_a_person_has_counted() -> None:
    (row,) = of_command(transcripts("xen-4.4.1"), "xl help")
    names = parse_xl_help(output("xl-help", row)).names
    assert len(names) == 73
    assert {"create", "pci-assignable-remove", "migrate-receive", "sched-sedf", "tmem-shared-auth"} <= names


# xl dmesg


def hypervisor_log(row: Transcript) -> str | None:
    own = any(line.startswith("(XEN) ") for line in row.out.split("\n"))
    return row.out if row.exit_status == 0 and own else None


@every_host
def test_xl_dmesg_is_taken_as_it_is(folder: str) -> None:
    wrong, read = disagreements(folder, lambda row: parse_xl_dmesg(output("xl-dmesg", row)), hypervisor_log)
    assert wrong == []
    assert {row.name for row in of_command(transcripts(folder), "xl dmesg") if row.out} <= set(read)


@every_host
def test_the_version_of_the_hypervisor_is_found_in_its_log(folder: str) -> None:
    rows = transcripts(folder)
    info = of_command(rows, "xl info")[0]
    version = (info_fields(info) or {})["xen_version"]
    begun = [row for row in of_command(rows, "xl dmesg") if "(XEN) Xen version " in row.out]
    assert begun
    for row in begun:
        text = printed("xl-info", info.out) + printed("xl-dmesg", row.out)
        outputs = {
            "xen": ProbeOutput("xen", text.encode(), b"", 0),
            "packages": ProbeOutput(
                "packages", printed("packages", f"rpm\nii \trpm\t4.11-1\nii \txen\t{version}-1\n").encode(), b"", 0
            ),
        }
        seen = Versions(Recording("test://x", "", outputs), load_profile("sles12")).agrees("hypervisor", "xen").seen
        banner = next(line for line in row.out.split("\n") if line.startswith("(XEN) Xen version "))
        assert banner.removeprefix("(XEN) Xen version ")[:60] in seen


# whatever else


@settings(deadline=None)  # a busy machine is slow, not wrong
@given(st.text())
def test_any_text_is_read_or_refused_by_each_parser(text: str) -> None:
    row = Transcript("x", "x", "x", 0, text.encode("utf-8", "replace"), b"")
    given_by(lambda row: parse_xl_list(row.out), row)
    given_by(lambda row: parse_domain0(output("xl-list", row)), row)
    given_by(lambda row: parse_xl_info(output("xl-info", row)), row)
    given_by(lambda row: parse_xl_help(output("xl-help", row)), row)
    given_by(lambda row: parse_xl_dmesg(output("xl-dmesg", row)), row)
