"""What comes of both sides: the ratio, and whether they answered the same questions alike."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from selftest.bench.question import Questions
from selftest.bench.side import Answers


@dataclass(frozen=True, slots=True)
class Result:
    """One run of plain testinfra and several of xenproof, asked the same questions of the same host."""

    questions: Questions
    plain: Answers
    xenproof: Sequence[Answers]

    @property
    def ratio(self) -> float:
        """How many times as long as xenproof plain testinfra took; of xenproof's runs the median counts."""
        return self.plain.seconds / median(run.seconds for run in self.xenproof)

    def problems(self) -> Iterator[str]:
        """Questions that a side did not answer, or that both answered differently."""
        for question in self.questions.asked:
            key = question.key
            if key not in self.plain.yes:
                yield f"{key}: plain testinfra did not answer"
            for run in self.xenproof:
                if key not in run.yes:
                    yield f"{key}: xenproof did not answer"
                elif key in self.plain.yes and run.yes[key] is not self.plain.yes[key]:
                    yield (f"{key}: plain testinfra says {_word(self.plain, key)}, xenproof says {_word(run, key)}")

    def lines(self) -> Iterator[str]:
        """The figures, and last the ratio."""
        count = len(self.questions.asked)
        seconds = [run.seconds for run in self.xenproof]
        middle = median(seconds)
        yield f"plain testinfra: {self._answered(self.plain)}, in {self.plain.seconds:.1f} s; it was run once"
        yield (
            f"xenproof: {self._answered(self.xenproof[-1])}, {self.xenproof[-1].verdicts} verdicts in all, "
            f"in {middle:.1f} s, the median of {len(seconds)} runs; the least is {min(seconds):.1f} s"
        )
        yield (
            f"plain testinfra takes {self.ratio:.1f} x the time of xenproof "
            f"({self.plain.seconds:.1f} s against {middle:.1f} s, {count} questions)"
        )

    def _answered(self, answers: Answers) -> str:
        found = [answers.yes[question.key] for question in self.questions.asked if question.key in answers.yes]
        return f"{len(found)} of {len(self.questions.asked)} questions answered, {sum(found)} with yes"


def _word(answers: Answers, key: str) -> str:
    return "yes" if answers.yes[key] else f"no ({answers.told[key][:200]})"
