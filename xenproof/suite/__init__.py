"""Connects xenproof to pytest: options, fixtures, expectations as parameters, verdicts."""

pytest_plugins = [
    "xenproof.suite.plugin",
    "xenproof.suite.report_verdict",
    "xenproof.suite.fixtures.common",
    "xenproof.suite.fixtures.facts",
    "xenproof.suite.fixtures.make_guest",
    "xenproof.suite.fixtures.guest",
    "xenproof.suite.affinity",
    "xenproof.suite.scheduling",
    "xenproof.suite.fixtures.disk",
    "xenproof.suite.fixtures.promises",
    "xenproof.suite.failed",
    "xenproof.suite.fixtures.guest_teardown",
    "xenproof.suite.kept_guests",
    "xenproof.suite.fixtures.running_guest",
    "xenproof.suite.fixtures.boot",
    "xenproof.suite.fixtures.many_guests",
    "xenproof.suite.fixtures.kernel",
    "xenproof.suite.same_host",
    "xenproof.suite.fixtures.desktop",
    "xenproof.suite.ending",
]
