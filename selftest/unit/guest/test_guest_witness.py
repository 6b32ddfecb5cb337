"""What the witness says, on the console of a real guest; and the console itself."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xenproof.errors import ParseError
from xenproof.guest.console import MAX_BYTES, Console
from xenproof.guest.image.guest_image import LOADER
from xenproof.guest.witness import WitnessStatus, facts, parse_witness, pattern_sha256, statuses

CONSOLE = (Path(__file__).parents[2] / "data" / "guest_console.txt").read_bytes().decode()


def test_a_real_console_proves_the_guest() -> None:
    witness = parse_witness(CONSOLE)
    assert (witness.loader, witness.vcpus) == (LOADER, 1)
    assert witness.cmdline.startswith("console=hvc0 ")
    assert witness.read_back == witness.pattern_sha256


def test_another_token_is_another_pattern() -> None:
    witness = parse_witness(CONSOLE)
    assert pattern_sha256("0" * 32, witness.nonce) != witness.read_back


@pytest.mark.parametrize(
    "name", ["release", "cmdline", "memory_kib", "vcpus", "virtualizes", "token", "nonce", "read_back", "ready"]
)
def test_a_fact_that_is_missing_is_an_error(name: str) -> None:
    with pytest.raises(ParseError, match=name):
        parse_witness(CONSOLE.replace(f"XENPROOF1 {name}", f"XENPROOF2 {name}"))


@pytest.mark.parametrize(
    ("extra", "message"),
    [("vcpus 2", "twice"), ("problem insmod ext4 failed", "insmod ext4 failed"), ("ready", "twice")],
)
def test_a_contradiction_or_a_problem_is_an_error(extra: str, message: str) -> None:
    with pytest.raises(ParseError, match=message):
        parse_witness(f"{CONSOLE}\nXENPROOF1 {extra}\n")


def test_a_guest_without_grub_has_no_loader() -> None:
    assert parse_witness(CONSOLE.replace("XENPROOF1 grub", "grub")).loader == ""


def test_a_line_that_is_cut_off_is_no_fact_yet() -> None:
    assert list(facts("XENPROOF1 vcpus 1\r\nXENPROOF1 token 00")) == [("vcpus", "1")]


@given(st.text(alphabet=st.sampled_from(list("XENPROOF1 ready\r\n\x1b[7mé"))))
def test_no_console_is_mistaken_for_a_ready_witness(text: str) -> None:
    with pytest.raises(ParseError):
        parse_witness(text)


class _Stream:
    def __init__(self, *chunks: bytes | None) -> None:
        self._chunks = list(chunks)

    def read(self, limit_s: float) -> bytes | None:
        assert limit_s >= 0.0
        return self._chunks.pop(0) if self._chunks else None

    def end_stdin(self) -> None:
        self._chunks.clear()


def test_a_mark_that_is_cut_in_two_is_seen() -> None:
    console = Console({"up": "MARK"})
    console.attach(_Stream(b"..MA", b"RK.."))
    assert console.wait(lambda: "up" in console.seen_at, 1.0)


def test_a_console_that_ends_ends_the_waiting() -> None:
    console = Console({})
    console.attach(_Stream(b"panic\n", None))
    assert not console.wait(lambda: False, 60.0)
    assert (console.ended, console.text) == (True, "panic\n")


def test_a_silent_console_ends_the_waiting_at_its_limit() -> None:
    console = Console({})
    console.attach(_Stream(*[b""] * 1_000_000))
    assert not console.wait(lambda: False, 0.01)


def test_a_guest_that_talks_for_ever_is_cut_off() -> None:
    console = Console({})
    console.attach(_Stream(*[b"x" * (MAX_BYTES // 2)] * 3, None))
    console.wait(lambda: False, 5.0)
    assert len(console.data) < MAX_BYTES + 100
    assert console.data.endswith(b"[%d more bytes were dropped]\n" % (MAX_BYTES // 2))


class _Flood(_Stream):
    def read(self, limit_s: float) -> bytes | None:
        assert limit_s >= 0.0
        return b"again\n"


def test_what_a_guest_never_stops_saying_is_not_taken_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xenproof.guest.console.DRAIN_LIMIT_S", 0.01)
    console = Console({})
    console.attach(_Flood())
    console.drain()
    assert console.text.startswith("again\nagain\n")


NONCE = "0c5f9f3e-1111-4222-8333-944445555666"


def test_what_a_witness_tells_of_itself_is_read() -> None:
    console = f"XENPROOF1 told 3 {NONCE} 61.20 1796000000 113724 0-1 xvda,xvdb; eth0;\r\n"
    console += f"XENPROOF1 told 4 {NONCE} 62.00 1796000001 113724 0 ; ;\r\n"
    first, second = statuses(console)
    assert first == WitnessStatus(3, NONCE, 61.2, 1796000000, 113724, "0-1", ("xvda", "xvdb"), ("eth0",))
    assert (second.disks, second.networks) == ((), ())


@pytest.mark.parametrize("value", ["", "3", f"3 {NONCE} 61 1 1 0 xvda; ;", f"x {NONCE} 61.20 1 1 0 xvda; ;"])
def test_a_word_of_another_shape_is_an_error(value: str) -> None:
    with pytest.raises(ParseError, match="the witness printed the status"):
        list(statuses(f"XENPROOF1 told {value}\n"))


@given(st.text(alphabet=st.sampled_from(list("XENPROOF1 told0-9.;,\n"))))
def test_no_text_breaks_the_reading_of_words(text: str) -> None:
    try:
        list(statuses(text))
    except ParseError as error:
        assert "the witness printed the status" in str(error)  # noqa: PT017  # either way is right


def test_what_is_asked_later_leaves_the_first_word_alone() -> None:
    asked = f"{CONSOLE}\nXENPROOF1 told 1 x\nXENPROOF1 told 2 x\nXENPROOF1 first_line xvdb a\n"
    assert parse_witness(asked) == parse_witness(CONSOLE)
