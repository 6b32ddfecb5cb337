"""Bad calls and bad hosts: a clear error, the right exit status, nothing left behind."""

import socket
from pathlib import Path

import pytest

from selftest.lab.suite import Suite
from xenproof.lab.host import LabHost


@pytest.mark.hostless
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--profile=debian12", "--hosts=telnet://xen1"], "the scheme 'telnet' is unknown"),
        (["--profile=debian12", "--hosts=xen1"], "ssh://root@xen1"),
        (["--profile=debian12", "--hosts=lab://nosuch"], "there is no lab recipe 'nosuch'"),
        (["--profile=nosuch", "--hosts=local://"], "nosuch"),
        (["--profile=debian12", "--hosts=image://"], "expected a path in"),
        (["--profile=debian12"], "without --hosts"),
        (["--hosts=local://"], "without --profile"),
        (["tests/host"], "give --profile NAME --hosts URL"),
    ],
)
def test_a_wrong_call_is_exit_status_4(suite: Suite, arguments: list[str], expected: str) -> None:
    run = suite.run(*arguments)

    assert run.exit_status == 4, run.output
    assert expected in run.output
    assert "Traceback" not in run.output


@pytest.mark.hostless
def test_an_invalid_profile_is_named_with_file_and_line(suite: Suite, tmp_path: Path) -> None:
    profile = tmp_path / "mine.yaml"
    profile.write_text("name: mine\ntitle: Mine\nextends: debian12\nfamilies:\n  unitz: {}\n", "utf-8")

    run = suite.run(f"--profile={profile}", "--hosts=local://")

    assert run.exit_status == 4, run.output
    assert f"{profile}:5:" in run.output
    assert "units" in run.output


@pytest.mark.hostless
def test_a_refused_port_is_said_once(suite: Suite) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    run = suite.run("--profile=debian12", f"--hosts=ssh://root@127.0.0.1:{port}", "tests/host")

    assert run.exit_status == 6, run.output
    assert [verdict.outcome for verdict in run.verdicts] == ["error"]
    assert "refuses connections" in run.verdicts[0].reason


@pytest.mark.hostless
def test_a_plain_linux_host_says_so_once(suite: Suite) -> None:
    # The machine that runs this test is a plain Linux host, or a dom0 whose owner knows better.
    if Path("/proc/xen/capabilities").exists():
        pytest.skip("this machine is a dom0 itself: run the test on a machine without Xen")

    run = suite.run("--profile=debian12", "--hosts=local://", "tests/host")

    assert run.exit_status == 6, run.output
    assert [verdict.outcome for verdict in run.verdicts] == ["error"]
    assert "is not a Xen dom0" in run.verdicts[0].reason


def test_an_unknown_host_key_shows_its_fingerprint(suite: Suite, lab_host: LabHost, tmp_path: Path) -> None:
    run = suite.run(
        "--profile=debian12",
        f"--hosts=ssh://root@127.0.0.1:{lab_host.run.port}",
        f"--identity={lab_host.image.key}",
        f"--known-hosts={tmp_path / 'empty'}",
        "tests/host",
    )

    assert run.exit_status == 6, run.output
    assert [verdict.outcome for verdict in run.verdicts] == ["error"]
    assert "SHA256:" in run.verdicts[0].reason


def test_a_host_key_that_has_changed_is_said_once_and_nothing_is_sent(suite: Suite, lab_host: LabHost) -> None:
    connection = lab_host.connect()
    change = "rm /etc/ssh/ssh_host_* && ssh-keygen -q -A && systemctl restart ssh.service && touch /root/marker"
    connection.run(change, limit_s=120).check(0)

    run = suite.against(lab_host, "tests/host")

    assert run.exit_status == 6, run.output
    assert [verdict.outcome for verdict in run.verdicts] == ["error"]
    assert "has CHANGED" in run.verdicts[0].reason
    logins = "journalctl --unit ssh.service --since @$(stat -c %Y /root/marker) | grep -c Accepted"
    assert connection.run(logins).text == "0\n"
    connection.close()


def test_a_dom0_without_xl_says_so_once(suite: Suite, lab_host: LabHost) -> None:
    connection = lab_host.connect()
    connection.run("rm /usr/sbin/xl").check(0)
    connection.close()

    run = suite.against(lab_host, "tests/host")

    assert run.exit_status == 6, run.output
    assert [verdict.outcome for verdict in run.verdicts] == ["error"]
    assert "without xl" in run.verdicts[0].reason
