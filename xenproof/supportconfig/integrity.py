"""The output of rpm -V for packages, recorded while a supportconfig was collected."""

import re
from collections.abc import Iterable, Iterator

from xenproof.supportconfig.blocks import Block, Blocks

_KIND = "Verification"
# rpm -V xen-tools-4.4.1_06-2.2.x86_64
_TITLE = re.compile(r"rpm -V (\S+)-[^-\s]+-[^-\s]+")
_NOT_INSTALLED = "RPM Not Installed: "
_STATUS = "# Verification Status: "
_DEPENDENCIES = "Unsatisfied dependencies "  # the probe excludes them
# S.5....T.  c /etc/xen/xl.conf; a different modification time alone does not count as a change.
_MARKS = re.compile(r"([SM5DLUG?.]{7})[T?.]([P?.]?)(  . /.*)")


def verified(blocks: Blocks, names: Iterable[str]) -> tuple[str, str]:
    """What the probe would print in the sections `integrity` and `owners`.

    A line of another form is kept as it is: the parser of the section rejects it.
    """
    known = [block for block in blocks.all if block.kind == _KIND]
    heads, differences, owners = list[str](), list[str](), list[str]()
    for name in names:
        if (lines := _of_package(known, name)) is not None:
            heads.append(f"sums {name}")
            differences += lines
            owners += [name, *(f" {path}" for line in lines if (path := line[line.find("/") :]).startswith("/"))]
        elif any(block.title == f"{_NOT_INSTALLED}{name}" for block in known):
            heads.append(f"sums {name}")
            differences.append(f"package {name} is not installed")
        else:
            heads.append(f"unknown {name}\tsupportconfig does not verify the package {name}")
    if not heads:
        return "none\n", ""
    return _text(["rpm", *heads, f"verified {min(len(differences), 125)}", *differences]), _text(owners)


def _of_package(blocks: Iterable[Block], name: str) -> list[str] | None:
    for block in blocks:
        if (title := _TITLE.fullmatch(block.title)) and title[1] == name:
            return list(_differences(block.lines))
    return None


def _differences(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        if not line.strip() or line.startswith((_STATUS, _DEPENDENCIES)):
            continue
        if (row := _MARKS.fullmatch(line)) is None:
            yield line
        elif (row[1] + row[2]).strip("."):
            yield f"{row[1]}.{row[2] or '.'}{row[3]}"


def _text(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
