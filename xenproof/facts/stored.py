"""Recordings of what is no running host: the sections that its probes would have printed, written one by one."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from xenproof.errors import NotEvaluable, XenproofError
from xenproof.facts.families import probes
from xenproof.facts.sections import printed, section_names, unknowable
from xenproof.profile.profile import Profile
from xenproof.source.probe import Probe, ProbeOutput, Recording
from xenproof.source.redact import redacted

# As a command that could not do its work: no parser takes that for an answer.
FAILED = 125

# What a section holds; it raises NotEvaluable where the source cannot know.
Writer = Callable[[], str]


def stored_recording(
    url: str,
    profile: Profile,
    identity: ProbeOutput,
    writer_of: Callable[[str], Writer],
    about: Mapping[str, str],
) -> Recording:
    """The recording that holds each section of each probe of the profile.

    `writer_of` gives the writer of a section's name; what a writer raises becomes the section: a
    NotEvaluable makes it unknowable, another XenproofError makes it fail.  Secrets are replaced.
    """
    outputs = [identity, *(_output(probe, writer_of) for probe in probes(profile))]
    count, clean = 0, dict[str, ProbeOutput]()
    for output in outputs:
        stdout, found = redacted(output.stdout)
        clean[output.name] = ProbeOutput(output.name, stdout, b"", 0)
        count += found
    notes = {"redacted": str(count)} if count else {}
    taken = datetime.now(UTC).isoformat(timespec="seconds")
    return Recording(url, taken, clean, {**notes, **about})


def _output(probe: Probe, writer_of: Callable[[str], Writer]) -> ProbeOutput:
    text = "".join(_section(name, writer_of(name)) for name in section_names(probe.script))
    return ProbeOutput(probe.name, text.encode("utf-8", "replace"), b"", 0)


def _section(name: str, write: Writer) -> str:
    try:
        return printed(name, write())
    except NotEvaluable as error:
        return unknowable(name, str(error)[:400])
    except XenproofError as error:
        return printed(name, str(error), FAILED)
