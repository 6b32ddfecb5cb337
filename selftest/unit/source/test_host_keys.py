import base64
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xenproof.errors import SourceError
from xenproof.source.host_keys import HostKey, HostKeys

ONE, TWO = HostKey("ssh-ed25519", b"one"), HostKey("ssh-rsa", b"two")


def line(names: str, key: HostKey) -> str:
    return f"{names} {key.type} {base64.b64encode(key.blob).decode()} a comment\n"


def pins(tmp_path: Path, text: str) -> HostKeys:
    path = tmp_path / "known_hosts"
    path.write_text(text)
    return HostKeys.read(path)


@pytest.mark.parametrize(
    ("names", "host", "port", "found"),
    [
        ("xen1", "xen1", 22, True),
        ("xen1", "XEN1", 22, True),
        ("xen1", "xen1", 2222, False),
        ("[xen1]:2222", "xen1", 2222, True),
        ("other,10.0.0.1", "10.0.0.1", 22, True),
        ("*.example.org", "xen1.example.org", 22, True),
        ("*.example.org,!xen1.example.org", "xen1.example.org", 22, False),
        ("xen?", "xen12", 22, False),
        ("xen1", "xen10", 22, False),
    ],
)
def test_a_pin_holds_for_the_hosts_it_names(tmp_path: Path, names: str, host: str, port: int, found: bool) -> None:
    assert pins(tmp_path, line(names, ONE)).pinned(host, port) == [ONE] * found


def test_names_hashed_by_openssh_are_found(tmp_path: Path) -> None:
    public = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPQBE1KyETaSHUg5MFLvPPWvfdNeYRJh9WvYUzJDwQkx"
    (tmp_path / "known_hosts").write_text(f"[xen1]:2222 {public}\n")
    subprocess.run(["ssh-keygen", "-H", "-f", tmp_path / "known_hosts"], check=True, capture_output=True)
    hashed = HostKeys.read(tmp_path / "known_hosts")
    assert "xen1" not in hashed.path.read_text()
    assert [key.type for key in hashed.pinned("xen1", 2222)] == ["ssh-ed25519"]
    assert hashed.pinned("xen1", 22) == []


def test_a_revoked_key_is_not_pinned(tmp_path: Path) -> None:
    text = line("xen1", ONE) + line("xen1", TWO) + "@revoked " + line("*", ONE)
    assert pins(tmp_path, text).pinned("xen1", 22) == [TWO]


@given(st.text(), st.text(st.characters(codec="ascii")))
def test_any_file_can_be_read_and_pins_only_what_it_names(text: str, names: str) -> None:
    path = Path("known_hosts")
    from xenproof.source import host_keys

    keys = HostKeys(path, tuple(host_keys._lines(f"{text}\n{names} x\n# {line('xen1', ONE)}")))
    assert keys.pinned("unknown.example.org", 22) == [] or "*" in text + names


def test_a_missing_file_pins_nothing(tmp_path: Path) -> None:
    assert HostKeys.read(tmp_path / "none").pinned("xen1", 22) == []


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot read the pinned host keys"):
        HostKeys.read(tmp_path)


def test_the_pin_command_pins(tmp_path: Path) -> None:
    keys = HostKeys.read(tmp_path / "it's known")
    subprocess.run(["sh", "-c", keys.pin_command("xen1", 2222, ONE)], check=True)
    assert HostKeys.read(keys.path).pinned("xen1", 2222) == [ONE]


def test_the_fingerprint_is_that_of_openssh(tmp_path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "key"], check=True)
    shown = subprocess.run(["ssh-keygen", "-lf", tmp_path / "key"], check=True, capture_output=True, text=True).stdout
    kind, blob = (tmp_path / "key.pub").read_text().split()[:2]
    assert HostKey(kind, base64.b64decode(blob)).fingerprint == shown.split()[1]
