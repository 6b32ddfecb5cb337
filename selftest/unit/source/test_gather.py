import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xenproof.errors import CommandFailed, CommandTimedOut, NotEvaluable, SourceError
from xenproof.source.connection import Completed
from xenproof.source.gather import gather
from xenproof.source.local import LocalConnection
from xenproof.source.probe import Probe, Recording
from xenproof.source.redact import redacted

KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1r\nZXktdjE=\n-----END OPENSSH PRIVATE KEY-----"


class Broken(LocalConnection):
    """This machine behind something odd: a login shell that does `prefix` first, a limit of `max_bytes`."""

    def __init__(self, prefix: str = "", max_bytes: int = 1 << 20, limit_s: float = 60) -> None:
        super().__init__("local://")
        self._prefix, self._max, self._limit = prefix, max_bytes, limit_s

    def run(self, command: str, *, limit_s: float = 30.0, stdin: bytes = b"", max_bytes: int = 0) -> Completed:
        limit_s = min(limit_s, self._limit)
        return super().run(
            f"{self._prefix}\n{command}", limit_s=limit_s, stdin=stdin, max_bytes=min(max_bytes, self._max)
        )


def test_a_recording_holds_every_probe_and_survives_json() -> None:
    probes = [Probe("one", "echo 1"), Probe("two", "echo 2; exit 3", allowed=frozenset({3}))]
    recording = gather(LocalConnection(), probes, {"accelerator": "tcg"})
    assert [recording.output(probe).text for probe in probes] == ["1\n", "2\n"]
    assert recording.host == "local://"
    assert (recording.about["accelerator"], recording.about["limits"]) == ("tcg", "session")
    assert recording.taken.endswith("+00:00")
    assert Recording.from_json(recording.to_json(), "x") == recording
    with pytest.raises(NotEvaluable):
        recording.output(Probe("three", ":"))


def test_a_banner_of_the_login_shell_is_noted_and_ignored() -> None:
    recording = gather(Broken("echo Welcome; echo careful >&2"), [Probe("one", "echo 1")], {})
    assert recording.about["login noise"] == "Welcome\ncareful"
    assert recording.outputs["one"].stdout == b"1\n"


def test_a_shell_that_refuses_is_an_error_with_its_words() -> None:
    with pytest.raises(SourceError, match=r"did not run the script.*account is not available"):
        gather(Broken("echo This account is not available; exit 1"), [Probe("one", "echo 1")], {})


@pytest.mark.parametrize(
    ("host", "script", "why", "seen"),
    [
        (Broken(max_bytes=5000), "yes", "more than 5000 bytes on stdout", r"y\ny\n"),
        (Broken(max_bytes=5000), "yes x >&2", "more than 5000 bytes on stderr", r"x\nx\n"),
        (Broken(limit_s=1.5), "echo x; sleep 1000", "did not end within 1.5 s", "x"),
        (Broken(), "echo half; kill -s KILL $$", "its script ended there, with exit code 137", "half"),
    ],
)
def test_a_probe_that_cuts_the_output_is_an_error_and_the_others_are_read(
    host: Broken, script: str, why: str, seen: str
) -> None:
    first, second, third = Probe("first", "echo 1"), Probe("second", script), Probe("third", "echo 3")
    recording = gather(host, [first, second, third], {})
    assert (recording.output(first).text, recording.output(third).text) == ("1\n", "3\n")
    assert list(recording.outputs) == ["first", "second", "third"]
    assert recording.about["cut probes"] == "second"
    assert why in recording.about["cut"]
    with pytest.raises(SourceError, match=rf"the output of the host was cut.*{why}") as error:
        recording.output(second)
    assert f"it had printed: {seen}" in str(error.value)


def test_each_probe_that_cuts_the_output_is_an_error() -> None:
    probes = [Probe(f"p{number}", "yes" if number % 2 else "echo x") for number in range(5)]
    recording = gather(Broken(max_bytes=5000), probes, {})
    assert recording.about["cut probes"] == "p1, p3"
    assert [recording.output(probe).text for probe in probes[::2]] == ["x\n"] * 3


class Dies(Broken):
    """A host that cannot be reached any more after the first command."""

    def run(self, command: str, *, limit_s: float = 30.0, stdin: bytes = b"", max_bytes: int = 0) -> Completed:
        if not self._max:
            raise SourceError("the connection broke")
        try:
            return super().run(command, limit_s=limit_s, stdin=stdin, max_bytes=max_bytes)
        finally:
            self._max = 0


def test_what_was_read_before_a_host_died_is_kept() -> None:
    first, second, third = Probe("first", "echo 1"), Probe("second", "yes"), Probe("third", "echo 3")
    recording = gather(Dies(max_bytes=5000), [first, second, third], {})
    assert recording.output(first).text == "1\n"
    assert recording.about["cut probes"] == "second, third"
    with pytest.raises(SourceError, match="the connection broke"):
        recording.output(third)


def test_no_probes_are_an_error() -> None:
    with pytest.raises(SourceError, match="no probe"):
        gather(LocalConnection(), [], {})


def test_secrets_never_reach_a_recording() -> None:
    script = (
        f"echo before; echo {shlex.quote(KEY)}; echo {shlex.quote(KEY)} >&2; echo \"vncpasswd='hunter2'\"; echo after"
    )
    recording = gather(LocalConnection(), [Probe("secret", script)], {})
    found = recording.outputs["secret"]
    assert found.text == "before\n[redacted]\nvncpasswd=[redacted]\nafter\n"
    assert found.error_text == "[redacted]\n"
    assert recording.about["redacted"] == "3"


def test_secrets_never_reach_a_message() -> None:
    # Cut in the middle of it, where nothing tells any more that it is one.
    long = KEY.replace("b3BlbnNzaC1r", "b3BlbnNzaC1r" * 40)
    for host in (LocalConnection(), Broken("echo " + shlex.quote(long) + " >&2")):
        with pytest.raises(CommandTimedOut) as raised:
            host.run(f"echo {shlex.quote(long)} >&2; exec sleep 60", limit_s=1.0, max_bytes=1 << 20)
        assert "b3BlbnNzaC1r" not in str(raised.value)
        assert "[redacted]" in str(raised.value)
        with pytest.raises(CommandFailed) as failed:
            host.run(f"echo {shlex.quote(long)} >&2; exit 3", max_bytes=1 << 20).check()
        assert "b3BlbnNzaC1r" not in str(failed.value)
    with pytest.raises(SourceError) as refused:
        gather(Broken("echo " + shlex.quote(long) + "; exit 1"), [Probe("one", "echo 1")], {})
    assert "b3BlbnNzaC1r" not in str(refused.value)
    recording = gather(
        Broken(limit_s=2), [Probe("one", f"echo {'x' * 80} \"vncpasswd='hunter2 hunter2'\" >&2; kill -s KILL $$")], {}
    )
    assert "hunter" not in recording.to_json()


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        (KEY[:-20], "[redacted]"),
        (KEY.replace("OPENSSH ", ""), "[redacted]"),
        (f"{KEY}\n{KEY}", "[redacted]\n[redacted]"),
        (KEY.replace("PRIVATE", "PUBLIC"), KEY.replace("PRIVATE", "PUBLIC")),
        ('vnc = 1\nspicepasswd = "a b"', "vnc = 1\nspicepasswd = [redacted]"),
        ('vncpasswd=""', 'vncpasswd=""'),
        ("<graphics type='vnc' passwd='x'/>", "<graphics type='vnc' passwd=[redacted]/>"),
        ('"spice": {"enable": "True", "passwd": "a\\"b"}', '"spice": {"enable": "True", "passwd": "[redacted]"}'),
        ('"vnc": {"passwd": ""}', '"vnc": {"passwd": ""}'),
        ("qemu -spice port=1,password=a1b2,agent-mouse=on", "qemu -spice port=1,password=[redacted],agent-mouse=on"),
        ("root:$6$abc$DEFGHIJK./:1", "root:[redacted]:1"),
        ("password_pbkdf2 root grub.pbkdf2.sha512.10000.0A1B2C3D4E5F60718293", "password_pbkdf2 root [redacted]"),
        (
            "GRUB_CMDLINE_XEN=dom0_mem=2G $6 PasswordAuthentication no",
            "GRUB_CMDLINE_XEN=dom0_mem=2G $6 PasswordAuthentication no",
        ),
    ],
)
def test_what_is_redacted_and_what_is_not(text: str, clean: str) -> None:
    assert redacted(text.encode())[0].decode() == clean


@given(st.binary(), st.binary(), st.sampled_from(["RSA ", "EC ", "", "ENCRYPTED "]))
def test_no_part_of_a_key_stays(before: bytes, after: bytes, kind: str) -> None:
    key = KEY.replace("OPENSSH ", kind).encode()
    assert b"b3BlbnNzaC1r" not in redacted(before + key + after)[0]
