"""Lab hosts: real, isolated, side by side, and gone when they should be."""

import subprocess
import sys
from pathlib import Path

import pytest

from selftest.lab.suite import clean_environment
from xenproof.errors import HostKeyError
from xenproof.lab import host as lab
from xenproof.lab import ready
from xenproof.run import runs
from xenproof.run.progress import Silent
from xenproof.source.connection import Connection


def test_the_host_is_a_real_xen_dom0(shared_shell: Connection) -> None:
    assert "xen_version            : 4.17" in shared_shell.run("xl info").check(0).text
    assert "control_d" in shared_shell.run("cat /proc/xen/capabilities").check(0).text


def test_boot_options_came_through_grub(shared_shell: Connection) -> None:
    configured = shared_shell.run(". /etc/default/grub; echo $GRUB_CMDLINE_XEN_DEFAULT").check(0).text.strip()

    assert configured in shared_shell.run("xl info").check(0).text
    assert "Bootloader: GRUB 2" in shared_shell.run("xl dmesg").check(0).text


def test_the_clock_is_right(shared_shell: Connection) -> None:
    # Compared on one machine's clock at both ends of the command, so its own time does not count.
    import time

    before = time.time()
    host_time = float(shared_shell.run("date +%s.%N").check(0).text)

    assert before - 2 < host_time < time.time() + 2


def test_the_host_reaches_nothing_outside(shared_shell: Connection) -> None:
    # QEMU's private network has a gateway at 10.0.2.2 that stands for this machine: it must not answer.
    dead_end = shared_shell.run("timeout 5 bash -c 'exec 3<>/dev/tcp/10.0.2.2/22'", limit_s=30)

    assert dead_end.exit_code != 0


def test_two_hosts_share_nothing_but_the_cache() -> None:
    one, two = lab.up("debian12", Silent()), lab.up("debian12", Silent())
    try:
        first, second = one.connect(), two.connect()
        first.run("touch /only-here").check(0)

        assert one.run.port != two.run.port
        assert second.run("test -e /only-here").exit_code == 1
        first.close()
        second.close()
    finally:
        one.down()
        two.down()
    assert not one.run.folder.exists()
    assert not two.run.folder.exists()


def test_a_changed_host_key_is_refused(lab_host: lab.LabHost, dom0_shell: Connection) -> None:
    dom0_shell.run(
        "rm /etc/ssh/ssh_host_*; ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key", limit_s=60
    ).check(0)
    # sshd reads its keys when it starts; a service that is asked to restart keeps this session.
    dom0_shell.run("systemctl restart ssh.service", limit_s=60).check(0)

    with pytest.raises(HostKeyError, match="SHA256:"):
        ready.connect(lab_host.image, lab_host.url, lab_host.run.port, lab_host.run.folder, 60)


def test_a_killed_runner_leaves_no_qemu_and_the_next_run_cleans_up() -> None:
    script = (
        "import sys, time\n"
        "from xenproof.lab import host\n"
        "from xenproof.run.progress import Silent\n"
        "up = host.up('debian12', Silent())\n"
        "print(up.run.folder, up.run.qemu.pid, flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env=clean_environment(),
    ) as runner:  # fmt: skip
        assert runner.stdout is not None
        folder, pid = runner.stdout.readline().split()
        left = runs._load(Path(folder))
        assert left.qemu is not None
        runner.kill()
        runner.wait(30)

    left.qemu.wait_until_gone(20)
    assert not left.qemu.alive(), f"QEMU {pid} outlived its runner"
    # Each run cleans up, also one that began meanwhile in another process.
    runs.clean()
    assert not Path(folder).exists()


def test_up_and_down_by_hand() -> None:
    def xenproof(*words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "xenproof.cli", *words], capture_output=True, text=True, timeout=300, check=False,
            env=clean_environment(),
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    try:
        assert "debian12 is up" in xenproof("lab", "up", "debian12")
        assert "Domain-0" in xenproof("lab", "ssh", "debian12", "--", "xl", "list")
        assert "host debian12: up" in xenproof("lab", "status")
    finally:
        assert "ended 1 host" in xenproof("lab", "down", "debian12")
    assert lab.find("debian12") is None
