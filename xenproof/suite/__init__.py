"""What wires xenproof to pytest: options, fixtures, expectations as parameters, verdicts."""

pytest_plugins = [
    "xenproof.suite.plugin",
    "xenproof.suite.carried",
    "xenproof.suite.fixtures",
    "xenproof.suite.fact_fixtures",
    "xenproof.suite.make_guest",
    "xenproof.suite.guest_fixtures",
    "xenproof.suite.affinity",
    "xenproof.suite.scheduling",
    "xenproof.suite.disk_fixtures",
    "xenproof.suite.promises",
    "xenproof.suite.failed",
    "xenproof.suite.guest_teardown",
    "xenproof.suite.kept_guests",
    "xenproof.suite.life_fixtures",
    "xenproof.suite.boot_fixtures",
    "xenproof.suite.crowd_fixtures",
    "xenproof.suite.kernel_fixtures",
    "xenproof.suite.same_host",
    "xenproof.suite.desktop_fixtures",
    "xenproof.suite.ending",
]
