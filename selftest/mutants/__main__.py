"""`python -m selftest.mutants`: proves of every expectation of every profile that its check can fail."""

import argparse
import multiprocessing
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from selftest.mutants import report
from selftest.mutants.checks import load_checks
from selftest.mutants.everything import score_of, without_mutator
from xenproof.errors import UsageError
from xenproof.profile.load import list_profiles

REPORT = Path(__file__).parents[2] / "reports" / "mutants"
PROCESSES = 2
NOT_PROVED = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; 0 if every mutant was killed and nothing is left unproved, else 1; 4 if the call is wrong."""
    parser = argparse.ArgumentParser(prog="python -m selftest.mutants", description=__doc__)
    parser.add_argument("profiles", nargs="*", metavar="PROFILE", help="profiles by name; all if none is given")
    parser.add_argument("--report", type=Path, default=REPORT, metavar="FOLDER", help="where the score goes")
    parser.add_argument("--processes", type=int, default=PROCESSES, metavar="N")
    given = parser.parse_args(arguments)
    known = list_profiles()
    if unknown := sorted(set(given.profiles) - set(known)):
        parser.print_usage(sys.stderr)
        sys.stderr.write(f"expected profiles among {', '.join(known)}, found {', '.join(unknown)}\n")
        return UsageError.exit_status
    began = time.monotonic()
    names = given.profiles or known
    # Fresh processes: a fork of this one would take its threads' locks along.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max(1, given.processes), mp_context=context) as pool:
        scores = list(pool.map(score_of, names))
    done = report.Hunt(scores, without_mutator(load_checks()), time.monotonic() - began)
    report.write(done, given.report)
    sys.stdout.writelines(f"{line}\n" for line in report.lines(done))
    sys.stdout.write(f"report: {given.report / 'report.html'}\n")
    return 0 if done.proved else NOT_PROVED


if __name__ == "__main__":
    sys.exit(main())
