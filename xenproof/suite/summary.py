"""The facts of a host that the report shows before its checks."""

from collections.abc import Callable

from xenproof.facts.identity import PROBE, parse_identity
from xenproof.facts.versions import Versions
from xenproof.profile.profile import Profile
from xenproof.source.probe import Recording


def host_facts(recording: Recording | None, profile: Profile) -> dict[str, str]:
    """The host's system and versions, and of a lab host its accelerator and origin; what cannot be read is left out."""
    if recording is None:
        return {}
    versions = Versions(recording, profile)
    rows: dict[str, Callable[[], str]] = {
        "source": lambda: recording.about["source"],
        "system": lambda: parse_identity(recording.output(PROBE)).system,
        "Xen": lambda: versions.running("hypervisor").text,
        "kernel": lambda: parse_identity(recording.output(PROBE)).kernel,
        "libvirt": lambda: versions.running("libvirt").text,
        "qemu": lambda: versions.running("qemu").text,
        "recorded": lambda: recording.taken,
        "accelerator": lambda: recording.about["accelerator"],
        "built from": lambda: recording.about["built from"],
    }
    facts: dict[str, str] = {}
    for name, read in rows.items():
        try:
            if text := read():
                facts[name] = text
        except Exception:  # noqa: BLE001, S112  # the checks report what is wrong
            continue
    return facts
