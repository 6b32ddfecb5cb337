"""The directories for guests' images."""

from xenproof.facts.images import Images, Subvolumes, snapshot_free
from xenproof.probing.answer import at_least, one_of, says
from xenproof.profile.expectation import Expectation
from xenproof.suite.each import each, req
from xenproof.suite.expect import Expect


@req("S03")
@each("images.*.filesystem")
def test_file_system_suits_images(images: Images, expected: Expectation, expect: Expect) -> None:
    """{name} is on one of the file systems {value}."""
    expect(
        expected,
        images.folder(expected.name).filesystem,
        by="df -PT",
        matches=one_of,
        hint="mount another file system there",
    )


@req("S03")
@each("images.*.free_mib")
def test_there_is_room_for_images(images: Images, expected: Expectation, expect: Expect) -> None:
    """{name} has room for {value} MiB or more."""
    expect(
        expected,
        images.folder(expected.name).free_mib,
        by="df -PT",
        matches=at_least,
        hint="remove images, or mount a larger file system there",
    )


@req("S03")
@each("images.*.snapshot_free")
def test_images_are_no_part_of_snapshots(
    images: Images, subvolumes: Subvolumes, expected: Expectation, expect: Expect
) -> None:
    """No snapshot of the root file system holds the images in {name}: {value}."""
    expect(
        expected,
        snapshot_free(images, subvolumes, expected.name),
        by="df -PT, stat and lsattr -d",
        matches=says,
        hint="make it a btrfs subvolume of its own, or use chattr +C before there are images in it",
    )
