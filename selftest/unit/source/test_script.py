import dataclasses
import os
import secrets
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xenproof.errors import SourceError
from xenproof.source.probe import CUT, CUT_EXIT_CODE, Probe, ProbeOutput
from xenproof.source.script import Reading, build, parse

MARK = "0123456789abcdef0123456789abcdef"
SHELLS = ("dash", "bash", "busybox")


@pytest.fixture(params=SHELLS)
def path(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A PATH on which `sh` is the shell of the parameter; on busybox, nothing but busybox is there."""
    shell = shutil.which(request.param)
    assert shell, f"{request.param} is not installed; it is needed to test the script of the probes"
    if request.param == "busybox":
        subprocess.run([shell, "--install", "-s", tmp_path], check=True)
        return str(tmp_path)
    (tmp_path / "sh").symlink_to(shell)
    return f"{tmp_path}:{os.environ['PATH']}"


def run(probes: list[Probe], path: str, own_session: bool = True) -> Reading:
    """Run the script of `probes` as a connection would."""
    done = subprocess.run(
        ["sh", "-c", 'eval "$(cat)"'],
        input=build(probes, MARK).encode(),
        capture_output=True,
        timeout=60,
        start_new_session=own_session,
        env={"PATH": path, "LC_ALL": "POSIX"},
        check=False,
        executable=shutil.which("sh", path=path),
    )
    return parse(done.stdout, done.stderr, MARK, probes)


@pytest.mark.parametrize("own_session", [True, False])
def test_each_probe_has_its_own_output_and_exit_code(path: str, own_session: bool) -> None:
    probes = [
        Probe("both", "echo out; echo err >&2; exit 7"),
        Probe("silent", ":"),
        Probe("bytes", r"printf '\000\377\n\n'; printf 'no newline' >&2"),
        Probe("quotes", """echo "it's" '$HOME' \\\\ "`echo x`" """),
        Probe("stdin", "cat; echo end"),
        Probe("unset", "set -eu; echo $nothing; echo not reached"),
        Probe("missing", "no-such-command"),
        Probe("syntax", "if"),
        Probe("locale", "echo $LC_ALL; echo $PATH"),
        Probe("mark", "set; ps ax || ps"),
    ]
    reading = run(probes, path, own_session)
    outputs = reading.outputs
    assert reading.limits == ("session" if own_session else "tree")
    assert (reading.noise, reading.cut) == (b"", ())
    assert outputs["both"] == ProbeOutput("both", b"out\n", b"err\n", 7)
    assert outputs["silent"] == ProbeOutput("silent", b"", b"", 0)
    assert outputs["bytes"] == ProbeOutput("bytes", b"\0\xff\n\n", b"no newline", 0)
    assert outputs["quotes"].text == "it's $HOME \\ x\n"
    assert outputs["stdin"].text == "end\n"
    assert outputs["unset"].stdout == b""
    assert outputs["unset"].exit_code != 0
    assert outputs["missing"].exit_code == 127
    assert outputs["syntax"].exit_code != 0
    assert outputs["locale"].text == f"C\n{path}\n"
    assert MARK not in outputs["mark"].text


@pytest.mark.parametrize("own_session", [True, False])
def test_a_probe_that_hangs_is_ended_with_its_children_and_the_next_one_runs(
    path: str, own_session: bool, tmp_path: Path
) -> None:
    left = tmp_path / "left"
    # A time of its own, so that no other test's sleep is taken for this one's.
    own = 1_000_000 + secrets.randbelow(1_000_000)
    probes = [
        Probe("before", "echo 1"),
        Probe("hangs", f"echo begun; (sleep {own}; echo x >{left}) | cat; echo never", limit_s=1),
        Probe("after", "echo 2"),
        # On a busy machine a process that was killed is seen for a moment more.
        Probe(
            "left",
            f"turns=50; while found=$(ps ax | grep '[s]leep {own}' || ps | grep '[s]leep {own}') && [ $turns -gt 0 ]\n"
            'do turns=$((turns - 1)); sleep 0.1; done; printf %s "$found"',
            limit_s=60,
        ),
    ]
    outputs = run(probes, path, own_session).outputs
    assert (outputs["hangs"].stdout, outputs["hangs"].timed_out) == (b"begun\n", True)
    assert (outputs["before"].text, outputs["after"].text) == ("1\n", "2\n")
    assert outputs["left"].stdout == b""
    assert not left.exists()


@pytest.mark.parametrize("code", [124, 127, 137, 138, 143, 255])
def test_an_exit_code_that_looks_like_a_timeout_is_none(path: str, code: int) -> None:
    found = run([Probe("odd", f"sleep 1.2; exit {code}", limit_s=5)], path).outputs["odd"]
    assert (found.exit_code, found.timed_out) == (code, False)


def test_a_script_whose_shell_is_killed_holds_no_output_open(path: str) -> None:
    # Nobody reaps the shell before its output is at its end.
    reading = run([Probe("first", "echo 1"), Probe("kills", "echo half; kill -s KILL $$"), Probe("third", ":")], path)
    assert reading.cut == ("kills", "third")
    assert reading.unended == b"half\n"
    assert reading.outputs["first"].text == "1\n"


def test_a_host_without_sleep_keeps_no_limits_and_ends_no_probe(tmp_path: Path) -> None:
    # A signal without a pause before it would end every probe at once.
    for name in ("cat", "sh"):
        program = shutil.which(name)
        assert program
        (tmp_path / name).symlink_to(program)
    slow = "i=0; while [ $i -lt 200000 ]; do i=$((i + 1)); done; echo $i"
    outputs = run([Probe("slow", slow, limit_s=1), Probe("last", "echo 1")], str(tmp_path)).outputs
    assert (outputs["slow"].text, outputs["last"].text) == ("200000\n", "1\n")


def test_many_long_probes_fit(path: str) -> None:
    probes = [Probe(f"p{number}", f"# {'x' * 20_000}\necho {number}") for number in range(30)]
    outputs = run(probes, path).outputs
    assert [out.text for out in outputs.values()] == [f"{number}\n" for number in range(30)]


def test_a_script_that_arrives_in_part_runs_nothing(path: str, tmp_path: Path) -> None:
    text = build([Probe("touch", f"echo x >{tmp_path}/touched"), Probe("second", "echo 2")], MARK)
    for part in (text[: text.index("second")], text[: text.index("touched") + 9], text.rpartition("main")[0]):
        subprocess.run(
            ["sh", "-c", 'eval "$(cat)"'], input=part.encode(), capture_output=True, timeout=60, check=False,
            executable=shutil.which("sh", path=path), env={"PATH": path},
        )  # fmt: skip
    assert not (tmp_path / "touched").exists()


@pytest.mark.parametrize("probes", [[], [Probe("a", ":"), Probe("a", ":")], [Probe("nul", "a\0b")]])
def test_probes_that_cannot_be_run_are_refused(probes: list[Probe]) -> None:
    with pytest.raises(ValueError, match=r"expected probes|NUL"):
        build(probes, MARK)


def framed(chunks: list[bytes], noise: bytes = b"") -> bytes:
    mark = MARK.encode()
    frames = b"".join(chunk + b"%s %d %d 0\n" % (mark, number, number % 256) for number, chunk in enumerate(chunks))
    return noise + mark + b" start session\n" + frames + mark + b" end\n"


def probes_for(count: int) -> list[Probe]:
    return [Probe(f"p{number}", ":") for number in range(count)]


# What a hostile host would print: anything, and what looks like our frames.
HOSTILE = st.one_of(
    st.binary(), st.sampled_from([b" 0 0 0\n", b" end\n", MARK[:-1].encode() + b" 1 0 0\n", b" start x\n"])
)
NOISE = HOSTILE.filter(lambda data: MARK.encode() not in data)


@given(st.lists(st.tuples(NOISE, NOISE), min_size=1, max_size=5), NOISE)
def test_any_bytes_survive_the_framing(chunks: list[tuple[bytes, bytes]], noise: bytes) -> None:
    probes = probes_for(len(chunks))
    out, err = framed([out for out, _ in chunks], noise), framed([err for _, err in chunks], noise)
    reading = parse(out, err, MARK, probes)
    assert [(found.stdout, found.stderr) for found in reading.outputs.values()] == chunks
    assert [found.exit_code for found in reading.outputs.values()] == list(range(len(chunks)))
    assert not reading.cut


@given(st.lists(NOISE, min_size=1, max_size=4), st.data())
def test_a_cut_keeps_what_ended_and_never_invents(chunks: list[bytes], data: st.DataObject) -> None:
    whole, probes = framed(chunks), probes_for(len(chunks))
    ends = data.draw(st.tuples(*[st.integers(0, len(whole))] * 2))
    try:
        reading = parse(whole[: ends[0]], whole[: ends[1]], MARK, probes)
    except SourceError:
        assert min(ends) < len(framed([]))
        return
    assert list(reading.outputs) == [probe.name for probe in probes]
    for probe, chunk, number in zip(probes, chunks, range(9), strict=False):
        kept = ProbeOutput(probe.name, chunk, chunk, number)
        assert reading.outputs[probe.name] in (kept, ProbeOutput(probe.name, b"", CUT, CUT_EXIT_CODE))
        assert (reading.outputs[probe.name] != kept) == (probe.name in reading.cut)


@settings(max_examples=300)
@given(st.binary(), st.binary())
def test_output_without_frames_is_an_error(out: bytes, err: bytes) -> None:
    with pytest.raises(SourceError, match="did not run the script"):
        parse(out, err, MARK, probes_for(1))


def frames(count: int) -> list[bytes]:
    """The frames of a script of so many probes, each with what was printed before it."""
    mark = MARK.encode()
    rows = [b"out %d\n%s %d %d 0\n" % (number, mark, number, number) for number in range(count)]
    return [mark + b" start session\n", *rows, mark + b" end\n"]


MUTATIONS = ("drop", "double", "swap", "number", "code", "late", "start", "end", "digits")


def mutated(rows: list[bytes], kind: str, at: int, other: int) -> list[bytes]:
    """The frames with one of them changed; the same where that kind of change does not fit there."""
    rows = list(rows)
    mark = MARK.encode()
    text, found, fields = rows[at].rpartition(mark)
    match kind:
        case "drop":
            del rows[at]
        case "double":
            rows.insert(other, rows[at])
        case "swap":
            rows[at], rows[other] = rows[other], rows[at]
        case "start" | "end":
            rows.insert(at, mark + (b" start session\n" if kind == "start" else b" end\n"))
        case _ if 0 < at < len(rows) - 1:
            number, code, late = fields.split()
            words = {
                "number": (b"%d" % other, code, late),
                "code": (number, b"%d" % (int(code) + 1 + other), late),
                "late": (number, code, b"1"),
                "digits": (number + b"0" * 5000, code, late) if other % 2 else (number, code + b"0" * 5000, late),
            }[kind]
            rows[at] = text + found + b" " + b" ".join(words) + b"\n"
    return rows


@settings(max_examples=400)
@given(
    st.integers(1, 5),
    st.sampled_from(MUTATIONS),
    st.integers(0, 9),
    st.integers(0, 9),
    st.sampled_from(["out", "err", "both"]),
)
def test_frames_that_are_not_those_of_the_script_never_change_an_output(
    count: int, kind: str, at: int, other: int, stream: str
) -> None:
    rows = frames(count)
    at, other = at % len(rows), other % len(rows)
    good, bad = b"".join(rows), b"".join(mutated(rows, kind, at, other))
    out, err = (bad if stream != "err" else good), (bad if stream != "out" else good)
    whole = parse(good, good, MARK, probes_for(count)).outputs
    if bad == good or (kind in {"code", "late"} and stream == "both"):
        return  # nothing changed, or the script says so itself
    try:
        reading = parse(out, err, MARK, probes_for(count))
    except SourceError:
        return
    assert reading.cut, "something was wrong"
    cut = ProbeOutput("", b"", CUT, CUT_EXIT_CODE)
    for name, found in reading.outputs.items():
        assert found == (dataclasses.replace(cut, name=name) if name in reading.cut else whole[name])


@pytest.mark.parametrize(
    ("tail", "cut", "why"),
    [
        ([1, 1, 2], ("p1", "p2", "p3"), "frame of its probe 1 came twice"),
        ([2, 1, 3], ("p1", "p2", "p3"), "expected the frame 2 of the script on both, found '2 2 0' on stdout"),
        ([1, 2, 3, 0], ("p0", "p1", "p2", "p3"), "frame of its probe 0 came twice"),
        ([1, 2, 3, 4], ("p3",), "expected the frame 5 of the script"),
        ([1, 2], ("p3",), "expected the frame 4"),
    ],
)
def test_what_comes_before_a_wrong_frame_is_kept_and_the_error_says_what_is_wrong(
    tail: list[int], cut: tuple[str, ...], why: str
) -> None:
    rows = frames(5)
    text = b"".join([*rows[:2], *(rows[number + 1] for number in tail), rows[-1]])
    reading = parse(text, text, MARK, probes_for(4))
    assert (reading.cut, why in reading.irregular) == (cut, True), reading.irregular


@pytest.mark.parametrize("shown", [b"0 1 0", b"0 0 1"])
def test_a_frame_that_says_something_else_on_stderr_is_an_error(shown: bytes) -> None:
    out = b"".join(frames(2))
    reading = parse(out, out.replace(b"0 0 0", shown), MARK, probes_for(2))
    assert reading.cut == ("p0", "p1")
    assert f"found '0 0 0' on stdout and '{shown.decode()}' on stderr" in reading.irregular


def test_without_its_end_the_last_probe_is_cut() -> None:
    text = b"".join(frames(2)[:-1])
    reading = parse(text, text, MARK, probes_for(2))
    assert (reading.cut, reading.irregular) == (("p1",), "")


@pytest.mark.parametrize("number", [b"9" * 5000, b"9" * 10, b"256", b"00", b"-1", "\u0663".encode()])
@pytest.mark.parametrize("field", [0, 1])
def test_a_number_that_no_script_writes_is_a_wrong_frame(number: bytes, field: int) -> None:
    text = framed([b"x\n"])
    words = [b"0", b"0", b"0"]
    words[field] = number
    text = text.replace(b" 0 0 0\n", b" " + b" ".join(words) + b"\n")
    reading = parse(text, text, MARK, probes_for(1))
    assert reading.cut == ("p0",)


def test_a_million_marks_are_no_million_parts() -> None:
    text = framed([b"x\n"]) + (MARK.encode() + b" 0 0 0\n") * 400_000
    started = time.monotonic()
    assert parse(text, text, MARK, probes_for(1)).cut == ("p0",)
    assert time.monotonic() - started < 20
