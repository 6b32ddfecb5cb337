"""Kernels of guests that are the host's own or the user's: what is missing is said, hosts give nothing unasked."""

import io
import os
import platform
import tarfile
from pathlib import Path

import pytest

from xenproof.errors import LabError, UsageError
from xenproof.guest.image.host_kernel import of_host, of_tree, static_busybox
from xenproof.source.local import LocalConnection
from xenproof.suite.options import check_guest_kernel

RELEASE = platform.release()
MODULES = f"lib/modules/{RELEASE}"
OF_KERNEL = {
    f"boot/vmlinuz-{RELEASE}": b"kernel",
    f"{MODULES}/modules.dep": b"kernel/fs/ext4/ext4.ko: kernel/lib/mbcache.ko\nkernel/lib/mbcache.ko:\n",
    f"{MODULES}/modules.builtin": b"kernel/a/xen-blkfront.ko\nkernel/a/xen-netfront.ko\nkernel/a/crc32c_generic.ko\n",
}
OF_MODULES = {f"{MODULES}/kernel/fs/ext4/ext4.ko": b"ext4", f"{MODULES}/kernel/lib/mbcache.ko": b"mbcache"}


@pytest.fixture
def give(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> "Give":
    """Lets this machine's tar print archives of ours, one after another."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "busybox").write_bytes(b"static")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    return Give(tmp_path)


class Give:
    """What a host gives of its kernel."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, *archives: dict[str, bytes]) -> Path:
        """The tree that is made of those archives."""
        for number, files in enumerate(archives):
            with tarfile.open(self.folder / f"{number}.tar", "w") as archive:
                for name, data in files.items():
                    member = tarfile.TarInfo(name)
                    member.size = len(data)
                    archive.addfile(member, io.BytesIO(data))
        script = f"#!/bin/sh\ncd {self.folder}\nfor next in *.tar; do cat $next; rm $next; exit; done\nexit 2\n"
        (self.folder / "bin/tar").write_text(script)
        (self.folder / "bin/tar").chmod(0o755)
        return of_host(LocalConnection(), self.folder / "busybox", self.folder / "made").parts


def test_the_kernel_of_a_host_is_fetched_with_what_guests_need_of_it(give: Give) -> None:
    parts = give(OF_KERNEL, OF_MODULES)

    found = {str(path.relative_to(parts)): path.read_bytes() for path in parts.rglob("*") if path.is_file()}
    assert found == OF_KERNEL | OF_MODULES | {"bin/busybox": b"static"}
    assert give().samefile(parts)  # the second time nothing is fetched


def test_a_host_gives_only_what_it_was_asked_for(give: Give) -> None:
    parts = give({"../../evil": b"x", "/etc/passwd": b"x", **OF_KERNEL}, OF_MODULES | {"bin/busybox": b"evil"})

    assert (parts / "bin/busybox").read_bytes() == b"static"
    assert not list(give.folder.rglob("evil"))


@pytest.mark.parametrize("missing", [*OF_KERNEL, *OF_MODULES])
def test_a_file_that_the_host_does_not_give_is_named(give: Give, missing: str) -> None:
    files = [{name: data for name, data in some.items() if name != missing} for some in (OF_KERNEL, OF_MODULES)]

    with pytest.raises(LabError, match=f"/{missing} of local:// is no file"):
        give(*files)


def test_a_host_without_the_files_of_its_kernel_says_so(give: Give) -> None:
    with pytest.raises(LabError, match=r"does not give the files of its kernel.* by --guest-kernel FOLDER"):
        give()


def test_a_kernel_without_the_drivers_of_a_guest_is_named(give: Give) -> None:
    with pytest.raises(LabError, match="cannot be that of a guest: module 'xen-blkfront' is neither"):
        give(OF_KERNEL | {f"{MODULES}/modules.builtin": b""})


def test_a_tree_of_the_user_has_a_busybox(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="no bin/busybox; put a static one there"):
        of_tree(tmp_path, tmp_path)
    with pytest.raises(LabError, match="nosuch is no folder"):
        of_tree(tmp_path / "nosuch", tmp_path)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/busybox").touch()
    assert of_tree(tmp_path, tmp_path).parts == tmp_path


@pytest.mark.parametrize(
    ("program", "is_static"), [(b"\x7fELF", True), (b"\x7fELF\0/lib64/ld-linux-x86-64.so.2\0", False)]
)
def test_only_a_static_busybox_will_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: bytes, is_static: bool
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LabError, match="found none; install the package busybox-static"):
        static_busybox()
    (tmp_path / "busybox").write_bytes(program)
    (tmp_path / "busybox").chmod(0o755)

    if is_static:
        assert static_busybox() == tmp_path / "busybox"
    else:
        with pytest.raises(LabError, match=f"found {tmp_path}/busybox; install"):
            static_busybox()


def test_a_kernel_that_cannot_be_meant_is_an_error_of_the_call(tmp_path: Path) -> None:
    (tmp_path / "boot").mkdir()
    for fine in (None, "host", str(tmp_path)):
        check_guest_kernel(fine)
    with pytest.raises(UsageError, match="'Host', expected `host`, or a folder with boot/vmlinuz-RELEASE"):
        check_guest_kernel("Host")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (b"kernel/a/../../../../../evil.ko:\n", "names 'kernel/a/../../../../../evil.ko', expected paths below"),
        (b"/evil.ko:\n", "names '/evil.ko'"),
        (b"kernel/a.ko: kernel/b.ko\n", "has no row of 'kernel/b.ko'"),
        (b"kernel/ext4.ko: kernel/b.ko\nkernel/b.ko: kernel/ext4.ko\n", "a module that needs itself: 'kernel/ext4.ko'"),
    ],
)
def test_a_list_of_modules_that_lies_is_refused(give: Give, rows: bytes, message: str) -> None:
    with pytest.raises(LabError, match=message):
        give(OF_KERNEL | {f"{MODULES}/modules.dep": rows}, OF_MODULES)


def test_what_is_no_archive_is_an_error(give: Give) -> None:
    (give.folder / "0.tar").write_bytes(b"no archive" * 100)
    with pytest.raises(LabError, match="tar on local:// printed is no archive"):
        give()
