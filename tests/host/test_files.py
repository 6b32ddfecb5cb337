"""Files and directories: what has to be there, and what has to be absent."""

from xenproof.facts.files import Files
from xenproof.probing.answer import says
from xenproof.profile.expectation import Expectation
from xenproof.suite.each import each, req
from xenproof.suite.expect import Expect


@req("S02")
@each("files.*.exists")
def test_file_exists(files: Files, expected: Expectation, expect: Expect) -> None:
    """There is something at {name}: {value}."""
    expect(
        expected,
        files.exists(expected.name),
        by="stat",
        matches=says,
        hint="install the package that brings it, or remove what was left over",
    )


@req("S02")
@each("files.*.type")
def test_file_is_of_its_type(files: Files, expected: Expectation, expect: Expect) -> None:
    """What is at {name} is a {value}."""
    expect(expected, files.file(expected.name).type, by="stat", hint="install the package that brings it again")


@req("S02")
@each("files.*.mode")
def test_file_has_its_mode(files: Files, expected: Expectation, expect: Expect) -> None:
    """The mode of {name} is {value}."""
    expect(
        expected,
        files.file(expected.name).mode,
        by="stat",
        hint="use chmod, or install the package that brings it again",
    )


@req("S02")
@each("files.*.owner")
def test_file_has_its_owner(files: Files, expected: Expectation, expect: Expect) -> None:
    """{name} belongs to {value}."""
    expect(
        expected,
        files.file(expected.name).owner,
        by="stat",
        hint="use chown, or install the package that brings it again",
    )
