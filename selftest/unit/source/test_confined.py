"""Whatever a reader of foreign bytes does, its child process ends, and the parent has one error that names it."""

import os
import pickle
import re
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from selftest import confined_readers as readers
from selftest.supportconfigs.host import files, write_archive, write_folder
from xenproof.errors import SourceError, XenproofError
from xenproof.hosts.opening import open_host
from xenproof.profile.load import list_profiles, load_profile
from xenproof.run.progress import Progress
from xenproof.source.address import parse_url
from xenproof.source.confined import Confinement
from xenproof.source.probe import Recording
from xenproof.supportconfig.source import read_supportconfig

ROOT = Path(__file__).parents[3]
URL = "image:///of/somebody"
QUICK = Confinement(memory_mib=128, limit_s=20, answer_mib=1)
SHORT = Confinement(memory_mib=128, limit_s=1.5, answer_mib=1)
# Of a process that does nothing but read one source, and of the one that waits for it.
MOST_RSS_MIB = 450


def children() -> set[int]:
    """The processes that this one has started and that are not reaped."""
    return {
        int(pid) for task in Path("/proc/self/task").iterdir() for pid in (task / "children").read_text("ascii").split()
    }


@pytest.fixture(autouse=True)
def nothing_is_left(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    folder = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    before, descriptors = children(), len(list(Path("/proc/self/fd").iterdir()))
    yield
    assert children() <= before
    assert list(folder.iterdir()) == []
    assert len(list(Path("/proc/self/fd").iterdir())) <= descriptors


def test_a_recording_comes_back_as_it_was() -> None:
    found = QUICK.read(readers.good, URL, Path("/x"), 7, named=("a", b"b"))
    assert (found.host, found.about) == (URL, {"source": "a test"})
    assert found.outputs["said"].text == repr(((Path("/x"), 7), {"named": ("a", b"b")}))
    assert found.outputs["pid"].text != str(os.getpid())


def test_the_child_has_its_limits_and_nothing_of_ours(tmp_path: Path) -> None:
    held = os.open(tmp_path, os.O_RDONLY)
    os.set_inheritable(held, True)
    try:
        found = QUICK.read(readers.good, URL)
    finally:
        os.close(held)
    # The three that every process has, the answer, and the folder that is being listed.
    assert found.outputs["open"].text == "0 1 2 3 4"
    limits = found.outputs["limits"].text
    assert re.search(r"^Max core file size +0 +0 ", limits, re.MULTILINE)
    assert re.search(r"^Max cpu time +21 +21 ", limits, re.MULTILINE)
    assert not re.search(r"^Max address space +unlimited", limits, re.MULTILINE)
    assert "xenproof-read-" in found.outputs["temporary"].text


@pytest.mark.parametrize("name", sorted(readers.HELD))
def test_an_error_is_of_the_same_kind_and_says_the_same(name: str) -> None:
    kind = SourceError if name == "NotADom0" else readers.HELD[name]
    with pytest.raises(XenproofError) as caught:
        QUICK.read(readers.error, URL, name, "it is \udcff no image")
    assert type(caught.value) is kind
    assert str(caught.value) == f"{URL}: it is \\udcff no image"


ATTACKS: dict[str, tuple[Callable[[], Recording], str]] = {
    "bytes": (lambda: QUICK.read(readers.allocates, URL, "bytes"), r"it needs more memory; .* at most 128 MiB"),
    "objects": (lambda: QUICK.read(readers.allocates, URL, "objects"), r"it needs more memory"),
    "at once": (lambda: QUICK.read(readers.allocates, URL, "at once"), r"it needs more memory"),
    "loop": (lambda: SHORT.read(readers.loops, URL), r"it did not end within 1\.5 s"),
    "small reads": (lambda: SHORT.read(readers.reads, URL, Path(__file__)), r"it did not end within 1\.5 s"),
    "abort": (lambda: QUICK.read(readers.aborts, URL), r"its reader was ended by SIGABRT"),
    "segmentation fault": (lambda: QUICK.read(readers.reads_nothing, URL), r"its reader was ended by SIGSEGV"),
    "kill": (lambda: QUICK.read(readers.kills, URL), r"its reader was ended by SIGKILL"),
    "exit 0": (lambda: QUICK.read(readers.exits, URL, 0), r"its reader gave no answer"),
    "exit 1": (lambda: QUICK.read(readers.exits, URL, 1), r"its reader ended with exit code 1"),
    "stdout": (lambda: QUICK.read(readers.prints, URL, 1), r"its reader printed more than 16 MiB; .* 'xxx"),
    "stderr": (lambda: QUICK.read(readers.prints, URL, 2), r"its reader printed more than 16 MiB; .* 'xxx"),
    "words": (lambda: QUICK.read(readers.says, URL, "\x1b[31mred"), r"exit code 3; its last output: '\\x1b\[31mred'"),
    "no json": (lambda: QUICK.read(readers.answers, URL, b"recording\n{", 1), r"is not a recording"),
    "no kind": (lambda: QUICK.read(readers.answers, URL, b"Exception\nx", 1), r"its reader gave no answer"),
    "no line": (lambda: QUICK.read(readers.answers, URL, b"x" * 9000, 1), r"its reader gave no answer"),
    "deep json": (
        lambda: QUICK.read(readers.answers, URL, b"recording\n" + b"[" * 200_000, 1),
        r"is not a recording",
    ),
    "endless answer": (lambda: QUICK.read(readers.answers, URL, b"x" * 65536, 10**9), r"its recording is larger"),
    "large recording": (lambda: QUICK.read(readers.large, URL, 2), r"its recording is larger"),
    "no recording": (lambda: QUICK.read(readers.no_recording, URL), r"AttributeError"),
    "exception": (lambda: QUICK.read(readers.broken, URL), r"ValueError: 'image:///of/somebody\\x1b\]52"),
    "recursion": (lambda: QUICK.read(readers.too_deep, URL), r"it is nested too deeply"),
    "files": (lambda: QUICK.read(readers.leaves_files, URL, 5), r"its reader ended with exit code 5"),
    "closed": (lambda: SHORT.read(readers.closes_and_loops, URL), r"it did not end within 1\.5 s"),
}  # fmt: skip


@pytest.mark.parametrize("name", ATTACKS)
def test_the_parent_survives_with_one_error(name: str) -> None:
    attack, words = ATTACKS[name]
    began = time.monotonic()
    with pytest.raises(SourceError, match=words) as caught:
        attack()
    assert time.monotonic() - began < 60
    message = str(caught.value)
    assert URL in message
    assert len(message) < 1500
    assert message.isprintable()
    assert "look at where it is from" in message


def test_the_memory_of_a_child_at_its_limit_is_below_the_bound() -> None:
    code = f"""
        import resource
        from selftest import confined_readers as readers
        from xenproof.errors import SourceError
        from xenproof.source.confined import Confinement
        for how in ("bytes", "objects"):
            try:
                Confinement().read(readers.allocates, {URL!r}, how)
            except SourceError as error:
                assert "at most 384 MiB" in str(error), error
        print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10)
        from selftest.peak import own_peak_mib
        print(own_peak_mib())
    """
    child, parent = map(int, in_a_process(code).split())
    assert 300 < child < MOST_RSS_MIB
    assert parent < 150


def test_the_memory_of_the_parent_is_below_the_bound() -> None:
    code = f"""
        from selftest import confined_readers as readers
        from xenproof.source.confined import Confinement
        recording = Confinement(memory_mib=1024).read(readers.large, {URL!r}, 15, 3)
        recording.to_json()
        from selftest.peak import own_peak_mib
        print(own_peak_mib())
    """
    assert int(in_a_process(code)) < MOST_RSS_MIB


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL, signal.SIGHUP])
def test_a_child_ends_with_its_parent(tmp_path: Path, sign: signal.Signals) -> None:
    pid = tmp_path / "pid"
    # A run behind nohup ignores SIGHUP, and so would its children.
    code = f"""
        import signal
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        from pathlib import Path
        from selftest import confined_readers as readers
        from xenproof.run.interruption import interrupt_on_sigterm
        from xenproof.source.confined import Confinement
        interrupt_on_sigterm()
        Confinement(below=Path({str(tmp_path)!r})).read(readers.starts_another, {URL!r}, Path({str(pid)!r}))
    """
    with started(code) as parent:
        wait_for(lambda: pid.exists() and pid.read_text("ascii") != "", "the child")
        child = int(pid.read_text("ascii"))
        parent.send_signal(sign)
        parent.communicate(timeout=120)
        wait_for(lambda: not is_running(child), "the end of the child")
        assert parent.returncode != 0


def test_an_exception_in_the_parent_ends_the_child(tmp_path: Path) -> None:
    pid = tmp_path / "pid"

    def interrupt() -> None:
        wait_for(lambda: pid.exists() and pid.read_text("ascii") != "", "the child")
        os.kill(os.getpid(), signal.SIGUSR1)

    def interrupted(*_: object) -> None:
        raise RuntimeError("somewhere else")

    before = signal.signal(signal.SIGUSR1, interrupted)
    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        with pytest.raises(RuntimeError, match="somewhere else"):
            Confinement().read(readers.starts_another, URL, pid)
    finally:
        thread.join()
        signal.signal(signal.SIGUSR1, before)
    wait_for(lambda: not is_running(int(pid.read_text("ascii"))), "the end of the child")


@pytest.mark.parametrize("name", list_profiles())
def test_a_profile_is_the_same_in_another_process(name: str) -> None:
    profile = load_profile(name)
    again = pickle.loads(pickle.dumps(profile))  # noqa: S301  # our own
    assert (again.digest, again.chain, again.scheme) == (profile.digest, profile.chain, profile.scheme)
    assert dict(again.expectations) == dict(profile.expectations)
    assert dict(again.settings) == dict(profile.settings)


def test_a_host_is_opened_by_way_of_a_child(tmp_path: Path) -> None:
    (folder := tmp_path / "run").mkdir()
    profile = load_profile("sles12")
    archive = write_archive(tmp_path / "scc.txz", files())
    url = f"supportconfig://{archive}"
    opened = open_host(parse_url(url), profile, folder, Progress(), identity=None, known_hosts=None)
    assert opened.target.blocked == ""
    assert opened.recording is not None
    assert opened.recording.outputs == read_supportconfig(url, archive, profile).outputs
    assert opened.target.read().outputs == opened.recording.outputs


@pytest.mark.parametrize("scheme", ["image", "supportconfig"])
def test_what_cannot_be_read_is_an_error_of_that_host_alone(tmp_path: Path, scheme: str) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"nothing")
    opened = open_host(
        parse_url(f"{scheme}://{path}"), load_profile("sles12"), tmp_path, Progress(), identity=None, known_hosts=None
    )
    assert str(path) in opened.target.blocked
    assert opened.recording is None


def test_a_run_from_a_recording_loads_nothing_of_it(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    read_supportconfig("x", write_folder(tmp_path / "folder", files()), load_profile("sles12")).write(path)
    code = f"""
        import sys
        from pathlib import Path
        from xenproof.run.progress import Progress
        from xenproof.profile.load import load_profile
        from xenproof.hosts.opening import open_host
        from xenproof.source.address import parse_url
        profile = load_profile("sles12")
        opened = open_host(
            parse_url("recording://{path}"), profile, Path("/"), Progress(), identity=None, known_hosts=None
        )
        assert opened.recording is not None
        late = ("xenproof.source.confined", "xenproof.image.", "ctypes")
        print([name for name in sys.modules if name.startswith(late)])
    """
    assert in_a_process(code).strip() == "[]"


def started(code: str) -> "subprocess.Popen[bytes]":
    text = textwrap.dedent(code)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-c", text], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def in_a_process(code: str) -> str:
    with started(code) as process:
        out, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors.decode()
    return out.decode()


def is_running(pid: int) -> bool:
    """Whether the process is there and not only waits to be reaped."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(") ")[2][:1]
    except OSError:
        return False
    return state not in ("Z", "X")


def wait_for(come: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + 120
    while not come():
        assert time.monotonic() < until, f"{what} did not come"
        time.sleep(0.02)
