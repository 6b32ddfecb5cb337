"""The parser of what virsh prints: on recorded hosts, and over all transcripts, none of which is an answer of its."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selftest.corpus import folders, transcripts
from selftest.mutants.recorded import DATA, from_folder
from xenproof.errors import NotEvaluable, ParseError
from xenproof.facts.libvirt import LibvirtAnswers, parse_libvirt
from xenproof.probing.sections import printed, sections
from xenproof.source.probe import ProbeOutput, Recording

every_host = pytest.mark.parametrize("folder", folders())

RECORDED = {
    "debian12": from_folder(DATA / "debian12-release"),
    "sles12-replica": Recording.read(DATA / "recordings" / "sles12-replica.json"),
}
every_recording = pytest.mark.parametrize("name", sorted(RECORDED))


def output(text: str, exit_status: int = 0) -> ProbeOutput:
    return ProbeOutput("libvirt", printed("virsh", text, exit_status).encode("utf-8", "replace"), b"", 0)


def rows_by_column(text: str) -> list[tuple[str, str]]:
    """Number and name of each domain, cut out where virsh's header has these words."""
    lines = text.split("\n")
    header = next(at for at, line in enumerate(lines) if line.split() == ["Id", "Name", "State"])
    name, state = lines[header].index("Name"), lines[header].index("State")
    return [(line[:name].strip(), line[name:state].strip()) for line in lines[header + 2 :] if line.strip()]


@every_recording
def test_virsh_gives_driver_daemon_and_domains(name: str) -> None:
    text = sections(RECORDED[name].outputs["libvirt"])["virsh"].text
    found = parse_libvirt(output(text))
    words = text.split()
    assert found.daemon == words[words.index("daemon:") + 1]
    assert found.driver == words[words.index("API:") + 1]
    assert list(found.listed) == rows_by_column(text)
    # libvirt 1.2.5 lists no Domain-0.
    assert found.dom0_listed.yes is (name == "debian12")


@every_host
def test_what_virsh_printed_one_by_one_is_read_together(folder: str) -> None:
    """As the probe asks it, in one connection; a host without libvirt was not asked."""
    rows = {row.plain_command: row.out for row in transcripts(folder) if row.exit_status == 0}
    if "virsh list --all" not in rows:
        assert not [command for command in rows if command.startswith("virsh")]
        return
    version, domains = rows["virsh version --daemon"], rows["virsh list --all"]
    found = parse_libvirt(output(f"xen:///system\n\n{version}\n{domains}"))
    assert f"Running against daemon: {found.daemon}\n" in version
    assert found.driver == "Xen"
    assert list(found.listed) == rows_by_column(domains)


names = st.text("abcXYZ019._-+ ", min_size=1, max_size=40).map(str.strip).filter(lambda name: name and "  " not in name)
states = st.sampled_from(["running", "paused", "in shutdown", "shut off", "crashed", "no state", "pmsuspended"])


@given(st.lists(st.tuples(st.integers(1, 32751).map(str) | st.just("-"), names, states), max_size=6))
def test_any_list_of_domains_that_virsh_prints_is_read(domains: list[tuple[str, str, str]]) -> None:
    """Columns as vsh's tables make them: as wide as the longest entry, three blanks apart."""
    table = [("Id", "Name", "State"), ("0", "Domain-0", "running"), *domains]
    widths = [max(len(row[at]) for row in table) for at in range(3)]
    lines = [" " + "   ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)) for row in table]
    lines.insert(1, "-" * 40)
    begin = (
        "xen:///system\n\nCompiled against library: libvirt 9.0.0\nUsing library: libvirt 9.0.0\n"
        "Using API: Xen 9.0.0\nRunning hypervisor: Xen 4.17.0\nRunning against daemon: 9.0.0\n\n"
    )
    found = parse_libvirt(output(begin + "\n".join(line.rstrip() for line in lines) + "\n\n"))
    assert found.listed == tuple((number, name) for number, name, _ in table[1:])


@every_host
def test_what_another_command_printed_is_no_answer_of_virsh(folder: str) -> None:
    """An error of virsh's own, with its status 1, is the one thing that another text could look like."""
    taken: dict[str, LibvirtAnswers] = {}
    for row in transcripts(folder):
        for text in (row.out, row.out + row.err):
            try:
                taken[row.name] = parse_libvirt(output(text, row.exit_status or 0))
            except ParseError:
                continue
            errors = [line for line in text.split("\n") if line.startswith("error:")]
            assert (row.exit_status, taken[row.name].error.split("; ")) == (1, errors)
            with pytest.raises(NotEvaluable):
                _ = taken[row.name].listed
    assert [name for name in taken if not name.startswith("virsh")] == []
