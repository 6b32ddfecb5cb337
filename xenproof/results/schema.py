"""The JSON schema of results.json, made from the types that write it: `python -m xenproof.results.schema` prints it."""

import json
from typing import Any

import msgspec

from xenproof.printing import say
from xenproof.results.json_file import FORMAT
from xenproof.results.results import Results
from xenproof.results.verdict import Outcome


def results_schema() -> dict[str, Any]:
    """The schema, in JSON Schema 2020-12."""
    schema = msgspec.json.schema(Results)
    whole = schema["$defs"]["Results"]
    count = {"type": "integer", "minimum": 0}
    counts = {str(outcome): count for outcome in Outcome}
    whole["properties"] = {
        "format": {"const": FORMAT, "description": "grows where a key changes its meaning or goes"},
        **whole["properties"],
        "counts": {
            "type": "object",
            "description": "how many verdicts have each outcome",
            "properties": counts,
            "required": list(counts),
        },
    }
    for described in schema["$defs"].values():
        described["description"] = " ".join(described.get("description", "").split())
        if described.get("type") == "object":
            # Fields with a default are always written, too.
            described["required"] = list(described["properties"])
            for value in described["properties"].values():
                value.pop("default", None)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "results.json of xenproof", **schema}


def rendered() -> str:
    """The text of the schema as docs/results.schema.json contains it."""
    return json.dumps(results_schema(), indent=1, ensure_ascii=True) + "\n"


if __name__ == "__main__":
    say(rendered().rstrip())
