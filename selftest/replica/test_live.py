"""The replica as a host that is read over ssh, and what must not be mistaken for it."""

import json

import pytest

from selftest.lab.suite import Suite, SuiteRun
from selftest.replica.live import LiveReplica
from selftest.replica.replica import SYSTEM


def passed(run: SuiteRun) -> int:
    return len(run.ids("pass"))


def test_it_conforms_to_sles12(live: LiveReplica, suite: Suite) -> None:
    run = suite.run("--profile=sles12", *live.options, "tests/host")
    assert run.exit_status == 0, run.output
    assert passed(run) >= 600
    assert run.ids("fail") | run.ids("error") | run.ids("not evaluable") == silence(live)
    (host,) = json.loads((run.report / "results.json").read_text())["hosts"]
    assert host["facts"]["system"] == SYSTEM
    assert SYSTEM in (run.report / "report.html").read_text()


def silence(live: LiveReplica) -> set[str]:
    """What cannot be said unless root itself logs in."""
    return set() if live.url.startswith("ssh://root@") else {"test_login_prints_nothing[login]"}


@pytest.mark.parametrize(
    ("profile", "some"),
    [
        (
            "sles12-sp1",
            {
                "test_unit_exists[xenstored.service]",
                "test_running_version_is_that_of_the_release[hypervisor]",
                "test_package_has_the_version_of_its_release[xen]",
                "test_file_exists[/boot/xen-4.5.gz]",
                "test_subcommand_is_there[channel-list]",
                "test_something_is_mounted[/var/lib/xenstored]",
            },
        ),
        (
            "sles11-sp4",
            {
                "test_package_is_installed[grub2]",
                "test_process_is_running[xend]",
                "test_file_exists[/etc/xen/xend-config.sxp]",
                "test_command_is_on_the_path[xm]",
            },
        ),
        ("debian12", {"test_bridge_exists[xenbr0]", "test_dom0_is_listed[dom0_listed]", "test_field_is[xen_minor]"}),
    ],
)
def test_it_does_not_conform_to_another_release(live: LiveReplica, suite: Suite, profile: str, some: set[str]) -> None:
    run = suite.run(f"--profile={profile}", *live.options, "tests/host")
    assert run.exit_status == 1, run.output
    assert some <= run.ids("fail"), run.ids("fail")


def test_a_command_sees_the_replica_and_nothing_of_this_machine(live: LiveReplica) -> None:
    connection = live.server.connect()
    try:
        done = connection.run("cat /REPLICA; id -u; hostname; pwd; ls / ; command -v dpkg-query; touch /etc/xen/new")
        assert done.text.startswith("This is a replica that xenproof's own tests build.")
        assert "\n0\n/root\nREPLICA\nbin\n" in done.text
        assert "dpkg" not in done.text
        assert "Read-only file system" in done.stderr.decode()
        # Nothing is left of one command for the next.
        assert (
            connection.run("ls /proc/[0-9]*/comm | wc -l").text == connection.run("ls /proc/[0-9]*/comm | wc -l").text
        )
        assert connection.run("exit 7").exit_code == 7
        assert connection.run("cat", stdin=b"\0\xff").stdout == b"\0\xff"
    finally:
        connection.close()
