"""results.json: the whole run as data, for programs."""

import json

from xenproof.report.verdict import Run


def render_json(run: Run) -> str:
    """The run as JSON in ASCII with its keys in a stable order; a value is what the host said, unchanged."""
    return json.dumps(run.to_dict(), indent=1, ensure_ascii=True, allow_nan=False) + "\n"
