"""Programs of this machine that the replica borrows, with their libraries: its shell, its rpm, its sshd.

They are copied beside the replica, not into it, and found there at the end of the PATH.
"""

import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from selftest.replica.commands import program, run

# Where the copies are while the replica runs.
PLACE = "/run/replica/tools"
# For scripts: on the PATH.
_PROGRAMS = (
    "bash", "cat", "cut", "date", "dirname", "false", "find", "grep", "head", "id", "ln", "ls", "lsattr", "mkdir",
    "mktemp", "od", "printf", "readlink", "rm", "rmdir", "sed", "sleep", "sort", "stat", "tail", "touch", "tr", "true",
    "uniq", "wc",
)  # fmt: skip
# Behind stand-ins of the same name, which say so: not on the PATH.
_BEHIND = ("rpm", "sshd", "ssh-keygen")
_RPM_CONFIGURATION = Path("/usr/lib/rpm")
INTERPRETER = "/lib64/ld-linux-x86-64.so.2"
# 	libselinux.so.1 => /lib/x86_64-linux-gnu/libselinux.so.1 (0x00007f...)
_LIBRARY = re.compile(r"\s*\S+ => (/\S+) \(0x[0-9a-f]+\)")


def borrow(folder: Path) -> None:
    """Copy the programs and their libraries to `folder`; raises if this machine lacks one or is no x86_64."""
    if not Path(INTERPRETER).exists():
        raise RuntimeError(f"expected {INTERPRETER}: the replica runs with programs of x86_64 and glibc only")
    programs = {name: _found(name) for name in (*_PROGRAMS, *_BEHIND)}
    for name, path in programs.items():
        _copy(path, folder / ("libexec" if name in _BEHIND else "bin") / name)
    for library in _libraries(programs.values()):
        _copy(library, folder / "lib" / library.name)
    _copy(Path(INTERPRETER), folder / "lib" / Path(INTERPRETER).name)
    shutil.copytree(_RPM_CONFIGURATION, folder / "rpm", symlinks=True)


def environment() -> dict[str, str]:
    """The variables with which a command in the replica finds them."""
    return {
        "PATH": f"/usr/bin:/bin:/usr/sbin:/sbin:{PLACE}/bin",
        "LD_LIBRARY_PATH": f"{PLACE}/lib",
        "RPM_CONFIGDIR": f"{PLACE}/rpm",
        "HOME": "/root",
        "USER": "root",
        "SHELL": "/bin/bash",
    }


def _found(name: str) -> Path:
    return Path(program(name)).resolve()


def _libraries(programs: Iterable[Path]) -> list[Path]:
    said = run([program("ldd"), *map(str, programs)])
    return sorted({Path(found[1]) for line in said.splitlines() if (found := _LIBRARY.fullmatch(line))})


def _copy(path: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(path, to)
