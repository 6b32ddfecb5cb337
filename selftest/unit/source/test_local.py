import contextlib
import time
from pathlib import Path

import pytest

from selftest.sshd import eventually
from xenproof.errors import CommandTimedOut, OutputTooLarge
from xenproof.source.local import LocalConnection

HOST = LocalConnection()


def gone(pid: int) -> bool:
    """Whether the process ends within 5 s; a zombie that nobody has reaped yet is as good as gone."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.02)
    return False


def test_output_and_exit_code_are_kept_apart() -> None:
    done = HOST.run("echo out; echo err >&2; exit 7")
    assert (done.stdout, done.stderr, done.exit_code) == (b"out\n", b"err\n", 7)


def test_stdin_is_given_while_output_is_read() -> None:
    data = bytes(range(256)) * 16384
    assert HOST.run("cat", stdin=data).stdout == data


def test_a_command_may_leave_its_stdin_unread() -> None:
    assert HOST.run("echo ok", stdin=b"x" * 4_000_000).text == "ok\n"


def test_four_megabytes_on_stderr_do_not_block() -> None:
    assert len(HOST.run("head -c 4194304 /dev/zero >&2").stderr) == 4194304


def test_a_signal_is_told_as_a_shell_tells_it() -> None:
    assert HOST.run("kill -KILL $$").exit_code == 137


def test_a_timeout_ends_the_command_and_its_children() -> None:
    with pytest.raises(CommandTimedOut, match=r"did not end within 0\.3 s.*was killed") as raised:
        HOST.run("sleep 1000 & echo $!; wait", limit_s=0.3)
    assert gone(int(raised.value.stdout))  # type: ignore[attr-defined]  # limits.TimedOut, by its base


def test_a_command_that_never_stops_printing_is_ended_in_time() -> None:
    with pytest.raises(CommandTimedOut):
        HOST.run("yes", limit_s=0.3, max_bytes=1 << 34)


@pytest.mark.parametrize("redirect", ["", ">&2"])
def test_too_much_output_is_an_error(redirect: str) -> None:
    with pytest.raises(OutputTooLarge, match="more than 1000 bytes"):
        HOST.run(f"yes {redirect}", max_bytes=1000)


@pytest.mark.parametrize("few", ["stdout", "stderr"])
def test_the_little_on_one_output_is_kept_where_the_other_is_too_much(few: str) -> None:
    first, endless = ("", ">&2") if few == "stdout" else (">&2", "")
    for _ in range(40):  # which of both is seen first is left to chance
        with pytest.raises(OutputTooLarge) as raised:
            HOST.run(f"echo first {first}; exec yes {endless}", max_bytes=1000)
        assert getattr(raised.value, few) == b"first\n"


def test_a_stream_is_read_while_the_command_runs_and_ended_with_its_context() -> None:
    with HOST.follow("echo $$; exec sleep 1000") as stream:
        pid = int(stream.read(5) or b"")
        assert stream.read(0.05) == b""
    assert gone(pid)


def test_a_stream_ends_with_none() -> None:
    with HOST.follow("echo a") as stream:
        assert [stream.read(5), stream.read(5), stream.read(5)] == [b"a\n", None, None]


def test_a_command_whose_stdin_is_kept_knows_when_it_ends() -> None:
    with HOST.follow("echo a; cat >/dev/null; echo b", keep_stdin=True) as stream:
        assert [stream.read(5), stream.read(0.05)] == [b"a\n", b""]
        stream.end_stdin()
        assert [stream.read(5), stream.read(5)] == [b"b\n", None]


def test_a_command_whose_stdin_is_kept_ends_by_itself(tmp_path: Path) -> None:
    """As the keeper of a run's folder: an interruption of who waits for it must not end it by force."""
    tidied = tmp_path / "tidied"
    script = f"trap '' PIPE; echo a; cat >/dev/null; sleep 0.5; echo b; : >{tidied}"
    for stop in (False, True):
        tidied.unlink(missing_ok=True)
        with contextlib.suppress(KeyboardInterrupt), HOST.follow(script, keep_stdin=True) as stream:
            assert stream.read(10) == b"a\n"
            if stop:
                stream.end_stdin()
            raise KeyboardInterrupt
        eventually(tidied.exists, "the command does what it has to")
