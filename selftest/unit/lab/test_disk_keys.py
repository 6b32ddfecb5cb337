"""By which keys a host from a disk image of the user's own has to answer."""

import base64
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selftest.images.disks import make_ext4
from selftest.images.hostile_qcow2 import make_qcow2
from selftest.images.hostile_table import write_gpt
from xenproof.errors import SourceError
from xenproof.lab.disk_keys import _key, host_keys_in


def key_of(kind: str, filling: bytes = b"k" * 32) -> str:
    blob = len(kind).to_bytes(4, "big") + kind.encode() + len(filling).to_bytes(4, "big") + filling
    return f"{kind} {base64.b64encode(blob).decode()}"


ED25519, RSA = key_of("ssh-ed25519"), key_of("ssh-rsa", b"r" * 256)


def image_with(folder: Path, **files: str) -> Path:
    root = folder / "root"
    for path in ("etc/ssh", "etc/cloud", "usr/bin"):
        (root / path).mkdir(parents=True)
    for name, text in files.items():
        (root / name.replace("__", "/")).write_text(text)
    return make_ext4(folder / "host.raw", root)


def test_the_keys_in_the_image_are_read_without_their_comments(tmp_path: Path) -> None:
    files = {
        "etc/ssh/ssh_host_ed25519_key.pub": f"{ED25519} root@xen1\n",
        "etc/ssh/ssh_host_rsa_key.pub": f"# made at the installation\n{RSA}\n",
        "etc/ssh/ssh_host_ed25519_key": "a private key",
        "etc/ssh/other.pub": key_of("ssh-dss"),
    }
    assert host_keys_in(image_with(tmp_path, **files), ()) == [ED25519, RSA]


@pytest.mark.parametrize(
    "text", ["", "\n", "\0" * 400, "ssh-ed25519", "ssh-ed25519 AAAA", f"ssh-rsa {ED25519.split()[1]}"]
)
def test_a_file_without_a_key_is_none(tmp_path: Path, text: str) -> None:
    # After a power cut a file that was just made is empty, or holds zeros.
    assert host_keys_in(image_with(tmp_path, **{"etc/ssh/ssh_host_ed25519_key.pub": text}), ()) == []


def test_keys_that_cloud_init_replaces_are_not_those_of_the_host(tmp_path: Path) -> None:
    files = {"etc/ssh/ssh_host_ed25519_key.pub": ED25519, "usr/bin/cloud-init": "#!/usr/bin/python3\n"}
    assert host_keys_in(image_with(tmp_path, **files), ()) == []
    (tmp_path / "off").mkdir()
    assert host_keys_in(image_with(tmp_path / "off", **files, **{"etc/cloud/cloud-init.disabled": ""}), ()) == [ED25519]


def test_an_image_that_cannot_be_looked_into_has_none(tmp_path: Path) -> None:
    (tmp_path / "zeros.raw").write_bytes(bytes(1 << 20))
    (tmp_path / "small.raw").write_bytes(b"x")
    (tmp_path / "empty.raw").write_bytes(bytes(4 << 20))
    write_gpt(tmp_path / "empty.raw", [(2048, 4095)])
    for disk in sorted(tmp_path.glob("*.raw")):
        assert host_keys_in(disk, ()) == []


@pytest.mark.parametrize(
    "head", [b"KDMV", b"# Disk DescriptorFile\n", b"vhdxfile", b"conectix", b"<<< Oracle VM", b"PK\3\4"]
)
def test_an_image_of_another_format_is_an_error(tmp_path: Path, head: bytes) -> None:
    disk = tmp_path / "host.raw"
    disk.write_bytes(head + bytes(4096))
    with pytest.raises(SourceError, match="expected a raw or a qcow2 image"):
        host_keys_in(disk, ())


def test_a_backing_file_that_was_not_allowed_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"s" * 65536)
    make_qcow2(tmp_path / "host.qcow2", backing="secret")
    with pytest.raises(SourceError, match="allow it with --backing"):
        host_keys_in(tmp_path / "host.qcow2", ())


@given(st.text(max_size=100) | st.text("ssh-ed25519 AAAC3NzaI1lZDI1NTE5=\0\n", max_size=100))
def test_any_line_is_a_key_or_none(line: str) -> None:
    found = _key(line)
    assert not found or len(found.split()) == 2
