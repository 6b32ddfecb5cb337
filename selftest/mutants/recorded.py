"""Recordings of real hosts, as they are kept in selftest/data."""

from pathlib import Path

from xenproof.source.probe import ProbeOutput, Recording

DATA = Path(__file__).parents[1] / "data"


def from_folder(folder: Path) -> Recording:
    """The recording whose outputs are the text files of a folder."""
    outputs = {path.stem: ProbeOutput(path.stem, path.read_bytes(), b"", 0) for path in sorted(folder.glob("*.txt"))}
    return Recording(f"ssh://root@{folder.name}", "2026-11-23T00:00:00+00:00", outputs)
