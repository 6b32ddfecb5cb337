"""Wires xenproof to pytest; what it wires lives in `xenproof.suite`."""

pytest_plugins = [
    "xenproof.suite.plugin",
    "xenproof.suite.fixtures",
    "xenproof.suite.fact_fixtures",
    "xenproof.suite.guest_fixtures",
]
