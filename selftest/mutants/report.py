"""The score as data, as a page and as lines for the terminal."""

import base64
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PackageLoader, StrictUndefined
from markupsafe import Markup

from selftest.mutants.score import Fate, Mutant, ProfileScore, Tally, by_family, tally
from xenproof.regular_file import write_whole

FORMAT = "xenproof-mutants/1"


@dataclass(frozen=True, slots=True)
class Hunt:
    """A whole run: the scores of its profiles, what has no mutator, and how long it took."""

    scores: Sequence[ProfileScore]
    missing: Sequence[str]
    seconds: float

    @property
    def tally(self) -> Tally:
        """All mutants of all profiles."""
        return tally(mutant for score in self.scores for mutant in score.mutants)

    @property
    def proved(self) -> bool:
        """Whether each expectation of each profile was proved able to fail, and no check lacks a mutator."""
        return bool(self.scores) and not self.missing and all(score.proved for score in self.scores)

    @property
    def conclusion(self) -> str:
        """One sentence."""
        counts, all_of_it = self.tally.counts, self.tally.all
        if self.proved:
            return f"each of {all_of_it} mutants of {_number(len(self.scores), 'profile')} was killed"
        problems = sum(len(score.problems) for score in self.scores)
        parts = {
            f"{counts[Fate.SURVIVED]} of {_number(all_of_it, 'mutant')} survived": counts[Fate.SURVIVED],
            f"{counts[Fate.VOID]} of {_number(all_of_it, 'mutant')} void": counts[Fate.VOID],
            f"nothing proved about {_number(problems, 'expectation')}": problems,
            f"no mutator for {', '.join(self.missing)}": len(self.missing),
        }
        return "; ".join(text for text, count in parts.items() if count) or "no profile was tried"


def write(hunt: Hunt, folder: Path) -> None:
    """Write score.json and report.html into `folder`; raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / "score.json", render_json(hunt))
    write_whole(folder / "report.html", render_html(hunt))


def render_json(hunt: Hunt) -> str:
    """The run as JSON, with each mutant."""
    data = {
        "format": FORMAT,
        "proved": hunt.proved,
        "conclusion": hunt.conclusion,
        "seconds": round(hunt.seconds, 1),
        "score": _plain(hunt.tally),
        "families": {name: _plain(found) for name, found in by_family(hunt.scores).items()},
        "without_mutator": list(hunt.missing),
        "profiles": [
            {
                "profile": score.profile,
                "base": score.base,
                "proved": score.proved,
                "controls": score.controls,
                "elsewhere": score.elsewhere,
                "score": _plain(tally(score.mutants)),
                "families": {name: _plain(found) for name, found in by_family([score]).items()},
                "problems": [{"expectation": problem.key, "what": problem.what} for problem in score.problems],
                "mutants": [_row(mutant) for mutant in score.mutants],
            }
            for score in hunt.scores
        ],
    }
    return json.dumps(data, indent=1, ensure_ascii=True) + "\n"


def render_html(hunt: Hunt) -> str:
    """The run as one page that needs nothing but itself, in the style of the suite's own report."""
    env = Environment(
        loader=ChoiceLoader([FileSystemLoader(Path(__file__).parent), PackageLoader("xenproof", "report")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = env.get_template("report.css").render()
    return env.get_template("report.html.j2").render(
        hunt=hunt,
        fates=Fate,
        tally=tally,
        families=by_family(hunt.scores),
        of_profile=lambda score: by_family([score]),
        style=Markup(style),  # noqa: S704  # our own file
        style_hash="sha256-" + base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
    )


def lines(hunt: Hunt) -> Iterator[str]:
    """The run for a terminal: the score of each profile and family, then all that keeps it from 100 %."""
    yield f"{'profile':<20}{'held':>6}{'mutants':>9}{'killed':>8}{'survived':>10}{'void':>6}{'score':>8}  good host"
    for score in hunt.scores:
        yield f"{score.profile:<20}{score.controls:>6}{_counts(tally(score.mutants))}  {score.base}"
    yield ""
    yield f"{'family':<26}{'mutants':>9}{'killed':>8}{'survived':>10}{'void':>6}{'score':>8}"
    for name, found in by_family(hunt.scores).items():
        yield f"{name:<26}{_counts(found)}"
    yield f"{'all':<26}{_counts(hunt.tally)}"
    yield ""
    for score in hunt.scores:
        for mutant in (*score.of(Fate.SURVIVED), *score.of(Fate.VOID)):
            reason = f" ({mutant.reason})" if mutant.reason else ""
            yield f"{mutant.fate:<9}{score.profile}: {mutant.key}: {mutant.what}; {mutant.check}{reason}"
        yield from (f"{'unproved':<9}{score.profile}: {problem.key}: {problem.what}" for problem in score.problems)
    yield f"{hunt.conclusion}, in {hunt.seconds:.0f} s"


def _counts(found: Tally) -> str:
    by_fate = found.counts
    killed, survived, void = (by_fate[fate] for fate in (Fate.KILLED, Fate.SURVIVED, Fate.VOID))
    return f"{found.all:>9}{killed:>8}{survived:>10}{void:>6}{found.score:>8}"


def _plain(found: Tally) -> dict[str, int | str]:
    return {"mutants": found.all, **{str(fate): found.counts[fate] for fate in Fate}, "score": found.score}


def _row(mutant: Mutant) -> dict[str, str]:
    row = {"expectation": mutant.key, "mutation": mutant.what, "check": mutant.check, "fate": str(mutant.fate)}
    return {**row, "reason": mutant.reason} if mutant.reason else row


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
