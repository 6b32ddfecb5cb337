"""Recordings that somebody sent: whatever is in one, it is an error of that host alone, soon and in little memory."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selftest import peak
from selftest.lab.suite import REPOSITORY, Suite, clean_environment
from xenproof.errors import SourceError
from xenproof.source.probe import Recording
from xenproof.strict_json import parse_strictly

GOOD = REPOSITORY / "selftest" / "data" / "recordings" / "sles12-replica.json"
ROW = {"name": "x", "stdout": "", "stderr": "", "exit_code": 0, "timed_out": False}
WHOLE = {"format": "xenproof-recording/1", "host": "ssh://x", "taken": "2026-01-01T00:00:00+00:00", "about": {}}
COMMAND = {"command": "x", "stdout": "", "stderr": "", "exit_code": 0}


def text(**changed: Any) -> str:
    return json.dumps({**WHOLE, "outputs": [ROW], **changed})


def row(**changed: Any) -> str:
    return text(outputs=[{**ROW, **changed}])


def command(**changed: Any) -> str:
    return text(commands=[{**COMMAND, **changed}])


# name: what is in the file, and a word of the message.
BROKEN: dict[str, tuple[str, str]] = {
    "nothing": ("", "Expecting value"),
    "a number": ("1", "expected an object"),
    "null": ("null", "expected an object"),
    "a list": ("[]", "expected an object"),
    "deep lists": ("[" * 300_000, "nested too deeply|values"),
    "deep objects": ('{"a":' * 100_000 + "1" + "}" * 100_000, "nested too deeply"),
    "a deep note": (
        text(about={}).replace('"about": {}', '"about": ' + "[" * 50_000 + "]" * 50_000),
        "nested too deeply",
    ),
    "infinity": (row().replace('"exit_code": 0', '"exit_code": Infinity'), "Infinity is no number"),
    "minus infinity": (row().replace('"exit_code": 0', '"exit_code": -Infinity'), "-Infinity is no number"),
    "no number": (row().replace('"exit_code": 0', '"exit_code": NaN'), "NaN is no number"),
    "a huge float": (row().replace('"exit_code": 0', '"exit_code": 1e999'), "'exit_code' to be a whole number"),
    "5,000 digits": (row().replace('"exit_code": 0', '"exit_code": ' + "9" * 5000), "digits"),
    "30 digits": (row(exit_code=10**30), "expected an exit code"),
    "a fraction": (row(exit_code=0.5), "'exit_code' to be a whole number"),
    "true as exit code": (row(exit_code=True), "found true or false"),
    "a word as exit code": (row(exit_code="0"), "found text '0'"),
    "a number as mark of time": (row(timed_out=1), "'timed_out' to be true or false"),
    "a null name": (row(name=None), "'name' to be text, found nothing"),
    "a list as name": (row(name=["x"]), "'name' to be text, found a list"),
    "an empty name": (row(name=""), "1 to 1000 characters"),
    "a name of 2 kB": (row(name="x" * 2000), "1 to 1000 characters"),
    "null as output": (row(stdout=None), "'stdout' to be text"),
    "no base64": (row(stdout="***"), "base64"),
    "no ASCII in base64": (row(stdout="ä"), "ASCII"),
    "half a base64": (row(stdout="QQ"), "padding"),
    "a row that is none": (text(outputs=[1]), "expected an object, found a whole number"),
    "outputs by name": (text(outputs={"x": ROW}), "'outputs' to be a list"),
    "no outputs": (text(outputs=None), "'outputs' to be a list, found nothing"),
    "a probe twice": (text(outputs=[ROW, ROW]), "probe 'x' is there twice"),
    "a key twice": (
        text().replace('"host": "ssh://x"', '"host": "ssh://x", "host": "ssh://y"'),
        "'host' is there twice",
    ),
    "a key of a row twice": (row().replace('"stderr"', '"stdout"'), "'stdout' is there twice"),
    "another format": (text(format="xenproof-recording/2"), "expected the format"),
    "a list as format": (text(format=[]), "expected the format"),
    "a number as host": (text(host=5), "'host' to be text"),
    "a host of 2 kB": (text(host="x" * 2000), "1 to 1000 characters"),
    "a number as time": (text(taken=5), "'taken' to be text"),
    "no time": (text(taken="yesterday"), "isoformat"),
    "a list of notes": (text(about=[]), "'about' to be an object"),
    "a note that is a number": (text(about={"seconds": 5}), "'seconds' to be text"),
    "a note that is a list": (text(about={"source": ["x"]}), "'source' to be text"),
    "a note of a megabyte": (text(about={"source": "x" * (1 << 20)}), "more than 65536 characters"),
    "commands that are none": (text(commands=[1]), "expected an object"),
    "a number as commands": (text(commands=5), "'int' object is not iterable|commands"),
    "a null command": (command(command=None), "'command' to be text"),
    "an exit code of a command": (command(exit_code="0"), "'exit_code' to be a whole number"),
    "words behind it": (text() + "x", "Extra data"),
    "a cut one": (text()[:-3], "Expecting|delimiter"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_recording_is_said(name: str) -> None:
    broken, why = BROKEN[name]
    with pytest.raises(SourceError, match=why) as caught:
        Recording.from_json(broken, "host.json")
    assert str(caught.value).startswith("host.json is not a recording of ours: ")
    assert len(str(caught.value)) < 4200


LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)


def around(below: "st.SearchStrategy[Any]") -> "st.SearchStrategy[Any]":
    """What is below, a list of it, or an object of it."""
    keys = st.sampled_from([*WHOLE, *ROW, "outputs"])
    return below | st.lists(below, max_size=4) | st.dictionaries(keys, below, max_size=4)


ANY = around(around(LEAVES))


@given(
    changes=st.dictionaries(st.sampled_from([*WHOLE, "outputs", "commands"]), ANY),
    of_row=st.dictionaries(st.sampled_from([*ROW]), ANY),
)
def test_nothing_but_an_error_of_ours_comes_out(changes: dict[str, Any], of_row: dict[str, Any]) -> None:
    whole = {**WHOLE, "outputs": [{**ROW, **of_row}], **changes}
    try:
        found = Recording.from_json(json.dumps(whole), "x")
    except SourceError:
        return
    assert Recording.from_json(found.to_json(), "x") == found


@given(st.text())
def test_any_text_is_read_strictly_or_refused(broken: str) -> None:
    try:
        parse_strictly(broken)
    except ValueError:
        return
    json.loads(broken)


def fifo(path: Path) -> None:
    os.mkfifo(path)


def bytes_of(data: bytes) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        path.write_bytes(data)

    return make


def sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(2 << 30)


def flat(path: Path) -> None:
    """20 million empty lists: 60 MB of text, 1.5 GB of Python's objects."""
    path.write_text('{"outputs":[' + "[]," * 20_000_000 + "1]}")


def wide(path: Path) -> None:
    """60 MB of text, of which one letter makes each of the others take four bytes."""
    path.write_text(json.dumps({**WHOLE, "outputs": [], "x": "\U0001f600" + "x" * 60_000_000}, ensure_ascii=False))


def full(path: Path) -> None:
    """As large as a recording may be: three probes of 16 MiB each, one letter of each wide."""
    import base64

    data = base64.b64encode("\U0001f600".encode() + b"@@a\nx\n\n@@a 0\n" + b"ab\n" * (5 << 20)).decode()
    rows = [{**ROW, "name": name, "stdout": data} for name in ("host", "xen", "services")]
    path.write_text(json.dumps({**WHOLE, "outputs": rows}))


FILES: dict[str, tuple[Callable[[Path], None], str]] = {
    "a FIFO": (fifo, "it is not a regular file"),
    "a folder": (lambda path: path.mkdir(), "it is a directory"),
    "a device": (lambda path: path.symlink_to("/dev/zero"), "it is not a regular file"),
    "nothing": (lambda path: path.with_name("other").touch(), "No such file"),
    "Latin-1": (bytes_of(b'{"host": "\xe4"}'), "expected UTF-8, found the byte 0xe4"),
    "UTF-16": (bytes_of(text().encode("utf-16")), "expected UTF-8, found the byte 0xff"),
    "zeros": (bytes_of(bytes(1000)), "is not a recording"),
    "2 GiB": (sparse, "it is larger than 64 MiB"),
    "millions of lists": (flat, "values, more than"),
    "wide letters": (wide, "not all ASCII"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_no_recording_is_said(name: str, tmp_path: Path) -> None:
    make, why = FILES[name]
    make(tmp_path / "host.json")
    with pytest.raises(SourceError, match=why):
        Recording.read(tmp_path / "host.json")


def test_a_bad_recording_does_not_take_the_good_ones_along(tmp_path: Path) -> None:
    """Each bad one is an error of its own; the hosts before and behind it are judged."""
    kinds = ("deep lists", "infinity", "a null name", "a number as time", "a note that is a number", "a probe twice")
    hosts = [f"recording://{GOOD}"]
    for at, name in enumerate(kinds):
        (tmp_path / f"bad{at}.json").write_text(BROKEN[name][0])
        hosts.append(f"recording://{tmp_path}/bad{at}.json")
    (tmp_path / "latin.json").write_bytes(b"\xe4")
    fifo(tmp_path / "fifo.json")
    hosts += [f"recording://{tmp_path}/latin.json", f"recording://{tmp_path}/fifo.json"]
    (tmp_path / "last.json").write_bytes(GOOD.read_bytes())
    hosts.append(f"recording://{tmp_path}/last.json")
    done = Suite(tmp_path / "report").run(
        "--profile=sles12", f"--hosts={','.join(hosts)}", "tests/host/test_packages.py"
    )
    assert done.exit_status == 6
    assert "INTERNALERROR" not in done.output
    assert "Traceback" not in done.output
    outcomes = {host: {v.outcome for v in done.verdicts if v.host == host} for host in hosts}
    assert outcomes == {host: {"pass"} if host in (hosts[0], hosts[-1]) else {"error"} for host in hosts}


@pytest.mark.parametrize("make", [sparse, flat, wide, full], ids=lambda make: make.__name__)
def test_no_recording_takes_much_memory(make: Callable[[Path], None], tmp_path: Path) -> None:
    make(tmp_path / "host.json")
    command = Suite(tmp_path / "report").command(
        "-q", "--profile=sles12", f"--hosts=recording://{tmp_path}/host.json", "tests/host"
    )
    done = peak.run(command, tmp_path, clean_environment())
    assert done.exit_status == 6, done.output[-2000:]
    assert done.peak_mib < peak.BOUND_MIB


def test_a_recording_that_could_not_be_read_again_is_not_written(tmp_path: Path) -> None:
    found = Recording.from_json(row(stdout="A" * (16 << 20)), "x")
    many = Recording(found.host, found.taken, {f"x{at}": found.outputs["x"] for at in range(5)})
    with pytest.raises(SourceError, match="more than the 67108864 that can be read again"):
        many.write(tmp_path / "host.json")
    assert list(tmp_path.iterdir()) == []


def test_a_recording_on_a_full_disk_leaves_the_old_one(tmp_path: Path) -> None:
    old = tmp_path / "host.json"
    old.write_text("old")
    script = (
        "import resource, signal, sys; from pathlib import Path; from xenproof.source.probe import Recording\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); found = Recording.read(Path(sys.argv[1]))\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)); found.write(Path(sys.argv[2]))\n"
    )
    done = peak.run([sys.executable, "-c", script, str(GOOD), str(old)], tmp_path, clean_environment())
    assert "cannot write the recording" in done.output
    assert old.read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["host.json", "usage"]
