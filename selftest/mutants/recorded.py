"""Recordings of real hosts, as they are kept in selftest/data."""

from datetime import UTC, datetime
from pathlib import Path

from xenproof.probing.sections import section
from xenproof.source.probe import ProbeOutput, Recording

DATA = Path(__file__).parents[1] / "data"


def from_folder(folder: Path) -> Recording:
    """The recording of a lab host whose outputs are the text files of a folder.

    The files do not say when they were taken: it is as if the host's clock had been right.
    """
    outputs = {path.stem: ProbeOutput(path.stem, path.read_bytes(), b"", 0) for path in sorted(folder.glob("*.txt"))}
    clock = int(section(outputs["host"], "clock").text)
    taken = datetime.fromtimestamp(clock, UTC).isoformat(timespec="seconds")
    return Recording(f"lab://{folder.name}", taken, outputs, {"seconds": "1.0"})
