"""What a supportconfig holds of xl's output, over all transcripts of real hosts."""

import pytest

from selftest.corpus import Transcript, folders, transcripts
from selftest.supportconfigs.host import command
from xenproof.errors import NotEvaluable, ParseError
from xenproof.facts.xl import Domain0, parse_xl_info, parse_xl_list
from xenproof.probing.sections import printed
from xenproof.profile.load import load_profile
from xenproof.source.probe import ProbeOutput
from xenproof.supportconfig.blocks import Blocks, parse_blocks
from xenproof.supportconfig.sections import SupportconfigSections

every_host = pytest.mark.parametrize("folder", folders())
PROFILE = load_profile("sles12")


def section(row: Transcript, asked: str, name: str) -> ProbeOutput | None:
    """The section that is made of a supportconfig in which `asked` printed the transcript; None where it is refused."""
    text = command(f"/usr/sbin/{asked}", row.out)
    blocks = Blocks(tuple(parse_blocks("xen.txt", text.encode())), frozenset({"xen.txt"}))
    try:
        body = SupportconfigSections(blocks, PROFILE).writer(name)()
    except (ParseError, NotEvaluable):
        return None
    return ProbeOutput("xen", printed(name, body).encode("utf-8", "replace"), b"", 0)


@every_host
def test_domain_0_is_found_among_all_domains(folder: str) -> None:
    read = set()
    for row in transcripts(folder):
        output = section(row, "xl list", "xl-list")
        try:
            found = parse_xl_list(output) if output else None
        except ParseError:
            continue
        if found is not None:
            read.add(row.name)
            words = [line.split() for line in row.out.splitlines() if line.startswith("Domain-0 ")]
            assert [Domain0(int(line[2]), int(line[3])) for line in words if line[1] == "0"] == [found], row.name
    lists = [
        row for row in transcripts(folder) if row.plain_command in ("xl list", "xl list 0") and "\r" not in row.out
    ]
    assert {row.name for row in lists} <= read


@every_host
def test_xl_info_is_the_same_as_on_a_live_host(folder: str) -> None:
    read = set()
    for row in transcripts(folder):
        output = section(row, "xl info", "xl-info")
        try:
            found = parse_xl_info(output) if output else None
        except ParseError:
            continue
        if found is not None:
            read.add(row.name)
            live = ProbeOutput("xen", printed("xl-info", row.out).encode(), b"", 0)
            assert dict(found.fields) == dict(parse_xl_info(live).fields), row.name
    assert {row.name for row in transcripts(folder) if row.plain_command == "xl info"} == read
