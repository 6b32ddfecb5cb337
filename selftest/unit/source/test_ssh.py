"""Against a real sshd, started on a free port with keys and a configuration of its own."""

import contextlib
import getpass
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import paramiko
import pytest
from paramiko.common import MSG_CHANNEL_CLOSE, MSG_CHANNEL_DATA, MSG_CHANNEL_EOF

from selftest.sshd import HOST, Server, eventually, gone, keygen, kill, starter
from xenproof.errors import CommandTimedOut, HostKeyError, OutputTooLarge, SourceError
from xenproof.source.gather import gather
from xenproof.source.host_keys import HostKeys
from xenproof.source.probe import Probe
from xenproof.source.script import COMMAND
from xenproof.source.ssh import SSHConnection
from xenproof.source.ssh_transport import SessionTransport


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[], Server]]:
    """Starts an sshd once its keys are there; ends it and all of its children afterwards."""
    with starter(tmp_path) as begin:
        yield begin


@pytest.fixture
def server(start: Callable[[], Server]) -> Server:
    """An sshd that listens."""
    begun = start()
    begun.wait_until_it_listens()
    return begun


@pytest.fixture
def connection(server: Server) -> Iterator[SSHConnection]:
    """A connection to the sshd."""
    connected = server.connect()
    yield connected
    connected.close()


def threads() -> list[threading.Thread]:
    """The threads of paramiko that run."""
    return [thread for thread in threading.enumerate() if isinstance(thread, paramiko.Transport)]


@pytest.mark.parametrize("kind", [MSG_CHANNEL_EOF, MSG_CHANNEL_DATA])
def test_a_command_that_ends_as_its_input_is_sent_leaves_the_connection(
    connection: SSHConnection, monkeypatch: pytest.MonkeyPatch, kind: int
) -> None:
    # Without the guard, sshd ends the connection: "ieof packet referred to nonexistent channel" (paramiko issue 1705).
    send = SessionTransport._send_user_message
    closed = threading.Event()

    def late(transport: SessionTransport, message: paramiko.Message) -> None:
        # As if the thread of the command lost the processor here until its channel is closed.
        ours = threading.current_thread() is not transport
        if ours and message.asbytes()[0] == kind:
            assert closed.wait(30)
        send(transport, message)
        if not ours and message.asbytes()[0] == MSG_CHANNEL_CLOSE:
            closed.set()

    monkeypatch.setattr(SessionTransport, "_send_user_message", late)
    for _ in range(2):
        closed.clear()
        assert connection.run("exec true", stdin=b"1").exit_code == 0
        assert closed.is_set()
    monkeypatch.undo()
    assert connection.run("cat", stdin=b"2").text == "2"


def test_a_user_s_own_shell_start_up_is_not_run(connection: SSHConnection) -> None:
    assert connection.run('ls -A "$HOME"').stdout == b""


def test_output_and_exit_code_are_kept_apart(connection: SSHConnection) -> None:
    done = connection.run("echo out; echo err >&2; exit 7")
    assert (done.stdout, done.stderr, done.exit_code) == (b"out\n", b"err\n", 7)
    assert done.command == "echo out; echo err >&2; exit 7"


def test_commands_of_any_form_run(connection: SSHConnection) -> None:
    assert connection.run("cat <<E\na\nE").stdout == b"a\n"
    assert connection.run("").exit_code == 0
    assert connection.run("exit 3").exit_code == 3
    assert connection.run("echo ü").text == "ü\n"
    assert connection.run("if").exit_code != 0


def test_stdin_of_any_size_is_given_while_output_is_read(connection: SSHConnection) -> None:
    data = bytes(range(256)) * 20_000
    assert connection.run("cat", stdin=data).stdout == data
    assert connection.run("echo ok", stdin=data).text == "ok\n"


def test_four_megabytes_on_stderr_do_not_block(connection: SSHConnection) -> None:
    done = connection.run("head -c 4194304 /dev/zero >&2; echo end")
    assert (len(done.stderr), done.stdout) == (4194304, b"end\n")


def test_nagle_is_off_on_the_socket(connection: SSHConnection) -> None:
    sock = connection.transport.sock
    assert isinstance(sock, socket.socket)
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0


def test_a_signal_is_told_as_a_shell_tells_it(connection: SSHConnection) -> None:
    assert connection.run("kill -KILL $$").exit_code == 137
    assert connection.run("kill -SEGV $$").exit_code == 139


def test_a_timeout_ends_the_command_and_its_children(connection: SSHConnection) -> None:
    with pytest.raises(
        CommandTimedOut, match=r"did not end within 2 s and was killed.*its last output: 'hello'"
    ) as raised:
        connection.run("sleep 1000 & echo $!; echo hello >&2; wait", limit_s=2)
    pid = int(raised.value.stdout)  # type: ignore[attr-defined]  # limits.TimedOut, by its base
    eventually(lambda: gone(pid), "the child of the command ends")
    assert connection.run("echo still here").text == "still here\n"


@pytest.mark.parametrize("redirect", ["", ">&2"])
def test_too_much_output_is_an_error_and_ends_the_command(connection: SSHConnection, redirect: str) -> None:
    with pytest.raises(OutputTooLarge, match="more than 100000 bytes") as raised:
        connection.run(f"echo $$ {redirect}; exec yes {redirect}", max_bytes=100_000)
    error = raised.value
    pid = int((error.stderr if redirect else error.stdout).split()[0])  # type: ignore[attr-defined]  # limits.TooLarge
    eventually(lambda: gone(pid), "the command ends")


def test_a_stream_is_read_while_commands_run_and_ended_with_its_context(connection: SSHConnection) -> None:
    with connection.follow("echo $$; exec sleep 1000") as stream:
        pid = int(stream.read(10) or b"")
        assert connection.run("echo other").text == "other\n"
        assert stream.read(0.05) == b""
        assert not gone(pid)
    eventually(lambda: gone(pid), "the followed command ends")


def test_a_stream_ends_with_none(connection: SSHConnection) -> None:
    with connection.follow("echo a; head -c 3000000 /dev/zero >&2") as stream:
        assert [stream.read(10), stream.read(10), stream.read(10)] == [b"a\n", None, None]


def test_a_command_whose_stdin_is_kept_knows_when_it_ends(connection: SSHConnection) -> None:
    with connection.follow("echo a; cat >/dev/null; echo b", keep_stdin=True) as stream:
        assert [stream.read(10), stream.read(0.05)] == [b"a\n", b""]
        stream.end_stdin()
        assert [stream.read(10), stream.read(10)] == [b"b\n", None]


def test_a_command_whose_stdin_is_kept_ends_by_itself(connection: SSHConnection, tmp_path: Path) -> None:
    """As the keeper of a run's folder: an interruption of who waits for it must not end it by force."""
    tidied = tmp_path / "tidied"
    script = f"trap '' PIPE; echo a; cat >/dev/null; sleep 0.5; echo b; : >{tidied}"
    for stop in (False, True):
        tidied.unlink(missing_ok=True)
        with contextlib.suppress(KeyboardInterrupt), connection.follow(script, keep_stdin=True) as stream:
            assert stream.read(10) == b"a\n"
            if stop:
                stream.end_stdin()
            raise KeyboardInterrupt
        eventually(tidied.exists, "the command does what it has to")


def test_a_thread_may_follow_while_another_runs_commands(connection: SSHConnection) -> None:
    seen = bytearray()

    def follow() -> None:
        with connection.follow("i=0; while [ $i -lt 2000 ]; do echo $i; i=$((i+1)); done") as stream:
            while (data := stream.read(10)) is not None:
                seen.extend(data)

    thread = threading.Thread(target=follow)
    thread.start()
    outputs = [connection.run(f"echo {number}; echo e{number} >&2").text for number in range(20)]
    thread.join(20)
    assert outputs == [f"{number}\n" for number in range(20)]
    assert seen.decode().split() == [str(number) for number in range(2000)]


def test_a_server_that_is_killed_in_the_middle_is_an_error(server: Server, tmp_path: Path) -> None:
    connection = server.connect()
    marker = tmp_path / "begun"

    def watch() -> None:
        eventually(marker.exists, "the command begins")
        kill(server)

    killer = threading.Thread(target=watch)
    killer.start()
    with pytest.raises(SourceError, match="broke while a command ran"):
        connection.run(f"echo half; touch {marker}; while kill -0 $PPID; do sleep 0.1; done", limit_s=30)
    killer.join()
    with pytest.raises(SourceError, match="did not start a command"):
        connection.run("echo never")
    with pytest.raises(SourceError), connection.follow("echo never"):
        pass
    connection.close()
    connection.close()


def test_a_stream_of_a_killed_server_is_an_error_not_an_end(server: Server) -> None:
    connection = server.connect()
    with connection.follow("echo a; while kill -0 $PPID; do sleep 0.1; done") as stream:
        assert stream.read(10) == b"a\n"
        kill(server)
        with pytest.raises(SourceError, match="broke"):
            stream.read(10)
    connection.close()


def test_an_unknown_key_is_an_error_whose_command_pins_it(server: Server) -> None:
    server.pin()
    with pytest.raises(HostKeyError, match="is unknown: ssh-ed25519") as raised:
        server.connect()
    message = str(raised.value)
    assert server.key("ed25519").fingerprint in message
    subprocess.run(["sh", "-c", message.partition("pin it with: ")[2]], check=True)
    server.connect().close()


def test_a_changed_key_is_an_error_with_both_fingerprints_and_a_way_out(server: Server) -> None:
    keygen(server.folder / "host_old")
    old = server.key("old")
    server.pin(old)
    with pytest.raises(HostKeyError, match="has CHANGED") as raised:
        server.connect()
    message = str(raised.value)
    assert old.fingerprint in message
    assert server.key("ed25519").fingerprint in message
    command = message.partition("installed anew: ")[2]
    subprocess.run(["sh", "-c", command], check=True, capture_output=True)
    server.connect().close()


def test_the_server_is_asked_for_a_key_of_the_pinned_type(server: Server) -> None:
    server.pin(server.key("ecdsa"))
    connection = server.connect()
    assert connection.transport.get_remote_server_key().get_name() == "ecdsa-sha2-nistp256"
    connection.close()


def test_a_pinned_type_that_the_server_lacks_is_a_changed_key(server: Server) -> None:
    keygen(server.folder / "host_rsa", "rsa")
    server.pin(server.key("rsa"))
    with pytest.raises(HostKeyError, match=r"has CHANGED: expected ssh-rsa SHA256:.*found ssh-ed25519 SHA256:"):
        server.connect()


def test_a_wrong_identity_is_an_error_with_the_user_and_what_was_tried(server: Server) -> None:
    with pytest.raises(SourceError, match=f"does not let '{getpass.getuser()}' in") as raised:
        server.connect("other")
    assert f"{server.folder}/other (ssh-ed25519)" in str(raised.value)


@pytest.mark.parametrize(
    ("identity", "why"), [("absent", "No such file"), ("config", "no private key"), ("locked", "has a passphrase")]
)
def test_an_identity_that_cannot_be_used_is_an_error(server: Server, identity: str, why: str) -> None:
    locked = server.folder / "locked"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", locked], check=True)
    with pytest.raises(SourceError, match=f"cannot use the identity .*{identity}.*{why}"):
        server.connect(identity)


def test_without_an_identity_the_users_own_keys_are_tried(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(server.folder))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    options = {"url": "ssh://x", "host": HOST, "port": server.port, "user": getpass.getuser()}
    (server.folder / ".ssh").mkdir()
    shutil.copy(server.folder / "known_hosts", server.folder / ".ssh/known_hosts")
    with pytest.raises(SourceError, match="identities tried: none: no key in the agent"):
        SSHConnection(**options)  # type: ignore[arg-type]  # mypy sees one type for all values
    shutil.copy(server.folder / "id", server.folder / ".ssh/id_ed25519")
    SSHConnection(**options).close()  # type: ignore[arg-type]  # mypy sees one type for all values


def test_a_refused_port_is_an_error_that_says_so(server: Server) -> None:
    kill(server)
    with pytest.raises(SourceError, match=f"{HOST}:{server.port} refuses connections"):
        server.connect()


def test_an_unknown_name_is_an_error_that_says_so(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"'no-such-host\.invalid' is unknown"):
        SSHConnection(url="ssh://x", host="no-such-host.invalid", pins=HostKeys.read(tmp_path / "none"))


def test_a_server_that_says_nothing_is_an_error_within_the_limit(tmp_path: Path) -> None:
    with socket.create_server((HOST, 0)) as silent:
        port = silent.getsockname()[1]
        started = time.monotonic()
        with pytest.raises(SourceError, match=r"does not answer as an ssh server within 0\.5 s"):
            SSHConnection(
                url="ssh://x", host=HOST, port=port, pins=HostKeys.read(tmp_path / "none"), connect_limit_s=0.5
            )
        assert time.monotonic() - started < 5
    assert threads() == [], "a thread of a connection that was given up still runs"


def test_a_closed_connection_leaves_no_thread(server: Server) -> None:
    connection = server.connect()
    assert threads() != []
    connection.close()
    assert threads() == []


def test_a_host_that_comes_up_is_tried_again(start: Callable[[], Server]) -> None:
    first = start()
    kill(first)
    late = threading.Timer(0.7, start)
    late.start()
    connection = first.connect(retry_until_s=20)
    assert connection.run("echo up").text == "up\n"
    connection.close()
    late.join()


def test_a_host_that_stays_down_is_given_up_in_time(server: Server) -> None:
    kill(server)
    with pytest.raises(SourceError, match=r"refuses connections.*tried again for 0.6 s"):
        server.connect(retry_until_s=0.6)


def test_all_probes_are_one_round_trip(connection: SSHConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[str] = []
    run = connection.run

    def watched(command: str, *, limit_s: float, stdin: bytes, max_bytes: int) -> object:
        commands.append(command)
        return run(command, limit_s=limit_s, stdin=stdin, max_bytes=max_bytes)

    monkeypatch.setattr(connection, "run", watched)
    probes = [Probe("one", "echo 1"), Probe("hangs", "sleep 1000", limit_s=1), Probe("two", "echo 2; echo e >&2")]
    recording = gather(connection, probes, {})
    assert [out.text for out in recording.outputs.values()] == ["1\n", "", "2\n"]
    assert recording.outputs["two"].stderr == b"e\n"
    assert recording.outputs["hangs"].timed_out
    assert recording.about["limits"] == "session"
    assert commands == [COMMAND]
