"""The running kernel: its release and build from `uname -a`, its modules from `lsmod`."""

import re
from collections.abc import Sequence

from xenproof.errors import NotEvaluable, ParseError
from xenproof.supportconfig.blocks import Blocks

# Linux xen1 3.12.28-4-xen #1 SMP Thu Sep 25 17:02:34 UTC 2014 (9879bd4) x86_64 x86_64 x86_64 GNU/Linux
_UNAME = re.compile(r"Linux \S{1,256} (\d\S{0,255}) (#.{0,1000}) GNU/Linux")
_MACHINE = re.compile(r"x86_64|i[3-6]86|unknown")
# bridge                 39021  1 xen_netback,foo
_MODULE = re.compile(r"([\w-]+) +(\d+) +(-?\d+)(?: +(\S+))?", re.ASCII)
_HEADER = ["Module", "Size", "Used"]


def uname(blocks: Blocks) -> tuple[str, str]:
    """Release and build of the running kernel; raises NotEvaluable if `uname -a` was not collected."""
    if (block := blocks.command("uname -a")) is None or block.is_missing:
        raise NotEvaluable("this supportconfig has no `uname -a`")
    lines = block.lines
    if len(lines) == 1 and (found := _UNAME.fullmatch(lines[0])) is not None:
        build = found[2].split(" ")
        while _MACHINE.fullmatch(build[-1]):
            build.pop()
        if len(text := " ".join(build)) < len(found[2]):
            return found[1], text
    beginning = [line[:200] for line in lines[:2]]
    raise ParseError(f"expected the fields of a Linux kernel from `uname -a`, found {beginning!r}")


def proc_modules(blocks: Blocks) -> Sequence[str] | None:
    """The loaded modules in the form of /proc/modules, None if `lsmod` was not collected.

    A line that is not a module is kept as it is: the parser of that file rejects it.
    """
    block = blocks.command("lsmod | sort") or blocks.command("lsmod")
    if block is None or block.is_missing:
        return None
    lines: list[str] = []
    for line in block.lines:
        if line.split()[:3] == _HEADER:
            continue  # the header line, which `sort` moved between the others
        row = _MODULE.fullmatch(line.rstrip())
        lines.append(f"{row[1]} {row[2]} {row[3]} {row[4] or '-'} Live 0x0000000000000000" if row else line)
    return lines
