"""Files that explain a verdict: consoles and logs, stored below `logs/` of the report."""

import re
from collections.abc import Callable
from pathlib import Path

from xenproof.report.attachment import is_picture
from xenproof.results.verdict import TableCell
from xenproof.source.redact import redacted

InTable = Callable[[TableCell], None]
"""Puts the verdict of a check into a table of the report."""


class Evidence:
    """The files of one test that explain its result."""

    def __init__(self, folder: Path, prefix: str) -> None:
        self._folder = folder
        self._prefix = re.sub(r"[^A-Za-z0-9._-]+", "_", prefix)[-120:]
        self.names: list[str] = []

    def save(self, name: str, data: bytes) -> Path:
        """Write `data`, without secrets, to a file whose name ends with `name`; the report links to it."""
        path = self._folder / f"{self._prefix}.{re.sub(r'[^A-Za-z0-9._-]+', '_', name)}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data if is_picture(name) else redacted(data)[0])
        if path.name not in self.names:
            self.names.append(path.name)
        return path
