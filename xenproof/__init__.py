"""Prove that a Xen dom0 is what its release promises."""

from importlib.metadata import version

__version__ = version("xenproof")
