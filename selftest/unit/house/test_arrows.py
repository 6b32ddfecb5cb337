"""Imports run one way: each room of the house uses those above it only, and no modules use each other in a circle."""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
# From what everything may use to what nothing uses; a line is a floor, whose rooms do not use each other.
FLOORS = (
    ("plain", "private_api", "strict_json"),
    ("errors", "printing", "regular_file"),
    ("codec", "programs"),
    ("run",),
    ("profile",),
    ("results",),
    ("source",),
    ("probing",),
    ("facts",),
    ("image", "supportconfig"),
    ("xlcfg",),
    ("xen",),
    ("guest",),
    ("migration",),
    ("lab",),
    ("hosts",),
    ("report",),
    ("suite",),
    ("cli",),
)
FLOOR = {room: number for number, floor in enumerate(FLOORS) for room in floor}


def modules() -> dict[str, ast.Module]:
    """All modules by name, such as "xenproof.guest.pool"."""
    found = {}
    for path in sorted((ROOT / "xenproof").rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        found[name] = ast.parse(path.read_text("utf-8"))
    return found


MODULES = modules()


def imports(tree: ast.AST) -> Iterator[str]:
    """What a module imports of ours, wherever it does."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.partition(".")[0] == "xenproof":
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in MODULES else node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.partition(".")[0] == "xenproof")


def room(module: str) -> str:
    """The room that a module is in; the package itself is none."""
    return module.split(".")[1] if "." in module else ""


def test_each_room_has_its_floor() -> None:
    rooms = {room(module) for module in MODULES} - {""}
    assert rooms == set(FLOOR)


@pytest.mark.parametrize("module", MODULES)
def test_no_import_runs_upwards(module: str) -> None:
    own = room(module)
    wrong = [
        found
        for found in imports(MODULES[module])
        if room(found) not in ("", own) and FLOOR[room(found)] >= FLOOR.get(own, len(FLOORS))
    ]
    assert wrong == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = {name: {found for found in imports(tree) if found in MODULES} - {name} for name, tree in MODULES.items()}
    try:
        tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))
