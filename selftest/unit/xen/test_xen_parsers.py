"""Xenstore, `xl list` and `xl info`, on output of Xen 4.17 with a guest on each disk backend."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xenproof.errors import ParseError, UsageError
from xenproof.facts.xl import XlInfo, parse_xl_info
from xenproof.probing.sections import printed
from xenproof.source.connection import Completed
from xenproof.source.probe import ProbeOutput
from xenproof.xen.domains import DomainRow, free_memory_mib, parse_free_memory, parse_xl_list
from xenproof.xen.xenstore import below, parse_xenstore
from xenproof.xlcfg.config import Disk, DomainConfig, Start

DATA = Path(__file__).parents[2] / "data"
XL_LIST = (DATA / "guest_xl_list.txt").read_text()
XENSTORE = (DATA / "guest_xenstore.txt").read_text()


def test_xl_list_gives_every_domain() -> None:
    rows = parse_xl_list(XL_LIST)
    assert [(row.name, row.domid, row.mem_mib, row.vcpus) for row in rows] == [
        ("Domain-0", 0, 1024, 2),
        ("b1", 5, 192, 1),
        ("q1", 6, 128, 1),
    ]


def test_a_domain_that_is_being_created_has_a_row() -> None:
    assert parse_xl_list(XL_LIST + "(null)   7   128   1   --p---   0.0\n")[-1].name == "(null)"


@pytest.mark.parametrize(
    "text",
    ["", XL_LIST.split("\n")[0], XL_LIST.replace("Domain-0", "Domain-0 x", 1).replace(" 0  1024", " 9  1024"),
     XL_LIST[:-20], XL_LIST + "no memory for more\n"],
)  # fmt: skip
def test_a_broken_xl_list_is_an_error(text: str) -> None:
    with pytest.raises(ParseError, match="xl list"):
        parse_xl_list(text)


@given(st.text())
def test_xl_list_gives_rows_or_an_error(text: str) -> None:
    try:
        assert parse_xl_list(text)[0].domid == 0
    except ParseError as error:
        assert "xl list" in str(error)  # noqa: PT017  # either way is right


HEADER = "Name                                        ID   Mem VCPUs\tState\tTime(s)\n"
DOM0 = "Domain-0                                     0  1024     2     r-----      93.3\n"
names = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp", "Zs"]), min_size=1, max_size=60
)


@given(
    name=st.lists(names, min_size=1, max_size=3).map(" ".join),
    domid=st.integers(1, 32751), mem=st.integers(0, 16 << 20), vcpus=st.integers(0, 4096), seconds=st.floats(0, 1e8),
    flags=st.tuples(*[st.sampled_from(f"-{letter}") for letter in "rbps"]),
    reason=st.sampled_from("-rscwS?"), dying=st.sampled_from("-d"),
)  # fmt: skip
def test_any_domain_that_xl_can_print_is_read(
    name: str, domid: int, mem: int, vcpus: int, seconds: float, flags: tuple[str, ...], reason: str, dying: str
) -> None:
    """The row as xl_list.c of Xen 4.4 to 4.20 prints it: a name may have spaces and be longer than its column."""
    state = "".join(flags) + reason + dying
    row = f"{name:<40} {domid:5d} {mem:5d} {vcpus:5d}     {state}  {seconds:8.1f}\n"
    assert parse_xl_list(HEADER + DOM0 + row)[1] == DomainRow(name, domid, mem, vcpus, state)


class _Info:
    """A host that knows only `xl info`."""

    url = "test://host"

    def __init__(self, text: str) -> None:
        self._text = text

    def run(self, command: str, **_limits: object) -> Completed:
        return Completed(command, 0, self._text.encode(), b"", 0.0)


def test_free_memory_is_read_from_xl_info() -> None:
    assert free_memory_mib(_Info((DATA / "guest_xl_info.txt").read_text())) > 100  # type: ignore[arg-type]  # run() is all it needs


@pytest.mark.parametrize(("release", "has_shadow"), [("debian11", True), ("debian12", True), ("debian13", False)])
def test_xl_info_says_what_the_hypervisor_can_do(release: str, has_shadow: bool) -> None:
    said = printed("xl-info", (DATA / "corpus" / release / "xl_info.out").read_text())
    caps = set(parse_xl_info(ProbeOutput("xen", said.encode(), b"", 0)).words("virt_caps"))
    assert {"pv", "hvm", "hap"} <= caps
    assert ("shadow" in caps) is has_shadow


def test_xl_info_without_its_capabilities_is_an_error() -> None:
    with pytest.raises(ParseError, match="virt_caps"):
        XlInfo({"host": "lab"}).words("virt_caps")


def test_xl_info_without_free_memory_is_an_error() -> None:
    with pytest.raises(ParseError, match="free_memory"):
        free_memory_mib(_Info("host : x\n"))  # type: ignore[arg-type]  # run() is all it needs


@given(st.text() | st.builds("free_memory            : {}\n{}".format, st.text(max_size=5), st.integers()))
def test_free_memory_is_a_number_of_its_own_line_or_an_error(text: str) -> None:
    own = [line.partition(":")[2].strip() for line in text.split("\n") if line.startswith("free_memory")]
    try:
        assert parse_free_memory(text) in [int(word) for word in own if word.isdecimal()]
    except ParseError as error:
        assert "free_memory" in str(error)  # noqa: PT017  # either way is right


def test_xenstore_gives_paths_and_values() -> None:
    store = parse_xenstore(XENSTORE)
    assert store["/local/domain/6/name"] == "q1"
    assert below(store, "/local/domain/5/device/vbd/51712")["backend"] == "/local/domain/0/backend/vbd/5/51712"


def test_a_node_that_went_away_while_it_was_read_is_not_there() -> None:
    # As seen on Debian 12 while the guest 39 was destroyed by another worker.
    gone = "/local/domain/0/backend/vbd/39/51712/sector-size:"
    assert parse_xenstore(f'/local = ""\n{gone}\n/local/domain = ""\n') == {"/local": "", "/local/domain": ""}


def test_escapes_of_xenstore_are_undone() -> None:
    assert parse_xenstore(r'/a = "x\ty\007\\"z"' + "\n") == {"/a": 'x\ty\a\\"z'}


def escaped(value: bytes) -> str:
    """A value as sanitise_value() of Xen's libxenstore prints it: what is not printable byte by byte."""
    named = {ord("\t"): r"\t", ord("\n"): r"\n", ord("\r"): r"\r", ord("\\"): r"\\"}
    return "".join(
        chr(byte) if 0x20 <= byte <= 0x7E and byte != 0x5C
        else named.get(byte, f"\\{byte:03o}" if byte < 8 else f"\\x{byte:02x}")
        for byte in value
    )  # fmt: skip


@given(st.dictionaries(st.text("abc/-", min_size=1).map("/{}".format), st.text(), min_size=1))
def test_any_value_of_xenstore_is_read(store: dict[str, str]) -> None:
    printed = "".join(f'{path} = "{escaped(value.encode("utf-8", "replace"))}"\n' for path, value in store.items())
    assert parse_xenstore(printed) == {path: value.encode("utf-8", "replace").decode() for path, value in store.items()}


@pytest.mark.parametrize("text", ["", "\n", "xenstore-ls: could not access\n", XENSTORE[:-3], '/a = "b'])
def test_a_broken_xenstore_is_an_error(text: str) -> None:
    with pytest.raises(ParseError, match="xenstore-ls"):
        parse_xenstore(text)


@given(st.text())
def test_xenstore_gives_rows_or_an_error(text: str) -> None:
    try:
        assert parse_xenstore(text)
    except ParseError as error:
        assert "xenstore-ls" in str(error)  # noqa: PT017  # either way is right


def test_the_configuration_names_all_that_xl_needs() -> None:
    config = DomainConfig("xenproof-a-1", Start("/usr/lib/grub.xen"), 128, (Disk("/x/a.raw", "xvda", "qdisk"),))
    assert config.text().splitlines()[:6] == [
        'name = "xenproof-a-1"',
        'kernel = "/usr/lib/grub.xen"',
        "memory = 128",
        "maxmem = 128",
        "vcpus = 1",
        'disk = [ "format=raw, vdev=xvda, access=rw, backendtype=qdisk, target=/x/a.raw" ]',
    ]


@pytest.mark.parametrize("name", ["", 'a"', "a\nb", "a b", "a'", "a;b", "a,script=x", "a\n"])
def test_a_value_that_needs_quoting_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="cannot be in a guest's configuration"):
        DomainConfig(name, Start("/k"), 128, (Disk("/x", "xvda", "phy"),)).text()
