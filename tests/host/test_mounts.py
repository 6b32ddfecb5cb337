"""What is mounted where."""

from xenproof.facts.mounts import Mounts
from xenproof.probing.answer import one_of, says
from xenproof.profile.expectation import Expectation
from xenproof.suite.each import each, req
from xenproof.suite.expect import Expect


@req("S03", "S08")
@each("mounts.*.mounted")
def test_something_is_mounted(mounts: Mounts, expected: Expectation, expect: Expect) -> None:
    """Something is mounted on {name}: {value}."""
    expect(
        expected,
        mounts.mounted(expected.name),
        by="/proc/mounts",
        matches=says,
        hint="see /etc/fstab and the unit that mounts it",
    )


@req("S03")
@each("mounts.*.filesystem")
def test_path_is_on_a_file_system(mounts: Mounts, expected: Expectation, expect: Expect) -> None:
    """{name} is on one of the file systems {value}."""
    expect(
        expected,
        mounts.filesystem(expected.name),
        by="/proc/mounts",
        matches=one_of,
        hint="see /etc/fstab, and what the installation chose",
    )


@req("S03", "S08")
@each("mounts.*.writable")
def test_path_is_writable(mounts: Mounts, expected: Expectation, expect: Expect) -> None:
    """The file system of {name} is mounted for writing: {value}."""
    expect(
        expected,
        mounts.writable(expected.name),
        by="/proc/mounts",
        matches=says,
        hint="see dmesg for errors of the disk, then mount it again with -o remount,rw",
    )
