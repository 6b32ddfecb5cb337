"""`python -m selftest.bench`: how long xenproof and plain testinfra take to ask one host the same questions."""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from selftest.bench.place import Place
from selftest.bench.question import Questions, questions
from selftest.bench.result import Result
from selftest.bench.side import Answers, ask_testinfra, ask_xenproof
from xenproof.errors import UsageError, XenproofError
from xenproof.lab import host as lab
from xenproof.profile.load import load_profile
from xenproof.profile.profile import Profile
from xenproof.run.interruption import interrupt_on_sigterm
from xenproof.run.progress import Progress
from xenproof.source.address import Scheme, parse_url

LAB = "lab://debian12"
PROFILE = "debian12"
RUNS = 5
NOT_ANSWERED = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; 0 if both sides gave the same answers to all questions, else 1; 4 if the call is wrong."""
    parser = argparse.ArgumentParser(prog="python -m selftest.bench", description=__doc__)
    parser.add_argument(
        "--hosts", default=LAB, metavar="URL", help=f"the host: ssh://user@host, or {LAB} (the default)"
    )
    parser.add_argument(
        "--profile", default=PROFILE, help=f"the profile whose questions are asked (default: {PROFILE})"
    )
    parser.add_argument("--identity", type=Path, metavar="FILE", help="the private key to log in with (ssh://)")
    parser.add_argument("--known-hosts", type=Path, metavar="FILE", help="the pinned host keys (ssh://)")
    parser.add_argument("--runs", type=int, default=RUNS, metavar="N", help=f"runs of xenproof (default: {RUNS})")
    parser.add_argument("--keep", type=Path, metavar="FILE", help="keep the plain module here, to read it")
    parser.add_argument(
        "--unshared", action="store_true", help="let each plain test ask for itself what several questions need"
    )
    given = parser.parse_args(arguments)
    interrupt_on_sigterm()
    try:
        profile = load_profile(given.profile)
        asked = questions(profile)
        if given.keep:
            given.keep.write_text(asked.module(shared=not given.unshared), "utf-8")
        with _place(given.hosts, given.identity, given.known_hosts) as place:
            _say(f"{place.address.url} is asked the {len(asked.asked)} questions of the profile {profile.name}")
            for key, why in asked.not_asked.items():
                _say(f"not asked: {key}: {why}")
            result = _measure(place, profile, asked, given)
    except UsageError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_status
    except XenproofError as error:
        sys.stderr.write(f"{error}\n")
        return NOT_ANSWERED
    problems = list(result.problems())
    for line in [*problems, *result.lines()]:
        _say(line)
    return NOT_ANSWERED if problems else 0


def _measure(place: Place, profile: Profile, asked: Questions, given: argparse.Namespace) -> Result:
    """xenproof before and after testinfra: what keeps the machine busy for a while is in both."""
    runs, name = max(1, given.runs), given.profile
    place.log_in_once()
    xenproof: list[Answers] = []
    with tempfile.TemporaryDirectory(prefix="xenproof-bench-") as scratch:
        folder = Path(scratch)
        for _ in range(runs // 2):
            xenproof.append(_timed("xenproof", ask_xenproof(place, profile, name, folder)))
        plain = _timed("plain testinfra", ask_testinfra(place, asked, folder, shared=not given.unshared))
        while len(xenproof) < runs:
            xenproof.append(_timed("xenproof", ask_xenproof(place, profile, name, folder)))
    return Result(asked, plain, xenproof)


def _timed(side: str, answers: Answers) -> Answers:
    _say(f"{side}: {answers.seconds:.1f} s, {answers.verdicts} verdicts")
    return answers


@contextmanager
def _place(url: str, identity: Path | None, known_hosts: Path | None) -> Iterator[Place]:
    """The host that `url` names; one of the lab is there as long as the context."""
    address = parse_url(url)
    if address.scheme is Scheme.SSH:
        yield Place(address, identity, known_hosts)
        return
    if address.lab is None:
        raise UsageError(f"expected ssh://user@host[:port] or lab://RELEASE, found {url!r}")
    host = lab.up(str(address.lab), Progress())
    try:
        as_anybodys = parse_url(f"ssh://root@127.0.0.1:{host.run.port}")
        yield Place(as_anybodys, host.image.key, host.run.folder / "known_hosts")
    finally:
        host.down()


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
