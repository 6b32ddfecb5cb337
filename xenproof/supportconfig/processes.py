"""The running processes, from `ps axwwo ...,cmd`: the kernel's names are derived from the command lines."""

import posixpath
import re

from xenproof.errors import NotEvaluable, ParseError
from xenproof.facts.processes import LONGEST_NAME
from xenproof.supportconfig.blocks import Blocks

_CALL = "ps axwwo user,pid,ppid,%cpu,%mem,vsz,rss,stat,time,cmd"
# root       1281      1  0.0  0.1  23456  1234 Ss   00:00:01 /usr/sbin/xenconsoled --pid-file=/var/run/xenconsoled.pid
_ROW = re.compile(r"\S+ +(\d+) +\d+ +[\d.]+ +[\d.]+ +\d+ +\d+ +\S+ +[\d:.-]+ +(\S.*)")
# Programs that run a script; the process is named after the script.
_INTERPRETER = re.compile(r"(?:python|perl|ruby|bash|sh|dash|ksh|tclsh|expect)[\d.]*")


def process_list(blocks: Blocks) -> str:
    """The processes as the probe prints them; the collecting `ps` counts as the reading process.

    Raises NotEvaluable if they were not collected, ParseError if a line is not a process.
    """
    if (block := blocks.command(_CALL)) is None or block.is_missing:
        raise NotEvaluable("this supportconfig has no list of processes in basic-health-check.txt")
    header, *lines = block.lines or ("",)
    if header.split()[:3] != ["USER", "PID", "PPID"]:
        raise ParseError(f"expected the header of `ps`, found {header[:80]!r}")
    rows: list[str] = []
    own = ""
    for line in lines:
        if (row := _ROW.fullmatch(line)) is None:
            raise ParseError(f"expected a process from `ps`, found {line[:200]!r}")
        rows.append(f"{row[1]} {_name(row[2])}\n")
        if _CALL.partition(" ")[2] in row[2]:
            own = row[1]
    return "".join(rows) + f"self {own}\n"


def _name(command: str) -> str:
    """The kernel's name for a process with that command line, such as "xenconsoled"."""
    if found := re.fullmatch(r"[\[(](.+?)[\])].*", command):
        return found[1][:LONGEST_NAME]  # [kworker/0:1], (sd-pam)
    words = command.split()
    name = posixpath.basename(words[0].removeprefix("-").removesuffix(":"))
    script = next((word for word in words[1:] if not word.startswith("-")), "")
    if _INTERPRETER.fullmatch(name) and script.startswith("/"):
        name = posixpath.basename(script)
    return (name or words[0])[:LONGEST_NAME]
