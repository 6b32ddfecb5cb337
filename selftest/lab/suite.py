"""The suite as a user starts it: a process of its own, with a report."""

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from xenproof.lab.host import LabHost
from xenproof.results.json_file import read_results
from xenproof.results.results import Results
from xenproof.results.verdict import Verdict

GRUB_XEN = "/usr/lib/grub-xen/grub-x86_64-xen.bin"
REPOSITORY = Path(__file__).parents[2]


@dataclass(frozen=True)
class SuiteRun:
    """One run of the suite as a user starts it."""

    exit_status: int
    output: str
    report: Path

    @property
    def results(self) -> Results:
        """All that the run found."""
        return read_results(self.report / "results.json")

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """The verdicts of the run."""
        return self.results.verdicts

    def ids(self, outcome: str) -> set[str]:
        """The checks with this outcome: the test's name and its parameter, without file and host."""
        return {_short(verdict) for verdict in self.verdicts if verdict.outcome == outcome}


def _short(verdict: Verdict) -> str:
    # tests/host/test_units.py::test_unit_is_active[xen.service]
    return verdict.id.rpartition("::")[2]


@dataclass(frozen=True)
class Suite:
    """Runs the suite in a process of its own."""

    report: Path

    def command(self, *arguments: str) -> list[str]:
        return [
            sys.executable, "-m", "pytest", "--rootdir", str(REPOSITORY), "-c", str(REPOSITORY / "pytest.ini"),
            # pytest would keep the names of all tests on hosts that nobody sees again, and read them at each start.
            "-p", "no:nfplugin",
            f"--report={self.report}", *arguments,
        ]  # fmt: skip

    def run(self, *arguments: str, limit_s: float = 400) -> SuiteRun:
        return self.started(self.command(*arguments), limit_s)

    def started(self, command: Sequence[str], limit_s: float = 400) -> SuiteRun:
        """Run what `command` gave, or that behind another program's name and arguments."""
        done = subprocess.run(
            command, cwd=REPOSITORY, capture_output=True, text=True, timeout=limit_s, check=False,
            env=clean_environment(),
        )  # fmt: skip
        return SuiteRun(done.returncode, done.stdout + done.stderr, self.report)

    def against(self, host: LabHost, *arguments: str) -> SuiteRun:
        """Run it against a lab host as if that were anybody's host, over ssh://."""
        return self.run(*options(host), *arguments)


def options(host: LabHost) -> list[str]:
    """The options by which a user names a lab host as if it were anybody's, over ssh://."""
    return [
        "--profile=debian12",
        f"--hosts=ssh://root@127.0.0.1:{host.run.port}",
        f"--identity={host.image.key}",
        f"--known-hosts={host.run.folder / 'known_hosts'}",
    ]


def clean_environment() -> dict[str, str]:
    """The environment without what pytest and xdist leave in it for their own."""
    return {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "COV_"))}
