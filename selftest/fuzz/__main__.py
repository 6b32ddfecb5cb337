"""`python -m selftest.fuzz [TARGET ...] [--seconds N]`: try to break the readers of what hosts and files say.

Each target runs in a process of its own, which atheris watches for the lines that an input reaches.  What is found
stands below build/fuzz/TARGET, and the run ends with 1; an input that is mended becomes one of its target's `known`.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from selftest.fuzz.registry import MODULES, of_modules

FOLDER = Path("build") / "fuzz"
FOUND, USAGE = 1, 4
# For the process to start, to read its seeds, and to end.
_BESIDES_S = 240
_MOST_STARTS = 4
_ENDED = "ended-"


def main(words: Sequence[str]) -> int:
    """The exit status: 1 if a target found something."""
    parser = argparse.ArgumentParser(prog="python -m selftest.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="all if none is named")
    parser.add_argument("--seconds", type=int, default=10, help="for each target (default: %(default)s)")
    parser.add_argument("--list", action="store_true", help="print the names of the targets")
    given = parser.parse_args(words)
    modules = {target.name: module for module in MODULES for target in of_modules(module)}
    if given.list:
        sys.stdout.write("".join(f"{name}\n" for name in modules))
        return 0
    if unknown := [name for name in given.targets if name not in modules]:
        sys.stderr.write(f"expected targets out of {', '.join(modules)}, found {', '.join(unknown)}\n")
        return USAGE
    found: list[Path] = []
    for name in given.targets or modules:
        faults = _fuzz(modules[name], name, given.seconds)
        sys.stdout.write(f"{name}: {len(faults) or 'no'} faults\n" + "".join(map(_told, faults)))
        sys.stdout.flush()
        found += faults
    return FOUND if found else 0


def _fuzz(module: str, name: str, seconds: int) -> list[Path]:
    """Fuzz a target for as long; the files of what was found."""
    folder = FOLDER / name
    folder.mkdir(parents=True, exist_ok=True)
    for old in _findings(folder):
        old.unlink()
    end = time.monotonic() + seconds
    with (folder / "log").open("wb") as log:
        # What takes for ever or all memory ends the process: there is time left for others.
        for start in range(_MOST_STARTS):
            left = max(1, round(end - time.monotonic()))
            command = [sys.executable, "-m", "selftest.fuzz.one", module, name, str(left), str(folder)]
            if start:
                _forget(folder)
                command.append("seeds")
            try:
                status = subprocess.run(
                    command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, timeout=left + _BESIDES_S, check=False
                ).returncode
            except subprocess.TimeoutExpired:
                status = -1
            if status == 0 or time.monotonic() > end:
                break
    if status != 0 and not any(path.name.startswith(_ENDED) for path in _findings(folder)):
        (folder / f"{_ENDED}without-a-word").write_text(f"exit status {status}: see {folder / 'log'}\n", "utf-8")
    return _findings(folder)


def _forget(folder: Path) -> None:
    """Take out of the corpus what was added, which may end the process again, and all that is known."""
    for path in (folder / "corpus").iterdir():
        path.unlink()


def _findings(folder: Path) -> list[Path]:
    return sorted([*folder.glob("finding-*.txt"), *folder.glob(f"{_ENDED}*")])


def _told(path: Path) -> str:
    first = path.read_bytes()[:300].decode("utf-8", "replace").partition("\n")[0]
    return f"  {path}: {first if path.suffix == '.txt' else 'the process ended'}\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
