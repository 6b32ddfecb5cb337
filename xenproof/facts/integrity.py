"""Whether the files of packages are still what was installed, as the package manager reports."""

import re
import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from xenproof.errors import NotEvaluable, ParseError
from xenproof.probing.family import Family
from xenproof.probing.sections import framed, section
from xenproof.profile.profile import Profile
from xenproof.source.probe import Probe, ProbeOutput

# Every byte of every file is read, which takes a long time on an emulated host.
LIMIT_S = 90

# Both print the same form.  Only rpm verifies more than the content; checks whose result can change without
# anybody's action (modification times) or that are not about files (dependencies, scripts) are excluded.
# One process verifies all packages; the owners of files are read only if a file differs.  The shell keeps the output
# in a variable, so its length is limited: truncated output lacks the exit code that follows it.
_VERIFY = """if command -v dpkg-query >/dev/null 2>&1; then
echo deb
for p in {names}; do
s=none
for f in "/var/lib/dpkg/info/$p.md5sums" "/var/lib/dpkg/info/$p":*.md5sums; do [ ! -s "$f" ] || s=sums; done
printf '%s %s\\n' "$s" "$p"
done
found=$({{ dpkg -V {names}; printf '\\nverified %s' "$?"; }} 2>&1 | head -c 1048576)
else
echo rpm
printf 'sums %s\\n' {names}
found=$({{ rpm -V --nodeps --noscripts --nomtime {names}; printf '\\nverified %s' "$?"; }} 2>&1 | head -c 1048576)
fi
if [ "$found" = '
verified 0' ]; then
v=0 found=
elif [ "${{#found}}" -lt 1048576 ]; then
v=$(printf %s "$found" | tail -c 4)
v=${{v##* }}
found=${{found%?verified *}}
found=${{found%'
'}}
else v='no exit code, but a mebibyte'
fi
printf 'verified %s\\n' "$v"
[ -z "$found" ] || printf '%s\\n' "$found" """

_OWNERS = """if [ -z "$found" ]; then :
elif command -v dpkg-query >/dev/null 2>&1; then
dpkg-query -W -f '${{Package}}\\n${{db-fsys:Files}}' {names} 2>/dev/null
else
rpm -q --qf '%{{NAME}}\\n[ %{{FILENAMES}}\\n]' {names}
fi"""

# ??5?????? c /etc/xen/xl.conf
# S.5......    /usr/sbin/xl
# missing     /usr/sbin/xl (Permission denied)
_DIFFERENCE = re.compile(r"(missing  |[SM5DLUGTPC.?]{8,9}) {1,2}([ a-z]) (/.*)")
# dpkg: package 'xen' is not installed
_ABSENT = re.compile(r"(?:dpkg: )?package '?([^\s']+)'? is not installed")
# The system's error for a path that could not be read, or a state that rpm appends.
_REMARK = re.compile(r" \(([A-Z][A-Za-z/ ]+|not installed|replaced|net shared|wrong color)\)$")
_CONFIGURATION = "c"
_GHOST = "g"  # a path that the package only reserves
_MARKS = {
    "S": "size",
    "M": "mode",
    "5": "content",
    "D": "device",
    "L": "link",
    "U": "user",
    "G": "group",
    "P": "capabilities",
}


@dataclass(frozen=True, slots=True)
class Changes:
    """The files of a package that differ, each with what differs; configuration files may be changed."""

    files: Mapping[str, str] = field(default_factory=dict)
    configuration: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        found = _listed(self.files) or "none"
        return f"{found}; configured: {_listed(self.configuration)}" if self.configuration else found


@dataclass(frozen=True, slots=True)
class Integrity:
    """The packages that were verified; `unreadable` has the reason for packages that could not be."""

    changed: Mapping[str, Changes]
    unreadable: Mapping[str, str]

    def changes(self, name: str) -> Changes:
        """The differences in a package.

        Raises NotEvaluable if it is not installed or could not be read completely.
        """
        if reason := self.unreadable.get(name):
            raise NotEvaluable(reason)
        if name not in self.changed:
            raise ParseError(f"the package {name!r} was not verified")
        return self.changed[name]


def none_but(want: Collection[str], have: Changes) -> bool:
    """Whether no files differ except allowed ones."""
    return set(have.files) <= set(want)


def integrity_probe(profile: Profile) -> Probe:
    """The files of the packages that the profile names, compared with the installed state."""
    names = shlex.join(profile.entries("integrity"))
    # Without a name, dpkg would verify all packages.
    verify, owners = (_VERIFY.format(names=names), _OWNERS.format(names=names)) if names else ("echo none", ":")
    return Probe("integrity", framed("integrity", verify) + framed("owners", owners), limit_s=LIMIT_S, beside=True)


def parse_integrity(output: ProbeOutput) -> Integrity:
    """The package manager's report about the files.

    Raises ParseError if it contains anything but differing files and absent packages.
    """
    first, *lines = section(output, "integrity").ended_with(0).lines or [""]
    if first == "none" and not lines:
        return Integrity({}, {})
    if first not in ("deb", "rpm"):
        raise ParseError(f"expected 'deb' or 'rpm' before the differing files, found {first[:80]!r}")
    end = next((at for at, line in enumerate(lines) if line.startswith("verified ")), None)
    if not end:
        raise ParseError("the packages were not verified to the end")
    unknown_names = dict(_unknown(line) for line in lines[:end] if line.startswith("unknown "))
    sums = dict(_sums(line) for line in lines[:end] if not line.startswith("unknown "))
    sums |= dict.fromkeys(unknown_names, True)
    printed = lines[end + 1 :]
    _believable(first, lines[end], printed)
    absent = {row[1] for line in printed if (row := _ABSENT.fullmatch(line))}
    lines = [line for line in printed if not _ABSENT.fullmatch(line)]
    owners = _owners(output) if lines else {}
    differences = [_difference(line, owners) for line in lines]
    if unknown := absent - sums.keys():
        raise ParseError(f"expected one of {sorted(sums)}, found {sorted(unknown)}")
    unreadable = {name: f"dpkg has no checksums of the files of {name!r}" for name, has in sums.items() if not has}
    unreadable |= unknown_names
    unreadable |= {name: f"the package {name!r} is not installed, so it has no files" for name in absent}
    files = {name: dict[str, str]() for name in sums}
    configuration = {name: dict[str, str]() for name in sums}
    for difference in differences:
        for name in _owned(difference, owners, sums.keys()):
            if difference.unread(first):
                unreadable.setdefault(name, f"{difference.path} of the package {name!r} cannot be read: log in as root")
            else:
                (configuration if difference.may_change else files)[name][difference.path] = difference.what
    return Integrity({name: Changes(files[name], configuration[name]) for name in sums}, unreadable)


@dataclass(frozen=True, slots=True)
class _Difference:
    marks: str
    kind: str
    path: str
    remark: str

    @property
    def may_change(self) -> bool:
        # A remark of rpm: it did not install the file, or let another package replace it.
        return self.kind in (_CONFIGURATION, _GHOST) or self.remark[:1].islower()

    @property
    def what(self) -> str:
        if self.marks == "missing":
            return "missing"
        return ", ".join(word for mark, word in _MARKS.items() if mark in self.marks) or "differs"

    def unread(self, scheme: str) -> bool:
        """Whether the file could not be read; dpkg prints "?" for everything that it never checks."""
        if self.remark[:1].isupper():
            return True
        return "?" in self.marks if scheme == "rpm" else not set(self.marks) - {"?"}


def _believable(scheme: str, verified: str, printed: Sequence[str]) -> None:
    code = verified.removeprefix("verified ")
    # dpkg exits with 1 if packages are missing, rpm with the number of failures; a higher status is an error.
    if not re.fullmatch(r"[0-9]{1,3}", code) or int(code) > (1 if scheme == "deb" else 125):
        raise ParseError(f"verifying the packages ended with {code[:20]!r}; it printed: {' '.join(printed)[-300:]!r}")
    if int(code) and not printed:
        raise ParseError(f"verifying the packages ended with {code}, and nothing says why")


def _sums(line: str) -> tuple[str, bool]:
    word, _, name = line.partition(" ")
    if word not in ("sums", "none") or not name:
        raise ParseError(f"expected 'sums PACKAGE' or 'none PACKAGE', found {line[:200]!r}")
    return name, word == "sums"


def _unknown(line: str) -> tuple[str, str]:
    """A package that a source other than a running host cannot verify, and the reason."""
    name, tab, reason = line.removeprefix("unknown ").partition("\t")
    if not name or not tab or not reason:
        raise ParseError(f"expected 'unknown PACKAGE', a tab and the reason, found {line[:200]!r}")
    return name, reason


def _difference(line: str, owners: Collection[str]) -> _Difference:
    if (row := _DIFFERENCE.fullmatch(line)) is None:
        raise ParseError(f"expected a file that differs, as dpkg -V or rpm -V prints it, found {line[:200]!r}")
    remark = None if row[3] in owners else _REMARK.search(row[3])
    path = row[3][: remark.start()] if remark else row[3]
    return _Difference(row[1].strip(), row[2].strip(), path, remark[1] if remark else "")


def _owners(output: ProbeOutput) -> dict[str, set[str]]:
    """The packages of each file: the input has a line for each package and, indented, one for each of its files."""
    found: dict[str, set[str]] = {}
    name = ""
    for line in section(output, "owners").lines:
        if not line.startswith(" "):
            name = line
        elif name and line.startswith(" /"):
            found.setdefault(line[1:], set()).add(name)
        else:
            raise ParseError(f"expected a package or one of its files, found {line[:200]!r}")
    return found


def _owned(difference: _Difference, owners: Mapping[str, set[str]], asked: Collection[str]) -> list[str]:
    if not (found := owners.get(difference.path, set()) & set(asked)):
        raise ParseError(f"{difference.path} differs, and it belongs to none of {', '.join(sorted(asked))}")
    return sorted(found)


def _listed(files: Mapping[str, str]) -> str:
    return ", ".join(f"{path} ({what})" for path, what in sorted(files.items()))


INTEGRITY = Family("integrity", integrity_probe, parse_integrity)
