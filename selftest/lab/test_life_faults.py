"""The checks of a running guest, on a real dom0 whose xl does nothing and returns exit status 0."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from selftest.lab.guests import guest_host, new_guest
from tests.guest import test_life as checks
from xenproof.errors import XenproofError
from xenproof.guest.actions import by_xl
from xenproof.guest.actions import running_guest as running_guest_module
from xenproof.guest.actions.running_guest import RunningGuest, boot_for_actions
from xenproof.lab.host import LabHost
from xenproof.profile.load import load_profile
from xenproof.source.connection import Connection
from xenproof.suite.expect import Expect, Mismatch
from xenproof.suite.fixtures.promises import documents

# Exit status 0 for whatever changes a guest; what only reads goes on to the real one.
IDLE_XL = """\
cat >/usr/local/sbin/xl <<'END'
#!/bin/sh
case $1 in list | domid | info | vcpu-list | cpupool-list) exec /usr/sbin/xl "$@" ;; esac
exit 0
END
chmod 755 /usr/local/sbin/xl
"""


@pytest.fixture
def running_guest(lab_host: LabHost, dom0_shell: Connection, tmp_path: Path) -> Iterator[RunningGuest]:
    """A guest that was booted by the real xl, which is put aside then."""
    host = guest_host(dom0_shell, tmp_path)
    host.enter()
    guest = new_guest(lab_host, host)
    try:
        made = boot_for_actions(guest)
        dom0_shell.run(IDLE_XL).check(0)
        yield made
    finally:
        dom0_shell.run("rm -f /usr/local/sbin/xl").check(0)
        guest.remove()
        host.leave()


@pytest.mark.releases
def test_each_check_of_a_running_guest_fails_with_an_xl_that_does_nothing(
    running_guest: RunningGuest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running_guest_module, "ANSWER_LIMIT_S", 3.0)
    monkeypatch.setattr(by_xl, "SETTLE_LIMIT_S", 1.0)
    profile = load_profile("debian12")
    arguments: dict[str, dict[str, object]] = {
        "test_guest_is_paused_and_goes_on": {},
        "test_guest_is_renamed": {},
        "test_memory_of_guest_follows_the_balloon": {"less_mib": 32},
        "test_processors_of_guest_are_hotplugged": {"count": 2, "used": "0-1"},
        "test_disk_is_attached_and_detached": {},
        "test_network_is_attached_and_detached": {"profile": profile},
        "test_guest_is_saved_and_goes_on_when_restored": {},
        "test_guest_starts_again": {"why": "a reboot", "start_again": by_xl.reboot_from_changed_menu},
        "test_guest_runs_where_it_may": {"where": "a CPU of its own", "choose": checks.a_cpu},
        "test_guest_uses_a_pool_of_its_own": {},
        "test_guest_is_destroyed": {},
    }
    # What libvirt does, and what becomes of a guest that is no more than a crash.
    others = {"test_libvirt_leaves_guests_of_xl_alone", "test_crashed_guest_is_preserved"}
    assert set(arguments) | others == {name for name in vars(checks) if name.startswith("test_")}

    passed = []
    for name, more in arguments.items():
        try:
            getattr(checks, name)(
                running_guest=running_guest, documented=documents(profile.name), expect=Expect(name), **more
            )
        except (Mismatch, XenproofError):
            continue
        passed.append(name)

    assert passed == []
