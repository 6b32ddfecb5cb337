"""Recordings of sources that are not running hosts: each section is written as a probe would have printed it."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from xenproof.errors import NotEvaluable, ParseError, XenproofError
from xenproof.facts.families import probes
from xenproof.probing.sections import printed, section_names, unknowable
from xenproof.profile.profile import Profile
from xenproof.source.probe import Probe, ProbeOutput, Recording
from xenproof.source.redact import redacted

# The limits of one section, and of all: far more than any host prints.
MOST_SECTION_BYTES, MOST_BYTES = 8 << 20, 32 << 20
# The exit code of a failed command: no parser accepts it.
FAILED = 125

# Writes the content of a section; raises NotEvaluable if the source cannot determine it.
SectionWriter = Callable[[], str]


def offline_recording(
    url: str,
    profile: Profile,
    identity: ProbeOutput,
    writer_of: Callable[[str], SectionWriter],
    about: Mapping[str, str],
) -> Recording:
    """The recording with each section of each probe of the profile.

    `writer_of` returns the writer for a section's name.  An error of the writer becomes the section's result:
    NotEvaluable makes it unknowable, another XenproofError makes it fail, and so does a text that is
    larger than a host could print.  Secrets are replaced.
    """
    count, left, clean = 0, MOST_BYTES, dict[str, ProbeOutput]()
    for probe in (None, *probes(profile)):
        name, stdout = (probe.name, _printed(probe, writer_of, left)) if probe else (identity.name, identity.stdout)
        stdout, found = redacted(stdout)
        clean[name] = ProbeOutput(name, stdout, b"", 0)
        count += found
        left -= len(stdout)
    notes = {"redacted": str(count)} if count else {}
    taken = datetime.now(UTC).isoformat(timespec="seconds")
    return Recording(url, taken, clean, {**notes, **about})


def _printed(probe: Probe, writer_of: Callable[[str], SectionWriter], left: int) -> bytes:
    """The output of the probe: `left` bytes, and only the frames of sections that exceed them."""
    found = bytearray()
    for name in section_names(probe.script):
        found += _section(name, writer_of(name), min(MOST_SECTION_BYTES, left - len(found))).encode("utf-8", "replace")
    return bytes(found)


def _section(name: str, write: SectionWriter, room: int) -> str:
    try:
        text = write()
        if len(text) > room or len(text.encode("utf-8", "replace")) > room:
            raise ParseError(
                f"{name} is of more than {len(text):,} characters, expected {MOST_SECTION_BYTES >> 20} MiB or less, "
                f"and {MOST_BYTES >> 20} MiB of all that is read"
            )
        return printed(name, text)
    except NotEvaluable as error:
        return unknowable(name, str(error)[:400])
    except XenproofError as error:
        return printed(name, str(error), FAILED)
