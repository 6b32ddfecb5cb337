"""Where plain testinfra gives a wrong answer on a Xen host, and what the host that users see says instead.

Programs of the host stand first on the PATH of this machine: they print what SLES 12's print.
"""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from testinfra.backend.local import LocalBackend
from testinfra.host import Host

from xenproof.errors import CommandFailed
from xenproof.source.local import LocalConnection
from xenproof.source.testinfra_backend import testinfra_host

# `rpm -q --quiet` says nothing of a package that is not installed.
RPM = r"""case "$*" in
"-q rpm") echo rpm-4.11.2-1.1.x86_64 ;;
"-q --quiet xen") ;;
*VERSION*xen) echo 4.4.1_06 ;;
*) exit 1 ;;
esac
"""
# rpm's own format gives the two kernels an end of line only where it is asked for one.
KERNELS = r"""case "$*" in
"-q rpm") echo rpm-4.11.2-1.1.x86_64 ;;
*VERSION}*n*kernel-default) printf '3.12.28\n3.12.39\n' ;;
*) printf '3.12.283.12.39' ;;
esac
"""
DPKG = 'echo "dpkg-query: no packages found matching $4" >&2; exit 1'
SLES = '[ "$1" = /etc/os-release ] && printf \'ID="sles"\\nVERSION_ID="12"\\n\' || exec /bin/cat "$@"'
UNITS = """case "$1" in
list-unit-files) printf 'xencommons.service  enabled \\nxendomains.service  disabled\\n' ;;
show) echo LoadState=not-found ;;
esac
"""
MUTE = "echo 'Failed to get D-Bus connection' >&2; exit 1"
SYSTEMD = '[ "$2" = /run/systemd/system/ ] && exit 0; exec /usr/bin/test "$@"'

Programs = Callable[..., tuple[Host, Host]]


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    """Plain testinfra's host and ours, on a machine with the programs that are given as text."""

    def make(**texts: str) -> tuple[Host, Host]:
        for name, text in texts.items():
            path = tmp_path / name.replace("_", "-")
            path.write_text(f"#!/bin/sh\n{text}\n")
            path.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
        backend = LocalBackend()
        plain = Host(backend)
        backend.set_host(plain)
        return plain, testinfra_host(LocalConnection())

    return make


def test_sles_is_no_debian_though_it_has_dpkg(programs: Programs) -> None:
    plain, ours = programs(cat=SLES, rpm=RPM, dpkg_query=DPKG)
    assert plain.system_info.distribution == "sles"
    assert not plain.package("xen").is_installed, "testinfra no longer asks dpkg on SLES"
    assert ours.package("xen").is_installed
    assert ours.package("xen").version == "4.4.1_06"
    assert not ours.package("xend").is_installed


def test_a_debian_with_rpm_installed_stays_a_debian(programs: Programs) -> None:
    _, ours = programs(rpm='echo "package rpm is not installed"; exit 1')
    assert ours.package("dpkg").is_installed


def test_two_kernels_have_no_one_version(programs: Programs) -> None:
    plain, ours = programs(cat=SLES.replace("sles", "opensuse-leap"), rpm=KERNELS)
    assert plain.package("kernel-default").version == "3.12.283.12.39", "testinfra no longer glues versions"
    with pytest.raises(CommandFailed, match=r"installed 2 times, with version 3\.12\.28, 3\.12\.39"):
        _ = ours.package("kernel-default").version


def test_a_unit_does_not_exist_because_another_begins_like_it(programs: Programs) -> None:
    plain, ours = programs(systemctl=UNITS, test=SYSTEMD)
    assert plain.service("xend").exists, "testinfra no longer takes a name for the beginning of one"
    assert not ours.service("xend").exists
    assert not ours.service("xendom").exists
    assert ours.service("xendomains").exists
    assert ours.service("xencommons.service").exists


def test_an_init_script_exists_without_a_unit_file(programs: Programs) -> None:
    _, ours = programs(systemctl=UNITS.replace("not-found", "loaded"), test=SYSTEMD)
    assert ours.service("xend").exists


def test_a_systemctl_that_fails_says_nothing_of_a_unit(programs: Programs) -> None:
    plain, ours = programs(systemctl=MUTE, test=SYSTEMD)
    assert not plain.service("xend").exists, "testinfra no longer takes a failure for a no"
    with pytest.raises(CommandFailed, match=r"list-unit-files.*ended with exit code 1.*Failed to get D-Bus"):
        _ = ours.service("xend").exists
    assert not plain.service("xend").is_masked, "testinfra no longer takes a failure for a no"
    with pytest.raises(CommandFailed, match="masked"):
        _ = ours.service("xend").is_masked


def test_masked_is_seen(programs: Programs) -> None:
    _, ours = programs(systemctl="echo masked; exit 1", test=SYSTEMD)
    assert ours.service("xend").is_masked


def test_an_unexpected_exit_code_is_an_error_and_no_failure_of_the_host(programs: Programs) -> None:
    plain, ours = programs(xl="echo 'xl: cannot open the hypercall interface' >&2; exit 1")
    with pytest.raises(AssertionError):
        plain.check_output("xl info")
    with pytest.raises(CommandFailed, match=r"'xl info' ended with exit code 1.*hypercall interface"):
        ours.check_output("xl info")
    assert not issubclass(CommandFailed, AssertionError)


def test_a_command_that_hangs_and_megabytes_of_errors_end(programs: Programs) -> None:
    # Plain testinfra over ssh waits for ever for both; it is not tried here.
    _, ours = programs(noisy="head -c 4194304 /dev/zero >&2; echo end")
    assert ours.run("noisy").stdout == "end\n"
