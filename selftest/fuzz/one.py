"""`python -m selftest.fuzz.one MODULE TARGET SECONDS FOLDER [seeds]`: fuzz one target in this process, by atheris.

Only here is atheris needed.  What is found is written below FOLDER, one file for each fault; an input that takes
for ever or all memory ends the process, and libFuzzer leaves it there.  With `seeds` what is known is left out: where
that is not yet mended, nothing else would ever be tried.
"""

import base64
import hashlib
import importlib
import random
import resource
import sys
from collections.abc import Callable
from pathlib import Path

import atheris

# Of the processor's time, with tracing on a busy machine; far above what counts as slow.
HANGS_S = 25
MOST_MIB = 2048
_MOST_ADDRESSES = 6 << 30
_MOST_FAULTS = 25
_MOST_OTHERS = 400

# The libraries that read file systems, too: what they do with hostile bytes is ours to bound.
with atheris.instrument_imports(include=["xenproof", "dissect"]):
    _TARGETS = importlib.import_module(f"selftest.fuzz.targets.{sys.argv[1]}").TARGETS

from selftest.fuzz.mutate import mutated  # noqa: E402  # behind what is traced
from selftest.fuzz.target import FuzzTarget  # noqa: E402
from selftest.fuzz.watch import Fault, Watch  # noqa: E402


class _Findings:
    """The faults that were found in this process, one file each."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._faults: set[str] = set()

    def add(self, finding: Fault, data: bytes) -> None:
        if finding.fault in self._faults or len(self._faults) >= _MOST_FAULTS:
            return
        self._faults.add(finding.fault)
        name = hashlib.sha256(finding.fault.encode()).hexdigest()[:12]
        text = f"{finding.fault}\n\nbase64: {base64.b64encode(data).decode()}\n\n{finding.details}"
        (self._folder / f"finding-{name}.txt").write_text(text, "utf-8", "backslashreplace")


def _mutator(target: FuzzTarget, seeds: list[bytes]) -> Callable[[bytes, int, int], bytes]:
    others = seeds[:_MOST_OTHERS]

    def mutate(data: bytes, most: int, seed: int) -> bytes:
        chance = random.Random(seed)  # noqa: S311  # nothing secret
        if target.is_text and chance.random() < 0.6:
            return mutated(data, others, target.words, most, chance)
        changed: bytes = atheris.Mutate(data, most)
        return changed

    return mutate


def _escaped(word: bytes) -> str:
    return "".join(map(r"\x{:02x}".format, word))


def main(name: str, seconds: int, folder: Path, *, with_known: bool) -> None:
    """Fuzz the target; does not return: libFuzzer ends the process."""
    target = next(target for target in _TARGETS if target.name == name)
    resource.setrlimit(resource.RLIMIT_AS, (_MOST_ADDRESSES, _MOST_ADDRESSES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    seeds = [*target.seeds(), *(target.known().values() if with_known else ())]
    for seed in seeds:
        (corpus / f"seed-{hashlib.sha256(seed).hexdigest()[:16]}").write_bytes(seed)
    words = folder / "words"
    words.write_text("".join(f'"{_escaped(word)}"\n' for word in target.words or (b"x",)), "ascii")  # not empty
    watch, findings = Watch(target), _Findings(folder)

    def look(data: bytes) -> None:
        if finding := watch.look(data):
            findings.add(finding, data)

    options = [
        f"-max_total_time={seconds}", f"-timeout={HANGS_S}", f"-rss_limit_mb={MOST_MIB}", f"-max_len={target.longest}",
        f"-artifact_prefix={folder}/ended-", f"-dict={words}", "-report_slow_units=1000000", "-print_final_stats=1",
    ]  # fmt: skip
    atheris.Setup([sys.argv[0], *options, str(corpus)], look, custom_mutator=_mutator(target, seeds))
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[2], int(sys.argv[3]), Path(sys.argv[4]), with_known="seeds" not in sys.argv[5:])
