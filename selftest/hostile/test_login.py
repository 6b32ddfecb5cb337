"""Logging in to a host that does not let us in, one way or another."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import paramiko
import pytest

from selftest.hostile.logins import BEFORE, ESCAPING, drops, greets_for_ever, half, never, refuses
from selftest.hostile.server import Behaviour, Host, hostile
from selftest.sshd import keygen
from xenproof.errors import SourceError

# Generous: what it stands against is for ever, and the machine may be busy with other work.
LIMIT_S = 60.0


def refused(folder: Path, behaviour: Behaviour, **options: Path | None) -> tuple[str, float, int]:
    """What connecting says, the time it took, and how many keys the host was shown."""
    with hostile(folder, behaviour) as server:
        started = time.monotonic()
        with pytest.raises(SourceError) as caught:
            server.connect(**options).close()  # type: ignore[arg-type]  # mypy sees one type for all values
        return str(caught.value), time.monotonic() - started, sum(host.keys for host in server.hosts)


@pytest.mark.parametrize("name", BEFORE)
def test_what_is_no_ssh_server_is_an_error_in_time(name: str, tmp_path: Path) -> None:
    behaviour, expected = BEFORE[name]
    text, seconds, _ = refused(tmp_path, behaviour)
    assert re.search(expected, text, re.DOTALL), text
    assert seconds < LIMIT_S
    assert len(text) < 1000


@pytest.mark.parametrize("name", ESCAPING)
def test_what_a_message_quotes_of_a_peer_is_short_and_plain(name: str, tmp_path: Path) -> None:
    text, _, _ = refused(tmp_path, ESCAPING[name])
    assert text.isprintable(), repr(text)
    assert len(text) < 1500


@pytest.fixture
def three_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user with three identities and no agent."""
    (tmp_path / ".ssh").mkdir()
    for name in ("ed25519", "ecdsa", "rsa"):
        keygen(tmp_path / f".ssh/id_{name}")  # an RSA key takes seconds to make
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)


@pytest.mark.usefixtures("three_keys")
@pytest.mark.parametrize(
    ("behaviour", "expected", "keys"),
    [
        (Behaviour(login=refuses), r"does not let 'root' in; identities tried: \S*ed25519, \S*ecdsa, \S*rsa\.", 3),
        (Behaviour(login=never), r"timed out: it did not answer within 2 s .* tried: ~/.ssh/id_ed25519\.", 1),
        (Behaviour(login=greets_for_ever), r"timed out: it did not answer within 2 s", 1),
        (Behaviour(login=half), r"id_ed25519 \(accepted, but the host asks for more: publickey\), .*rsa \(acc", 3),
        (Behaviour(login=drops), r"tried: ~/.ssh/id_ed25519 \(the host then ended the connection[^,]*\)\.", 1),
        (Behaviour(login=refuses, kinds="password"), r"id_ed25519 \(the host takes no key, only: password\)\.", 1),
        (
            Behaviour(login=refuses, kinds="keyboard-interactive,password"),
            r"\(the host takes no key, only: keyboard-interactive, password\)\.",
            1,
        ),
        (Behaviour(login=refuses, banner="x" * (1 << 20)), r"then ended the connection: it sent a packet of", 1),
        (Behaviour(login=refuses, banner="\x1b[31m" * 30_000), r"does not let 'root' in", 3),
    ],
    ids=["refuses", "no answer", "banners", "half", "drops", "password", "interactive", "long banner", "banner"],
)  # fmt: skip
def test_each_way_of_not_being_let_in_is_told_as_what_it_is(
    behaviour: Behaviour, expected: str, keys: int, tmp_path: Path
) -> None:
    text, seconds, shown = refused(tmp_path, behaviour, identity=None)
    assert re.search(expected, text), text
    assert ("add its public half" in text) == ("timed out" not in text)
    assert shown <= keys
    assert shown == keys or "ended the connection" in text
    assert seconds < LIMIT_S


def test_all_identities_together_have_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def late(host: Host) -> int:
        host.ended.wait(0.5)
        return refuses(host)

    class Agent:
        """An agent with more keys than any host wants to see."""

        def get_keys(self) -> tuple[paramiko.PKey, ...]:
            return tuple(paramiko.Ed25519Key.from_private_key_file(str(tmp_path / "id")) for _ in range(30))

        def close(self) -> None: ...

    monkeypatch.setattr(paramiko, "Agent", Agent)
    monkeypatch.setattr("xenproof.source.ssh_auth._agent_listens", lambda: True)
    text, seconds, shown = refused(tmp_path, Behaviour(login=late), identity=None)
    assert seconds < LIMIT_S
    assert shown <= 10
    assert "timed out" in text or "ended the connection" in text


def test_an_identity_that_is_no_file_is_an_error(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "large").write_bytes(b"-----BEGIN OPENSSH PRIVATE KEY-----\n" + b"A" * (2 << 20))
    (tmp_path / "odd").write_bytes(b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n")
    with hostile(tmp_path) as server:
        for name in ("fifo", "large", "odd", "."):
            with pytest.raises(
                SourceError, match=r"cannot use the identity .*: (it is no private key|the file cannot)"
            ):
                server.connect(identity=tmp_path / name)


def test_a_process_is_not_kept_by_a_host_that_dropped_the_connection(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom xenproof.source.ssh import SSHConnection\n"
        "from xenproof.source.host_keys import HostKeys\nfrom xenproof.errors import SourceError\n"
        "pins = HostKeys.read(Path(sys.argv[2]))\n"
        "try:\n    SSHConnection(url='x', host='127.0.0.1', port=int(sys.argv[1]), pins=pins)\n"
        "except SourceError:\n    print('refused')\n"
    )
    with hostile(tmp_path, BEFORE["an unknown packet"][0], BEFORE["names that nobody knows"][0]) as server:
        started = time.monotonic()
        command = [sys.executable, "-c", code, str(server.port), str(tmp_path / "known_hosts")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "refused\n"
    assert time.monotonic() - started < 20, "paramiko's timer of the handshake has 30 s"
