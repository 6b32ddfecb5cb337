"""GRUB's configuration as grub-mkconfig would read it, without running it."""

from xenproof.facts.texts import Texts, parse_texts
from xenproof.probing.family import Family
from xenproof.probing.probes import host_probe
from xenproof.probing.shell_variables import ShellVariables, read_variables
from xenproof.source.probe import ProbeOutput

DEFAULTS = "/etc/default/grub"
DEFAULTS_FOLDER = "/etc/default/grub.d"


def parse_grub_defaults(output: ProbeOutput) -> ShellVariables:
    """The variables of /etc/default/grub and then of the files of grub.d; raises ParseError if a quote has no end."""
    return grub_defaults(parse_texts(output))


def grub_defaults(texts: Texts) -> ShellVariables:
    """The variables of the files in `texts`, in the order in which grub-mkconfig reads them."""
    values: dict[str, str | None] = {}
    paths = [path for path in texts.below(DEFAULTS_FOLDER) if path.endswith(".cfg")]
    # If the main file is missing, `of` raises.
    for path, lines in [(DEFAULTS, texts.of(DEFAULTS)), *((path, texts.of(path)) for path in paths)]:
        read_variables(path, lines, values)
    return ShellVariables(values)


GRUB_DEFAULTS = Family("grub", host_probe, parse_grub_defaults)
