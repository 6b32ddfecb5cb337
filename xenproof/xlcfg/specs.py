"""Disk specifications in every form known from manuals, the deck and xm, and some malformed ones."""

from importlib.resources import files


def known_specs() -> dict[str, str]:
    """Name and text of each specification, in the file's order."""
    text = files("xenproof.xlcfg").joinpath("specs.tsv").read_text("utf-8")
    return dict(line.split("\t", 1) for line in text.splitlines())
