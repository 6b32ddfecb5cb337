"""Wires xenproof to pytest, also where another ini file than ours is used; what it wires is `xenproof.suite`."""

pytest_plugins = ["xenproof.suite"]
