"""`python -m selftest.fuzz.replay TARGET [FILE ...]`: a target on its seeds and what is known, or on inputs in files.

No atheris is needed.  A file is an input as it is, or a finding with its base64.  Ends with 1 where something is
wrong; memory and processor time are bounded, since what is tried may take all of either.
"""

import base64
import re
import resource
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from selftest.fuzz.registry import all_targets
from selftest.fuzz.target import FuzzTarget
from selftest.fuzz.watch import Watch

FOUND, USAGE = 1, 4
_MOST_ADDRESSES = 2 << 30
_MOST_CPU_S = 60


def main(words: Sequence[str]) -> int:
    """The exit status: 1 if an input is not handled as it should be."""
    target = next((target for target in all_targets() if target.name == words[0]), None) if words else None
    if target is None:
        sys.stderr.write(f"expected one of {', '.join(target.name for target in all_targets())}\n")
        return USAGE
    resource.setrlimit(resource.RLIMIT_AS, (_MOST_ADDRESSES, _MOST_ADDRESSES))
    resource.setrlimit(resource.RLIMIT_CPU, (_MOST_CPU_S, _MOST_CPU_S))
    watch, wrong, count = Watch(target), 0, 0
    for name, data in _of_files(words[1:]) if words[1:] else _own(target):
        # Said before: what ends the process is the last that was named.
        sys.stdout.write(f"{name}: ")
        sys.stdout.flush()
        finding = watch.look(data)
        sys.stdout.write(f"{finding.fault}\n{finding.details}\n" if finding else "good\n")
        wrong += finding is not None
        count += 1
    sys.stdout.write(f"{count} inputs, {wrong} are not handled as they should be\n")
    return FOUND if wrong or not count else 0


def _own(target: FuzzTarget) -> Iterator[tuple[str, bytes]]:
    yield from ((f"seed {number}", seed) for number, seed in enumerate(target.seeds()))
    yield from ((f"known {name}", data) for name, data in target.known().items())


def _of_files(names: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    for name in names:
        data = Path(name).read_bytes()
        found = re.search(rb"^base64: (\S*)$", data, re.MULTILINE) if name.endswith(".txt") else None
        yield name, base64.b64decode(found[1]) if found else data


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
