"""The targets of the fuzzing, without atheris: their seeds, and what was once handled wrongly."""

import ast
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from selftest.fuzz.mutate import mutated
from selftest.fuzz.patches import Patched
from selftest.fuzz.registry import all_targets
from selftest.fuzz.target import Choice, FuzzTarget
from selftest.fuzz.watch import Watch
from xenproof.errors import ParseError

ROOT = Path(__file__).parents[3]
NAMES = [target.name for target in all_targets()]


@pytest.mark.parametrize("name", NAMES)
def test_nothing_but_our_own_errors_comes_out_in_time_and_in_bounded_memory(name: str) -> None:
    """In a process of its own, since what is tried may take all memory there is."""
    command = [sys.executable, "-m", "selftest.fuzz.replay", name]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=240)
    wrong = [line for line in done.stdout.splitlines() if line.startswith(("seed", "known")) and ": good" not in line]
    assert (done.returncode, wrong) == (0, []), (done.stdout + done.stderr)[-3000:]


@pytest.mark.parametrize("name", ["frames", "sections", "facts", "xl", "written"])
def test_a_few_changes_of_the_seeds(name: str) -> None:
    target = next(target for target in all_targets() if target.name == name)
    watch, chance, seeds = Watch(target), random.Random(name), list(target.seeds())  # noqa: S311
    end, found = time.monotonic() + 1, []
    while time.monotonic() < end:
        data = mutated(chance.choice(seeds), seeds, target.words, target.longest, chance)
        if finding := watch.look(data):
            found.append((finding.fault, data[:300], finding.details[-600:]))
            break
    assert found == []


def test_every_target_has_seeds_and_a_name_of_its_own() -> None:
    assert len(set(NAMES)) == len(NAMES) >= 15
    assert [target.name for target in all_targets() if not target.seeds()] == []
    assert [target.name for target in all_targets() if len(max(target.seeds(), key=len)) > target.longest] == []


def broken(data: bytes) -> None:
    match data:
        case b"ours":
            raise ParseError("as it should")
        case b"slow":
            begin = time.process_time()
            while time.process_time() - begin < 0.3:
                pass
        case b"large":
            len(b"x" * (400 << 20))
        case b"deep":
            broken_deeply(data)
        case b"wrong":
            raise KeyError("x")


def broken_deeply(data: bytes) -> None:
    broken_deeply(data)


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"good", None),
        (b"ours", None),
        (b"slow", "slow"),
        (b"large", "memory"),
        (b"deep", "RecursionError"),
        (b"wrong", "KeyError"),
    ],
)
def test_what_is_wrong_is_seen(data: bytes, fault: str | None) -> None:
    found = Watch(FuzzTarget("broken", broken, lambda: [b"good"]), limit_s=0.2).look(data)
    assert (found.fault.split()[0] if found else None) == fault


def test_changes_are_the_same_for_the_same_chance() -> None:
    seeds = [b"one 1\ntwo 2\n", b"three=3\n"]
    all_of_them = [mutated(seeds[0], seeds, [b"word"], 100, random.Random(number)) for number in range(200)]  # noqa: S311
    assert all_of_them == [mutated(seeds[0], seeds, [b"word"], 100, random.Random(number)) for number in range(200)]  # noqa: S311
    assert len(set(all_of_them)) > 100
    assert max(map(len, all_of_them)) <= 100
    mutated(b"", [], [], 10, random.Random(1))  # noqa: S311  # has nothing to change


def test_a_choice_gives_the_rest_to_its_reader() -> None:
    choice = Choice({"a": bytes.upper, "b": len})
    assert choice(choice.input("a", b"xy")) == b"XY"
    assert choice(choice.input("b", b"xy")) == 2
    assert choice(b"") is None


def test_patches_change_what_is_not_zero_of_a_large_file() -> None:
    large = bytearray(1 << 20)
    large[600_000:600_004] = b"here"
    patched = Patched([b"small file", bytes(large), bytes(1 << 20)])
    assert patched.file(b"") == patched.file(patched.input(0)) == b"small file"
    assert patched.file(patched.input(0, [(6, b"FILE")])) == b"small FILE"
    changed = patched.file(patched.input(1, [(600_000, b"THERE"), (600_010, b"x")]))
    assert (changed[600_000:600_011], len(changed)) == (bytearray(b"THERE\0\0\0\0\0x"), 1 << 20)
    assert patched.file(patched.input(2, [(2, b"x")])).startswith(b"\0\0x\0")
    with pytest.raises(ValueError, match="no input"):
        patched.input(1, [(5000, b"x")])
    for number in range(500):
        data = random.Random(number).randbytes(40)  # noqa: S311
        assert len(patched.file(data)) in (10, 1 << 20)


def test_only_one_module_needs_atheris() -> None:
    files = [*(ROOT / "selftest").rglob("*.py"), *(ROOT / "xenproof").rglob("*.py")]
    needing = [
        path.name
        for path in files
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Import) and any(alias.name == "atheris" for alias in node.names)
    ]
    assert needing == ["one.py"]
