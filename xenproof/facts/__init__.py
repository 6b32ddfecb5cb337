"""One module per family of facts: its probe (POSIX sh), its parser, its dataclasses."""
