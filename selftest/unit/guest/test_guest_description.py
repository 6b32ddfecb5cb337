"""What a guest is to be: described once; files, devices and configuration follow from it."""

from dataclasses import FrozenInstanceError, replace
from pathlib import Path
from typing import cast

import pytest

from selftest.stand_in import StandInHost
from xenproof.guest.actions.running_guest import set_to_restart
from xenproof.guest.actions.virt_install import VirtInstall, by_virt_install
from xenproof.guest.description import DiskDescription, GuestDescription
from xenproof.guest.display.desktop import Desktop, by_firmware
from xenproof.guest.features.boot_ways import boot_ways, described
from xenproof.guest.features.durability import with_disks_of_each_kind
from xenproof.guest.features.many_guests import SMALL_MIB, small
from xenproof.guest.files import GuestFiles
from xenproof.guest.host.host import GuestHost
from xenproof.guest.host.run_identity import RunIdentity
from xenproof.guest.host.working_folder import WorkingFolder
from xenproof.guest.image.guest_image import GuestImage
from xenproof.xen.backend import DiskBackend
from xenproof.xen.toolstack import Libvirt, Xl
from xenproof.xlcfg.config import Start

IMAGE = GuestImage(Path("/i"), "", "", 0, 0, "6.1", "", Path("/i/vmlinuz"), Path("/i/initramfs.gz"))
PLAIN = GuestDescription(IMAGE, DiskBackend.BLKBACK, Start("/grub.xen"))


@pytest.fixture
def host(tmp_path: Path) -> GuestHost:
    """A host that serves files by blkback."""
    return on_host(tmp_path)


def on_host(folder: Path, *, wants_devices: bool = False) -> GuestHost:
    dom0 = StandInHost(folder / "host")
    losetup = dom0.folder / "bin/losetup"
    losetup.write_text('#!/bin/sh\n[ "$1" != -f ] || echo "/dev/loop3"\n')
    losetup.chmod(0o755)
    made = GuestHost(dom0, RunIdentity("n5QuMbaI", folder, 0.0), dom0.images, blkback_wants_devices=wants_devices)
    made.folder.path = dom0.images
    return made


def dom0_of(host: GuestHost) -> StandInHost:
    assert isinstance(host.dom0, StandInHost)
    return host.dom0


def config(host: GuestHost, description: GuestDescription) -> str:
    return GuestFiles(host, "xenproof-n5QuMbaI-1", description).config.text()


def test_a_description_does_not_change_and_is_compared_by_what_it_says() -> None:
    with pytest.raises(FrozenInstanceError):
        PLAIN.memory_mib = 64  # type: ignore[misc]
    assert replace(PLAIN, memory_mib=64) != PLAIN
    assert replace(PLAIN, toolstack=Xl()) == PLAIN
    assert replace(PLAIN, toolstack=Libvirt()) != PLAIN
    assert replace(PLAIN, toolstack=Libvirt({"xvda": "none"})) != replace(PLAIN, toolstack=Libvirt())


def test_a_plain_guest_has_one_disk_with_its_image(host: GuestHost) -> None:
    files = GuestFiles(host, "xenproof-n5QuMbaI-1", PLAIN)
    stem = f"{host.folder.path}/xenproof-n5QuMbaI-1"
    assert files.own == (f"{stem}.raw", f"{stem}.cfg")
    text = files.config.text()
    assert f'disk = [ "format=raw, vdev=xvda, access=rw, backendtype=phy, target={stem}.raw" ]' in text
    assert "memory = 128\nmaxmem = 128\nvcpus = 1\ndisk" in text
    assert 'on_reboot = "destroy"\non_crash = "destroy"' in text


def test_what_is_derived_says_so_in_its_configuration(host: GuestHost) -> None:
    restarts = config(host, set_to_restart(PLAIN))
    assert "maxvcpus = 2" in restarts
    assert 'on_reboot = "restart"\non_crash = "restart"' in restarts
    assert set_to_restart(PLAIN).most_vcpus == 2
    assert f"memory = {SMALL_MIB}\n" in config(host, small(PLAIN))
    assert not small(PLAIN).leases_processors
    screen = config(host, Desktop(20001).described(by_firmware(IMAGE)))
    assert 'builder = "hvm"' in screen
    assert "spiceport = 20001" in screen
    assert config(host, replace(PLAIN, disks=())).count("target=") == 0
    direct = replace(PLAIN, disks=(replace(PLAIN.image_disk, direct=True),))
    assert "direct-io-safe" in config(host, direct)


def test_empty_disks_are_made_and_go_with_the_guest(host: GuestHost) -> None:
    description = with_disks_of_each_kind(replace(PLAIN, disks=()))
    kinds = [disk for disk in description.all_disks if disk.format == "raw"]
    files = GuestFiles(host, "xenproof-n5QuMbaI-1", replace(description, disks=tuple(kinds)))

    files.make(b"")

    paths = [Path(files.path_of(disk)) for disk in kinds]
    assert [path.stat().st_size for path in paths] == [1 << 20] * 2
    assert [path.name for path in paths] == ["xenproof-n5QuMbaI-1-xvdb.raw", "xenproof-n5QuMbaI-1-xvdc.raw"]
    files.remove_from(host.dom0)
    assert not any(path.exists() for path in paths)


@pytest.mark.parametrize("wants_devices", [False, True])
@pytest.mark.parametrize("asks", [False, True])
@pytest.mark.parametrize("backend", list(DiskBackend))
def test_blkback_gets_a_loop_device_where_it_serves_no_files_and_any_disk_that_asks(
    tmp_path: Path, backend: DiskBackend, asks: bool, wants_devices: bool
) -> None:
    host = on_host(tmp_path, wants_devices=wants_devices)
    disk = DiskDescription("xvdb", backend, empty_mib=1, on_device=asks)
    files = GuestFiles(host, "xenproof-n5QuMbaI-1", replace(PLAIN, disks=(disk,)))
    path = files.path_of(disk)
    assert f"target={path}" in files.config.text()

    files.make(b"")

    has_device = asks or (wants_devices and backend is DiskBackend.BLKBACK)
    assert files.devices == ({path: "/dev/loop3"} if has_device else {})
    assert f"target={'/dev/loop3' if has_device else path}" in files.config.text()
    found = {str(thing) for thing in files.leftovers}
    assert (f"loop device /dev/loop3 {path}" in found) == has_device


def test_a_disk_that_is_there_is_neither_made_nor_removed(host: GuestHost, tmp_path: Path) -> None:
    there = tmp_path / "shared.raw"
    there.write_bytes(b"x")
    disk = DiskDescription("xvdb", DiskBackend.QDISK, existing=str(there))
    files = GuestFiles(host, "xenproof-n5QuMbaI-1", replace(PLAIN, disks=(disk,)))
    files.make(b"")
    files.remove_from(host.dom0)
    assert there.read_bytes() == b"x"
    assert str(there) not in files.own


def test_virt_install_takes_what_it_names_from_the_configuration(host: GuestHost) -> None:
    description = by_virt_install(PLAIN)
    assert description.started_by == "grub.xen, by virt-install"
    files = GuestFiles(host, "xenproof-n5QuMbaI-1", description)
    assert f"{files.config_path}.xml" in files.own
    (dom0_of(host).folder / "bin/virt-install").symlink_to("/bin/true")

    VirtInstall().create_paused(host.dom0, files.config, files.config_path, 20)
    VirtInstall().forget(host.dom0, files.config)

    commands = "\n".join(dom0_of(host).commands)
    assert "--name xenproof-n5QuMbaI-1 --ram 128 --vcpus 1 --paravirt --import --boot kernel=/grub.xen" in commands
    assert f"--disk path={files.disk},driver_name=qemu" in commands
    assert f"pool-undefine {Path(host.folder.path).name}" in commands


def test_each_cache_mode_is_put_behind_the_driver_of_its_own_disk(host: GuestHost) -> None:
    disks = tuple(DiskDescription(vdev, DiskBackend.QDISK, empty_mib=1) for vdev in ("xvda", "xvdb", "xvdc"))
    modes = {"xvda": "none", "xvdc": "unsafe"}
    files = GuestFiles(host, "xenproof-n5QuMbaI-1", replace(PLAIN, disks=disks, toolstack=Libvirt(modes)))
    xml = "".join(
        f"<disk>\n  <driver name='qemu' type='raw'/>\n  <source file='{files.path_of(disk)}'/>\n</disk>\n"
        for disk in disks
    )
    virsh = dom0_of(host).folder / "bin/virsh"
    prints = f"[ \"$3\" != domxml-from-native ] || cat <<'END'\n{xml}END\n"
    virsh.write_text(f'#!/bin/sh\n{prints}[ "$3" != define ] || cp "$4" "$4.seen"\n')
    virsh.chmod(0o755)

    Libvirt(modes).create_paused(host.dom0, files.config, files.config_path, 20)

    seen = Path(f"{files.config_path}.xml.seen").read_text()
    first, second, third = (seen.split("</disk>")[at] for at in range(3))
    assert "cache='none'" in first
    assert "cache=" not in second
    assert "cache='unsafe'" in third


class Folder:
    """As much of a working folder as a way needs."""

    def cut(self, image: GuestImage, file: Path) -> str:
        assert file in (image.kernel, image.ramdisk)
        return f"/folder/{file.name}"


@pytest.mark.parametrize("way", boot_ways())
def test_a_way_to_boot_is_a_description(way: str, host: GuestHost) -> None:
    row = boot_ways()[way]
    folder = cast("WorkingFolder", Folder())
    made = described(row, IMAGE, folder, grub_xen="/x", grub_pvh="/p")
    assert (made.backend, made.format, made.started_by) == (row.backend, row.format, row.by)
    assert "target=" in config(host, made)
