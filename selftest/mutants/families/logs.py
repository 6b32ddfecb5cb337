"""Logs: not there, without a line, without their text, not rotated."""

import contextlib
from collections.abc import Iterator

from selftest.mutants.families.files import mode_and_owner, with_path, without_path
from selftest.mutants.mutation import Case, Maker, Mutation, Mutator
from selftest.mutants.raw import NotPossible, Raw
from selftest.mutants.texts import edit_file, file_lines, paths, with_file, without_file
from xenproof.facts.logs import XL_DMESG_NAME
from xenproof.probing.probes import section_name

_LOGROTATE = "/etc/logrotate.conf"
_FOLDER = "/etc/logrotate.d"
_DIRECTORY, _FILE = 0x41ED, 0x81A4


def _section(name: str) -> str:
    """The section that has the words of a log."""
    if name == XL_DMESG_NAME:
        return "xl-dmesg"
    return f"{'tail' if name.startswith('/') else 'journal'}:{section_name(name)}"


def _readable(case: Case) -> Iterator[Mutation]:
    if case.expected.value is not True:
        raise NotPossible("nobody wants a log that cannot be read")
    if case.name.startswith("/"):
        yield Mutation("the log is not there", without_path(case.host, case.name))
    else:
        yield Mutation("the log has no line", case.host.with_text(_section(case.name), ""))
        yield Mutation("the log has an empty line only", case.host.with_text(_section(case.name), "\n"))


def _mentions(case: Case) -> Iterator[Mutation]:
    want, section = case.expected.text, _section(case.name)
    lines = case.host.lines(section)
    rest = [line for line in lines if want not in line]
    yield Mutation("no line has the text", case.host.with_lines(section, rest))
    almost = case.host.text(section)
    while want in almost:
        almost = almost.replace(want, want[1:])
    yield Mutation("the first letter of the text is missing", case.host.with_text(section, almost))


def _rotated(case: Case) -> Iterator[Mutation]:
    if case.expected.value is not True:
        rule = with_file(case.host, f"{_FOLDER}/mutant", [f"{case.name} {{", "  weekly", "}"])
        yield Mutation("a rule names the log", rule)
        return
    folder = case.name.rpartition("/")[0]
    host = case.host
    for path in _rules(host):
        lines = [f"#{line}" if folder in line else line for line in file_lines(host, path)]
        host = with_file(host, path, lines)
    yield Mutation("the rule stands in a comment only", host)
    yield Mutation("logrotate has no configuration", without_file(case.host, _LOGROTATE))


def _rules(host: Raw) -> list[str]:
    return [path for path in paths(host) if path == _LOGROTATE or path.startswith(f"{_FOLDER}/")]


def _make_readable(case: Case) -> Raw:
    if case.name.startswith("/"):
        with contextlib.suppress(NotPossible):
            return with_path(case.host, case.name, *mode_and_owner(case.host, case.name))
        # A log without a suffix is a directory of logs.
        mode = _FILE if "." in case.name.rpartition("/")[2] else _DIRECTORY
        return with_path(case.host, case.name, mode)
    return case.host


def _make_mentions(case: Case) -> Raw:
    host = _make_readable(case)
    if case.expected.text in host.text(_section(case.name)):
        return host
    return host.edited(_section(case.name), lambda lines: [*lines, case.expected.text])


def _make_rotated(case: Case) -> Raw:
    if case.expected.value is not True:
        return case.host
    if _LOGROTATE not in paths(case.host):
        raise NotPossible("logrotate is not configured")
    pattern = case.name if "." in case.name.rpartition("/")[2] else f"{case.name}/*.log"
    rule = [f"{pattern} {{", "    weekly", "    missingok", "}"]
    host = case.host
    target = f"{_FOLDER}/synthesised"
    if target in paths(host):
        return edit_file(host, target, lambda lines: [*lines, *rule])
    return with_file(host, target, rule)


MUTATORS: dict[str, Mutator] = {"readable": _readable, "mentions": _mentions, "rotated": _rotated}
MAKERS: dict[str, Maker] = {"readable": _make_readable, "mentions": _make_mentions, "rotated": _make_rotated}
