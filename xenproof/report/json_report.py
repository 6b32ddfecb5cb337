"""results.json: the whole run as data, for programs."""

import json
from collections.abc import Iterator
from typing import Any

from xenproof.report.verdict import Outcome, Run


def render_json(run: Run) -> Iterator[str]:
    """The run as JSON in ASCII, in pieces: its keys in a stable order, then one line for each verdict.

    A value is what the host said, unchanged.
    """
    head = {name: getattr(run, name) for name in run.__slots__ if name != "verdicts"}
    head["counts"] = {str(outcome): run.count(outcome) for outcome in Outcome}
    yield "{\n"
    for name, value in head.items():
        yield f' "{name}": {_compact(value)},\n'
    yield ' "verdicts": [\n'
    for number, verdict in enumerate(run.verdicts):
        yield ("" if number == 0 else ",\n") + _compact(verdict)
    yield "\n ]\n}\n"


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=True, allow_nan=False, default=_fields)


def _fields(value: Any) -> dict[str, Any]:
    """The fields of a dataclass of the verdict model; raises AttributeError for anything else."""
    return {name: getattr(value, name) for name in value.__slots__}
