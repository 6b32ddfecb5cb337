"""What a host says: forged parts, names that a terminal or a page would obey, banners, other languages, its clock."""

from collections.abc import Callable
from pathlib import Path

import pytest

from selftest.replica.difference import Difference, Good
from selftest.replica.hostile import Damage, hostile, original
from selftest.replica.live import LiveReplica
from selftest.replica.replica import Replica
from selftest.replica.tools import PLACE
from xenproof.probing.sections import Section

Damaged = Callable[[Damage], Difference]

DATE, DF, GRUB = f"{PLACE}/bin/date", "/bin/df", "/etc/default/grub"
SHARE = "/usr/share/xenproof-replica"
XL, VIRSH = "/usr/sbin/xl", "/usr/bin/virsh"
UNITS = "/run/replica/units"
# For a shell, a terminal, a page, and a reader from right to left.
EVIL = "$(touch${IFS}/tmp/x)`id`\"'<script>alert(1)</script>\x1b[31m\x1b]0;owned\x07\x9b2J\u202e"


def plain(*rows: Section) -> str:
    """Sections as a host would forge them that does not know the mark."""
    return "".join(f"@@{row.name}\n{row.text}\n@@{row.name} {row.exit_code}\n" for row in rows)


def test_a_log_that_quotes_a_good_xl_forges_no_word_of_it(damaged: Damaged, replica: Replica) -> None:
    good, text = original(replica, f"{SHARE}/xl_info.out"), original(replica, f"{SHARE}/xl_dmesg.out")
    info = good.replace("xen_major              : 4", "xen_major              : 3")
    assert info != good
    # Ends its own part, tells the next ones as they should be, and hides the true ones in the last, which
    # passes over lines that it does not know.
    forged = f"\n@@xl-dmesg 0\n{plain(Section('xenstore', 'there /local/domain/0/name Domain-0', 0))}"
    forged += f"{plain(Section('xl-info', good, 0))}@@xl-help\n{original(replica, f'{SHARE}/xl_help.out')}"
    found = damaged(Damage({f"{SHARE}/xl_dmesg.out": text + forged, f"{SHARE}/xl_info.out": info}))
    found.is_only(1, set(), fail={"test_field_is[xen_major]"})
    assert found.verdicts["test_field_is[xen_major]"].findings[-1].found == "3"


def test_a_file_that_quotes_the_probe_s_own_lines_is_a_file(damaged: Damaged, replica: Replica) -> None:
    lines = "\n\n@@text 0\n@@stat-list\nthere /forged\n\n@@stat-list 0\n@@text\n/proc/cmdline:forged\n"
    found = damaged(
        Damage({GRUB: original(replica, GRUB) + "".join(f"# {line}\n" for line in lines.split("\n")) + lines})
    )
    found.is_only(0, set())


def test_names_that_a_shell_a_terminal_or_a_page_would_obey(damaged: Damaged, replica: Replica) -> None:
    unit = f"evil{EVIL.replace(' ', '')}.service failed failed {EVIL}\n"
    guest = f"    printf ' 1     %s   running\\n' '{EVIL.replace(chr(39), '')}'"
    virsh = original(replica, VIRSH).replace(
        "'----------------------------------------------------'\n", f"'-----'\n{guest}\n"
    )
    assert guest in virsh
    info = original(replica, f"{SHARE}/xl_info.out").replace(": credit\n", f": credit{EVIL}\n")
    assert EVIL in info
    found = damaged(Damage({UNITS: original(replica, UNITS) + unit, VIRSH: virsh, f"{SHARE}/xl_info.out": info}))
    failed = {"test_no_other_unit_has_failed[manager]", "test_field_is[xen_scheduler]"}
    found.is_only(1, set(), fail=failed | {"test_files_are_what_was_installed[libvirt-client]"})
    for check in ("test_no_other_unit_has_failed[manager]", "test_field_is[xen_scheduler]"):
        # As data it is what the host said; terminal, page and XML were looked at already.
        assert EVIL in found.verdicts[check].findings[-1].found
    page = (found.run.report / "report.html").read_text("utf-8")
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert(1)" not in page


def test_the_name_of_a_configuration_may_hold_anything_but_an_end_of_a_line(damaged: Damaged, tmp_path: Path) -> None:
    (tmp_path / "vm").mkdir()
    name = EVIL.replace("/", "")
    (tmp_path / "vm" / name).write_text("(vm (name a))", "utf-8")
    found = damaged(Damage(first=f'/bin/mount --bind "{tmp_path}/vm" "$1/root/etc/xen/vm"\n'))
    found.is_only(0, set(), fail={"test_nothing_is_left_in_sxp_form[sxp_configs]"})
    assert found.verdicts["test_nothing_is_left_in_sxp_form[sxp_configs]"].findings[-1].found == f"/etc/xen/vm/{name}"


def test_the_name_of_a_configuration_with_an_end_of_a_line_is_an_error(damaged: Damaged, tmp_path: Path) -> None:
    (tmp_path / "vm").mkdir()
    (tmp_path / "vm" / "a\nb").write_text("(vm (name a))", "utf-8")
    found = damaged(Damage(first=f'/bin/mount --bind "{tmp_path}/vm" "$1/root/etc/xen/vm"\n'))
    found.is_only(
        6, {"test_nothing_is_left_in_sxp_form[sxp_configs]", "test_managed_domains_are_imported[managed_domains]"}
    )


def test_a_guest_s_name_with_an_end_of_a_line_is_an_error(damaged: Damaged, good: Good, replica: Replica) -> None:
    guest = "    printf ' 1     %s   running\\n' 'a\n 0     Domain-0'"
    virsh = original(replica, VIRSH).replace(
        "'----------------------------------------------------'\n", f"'-----'\n{guest}\n"
    )
    found = damaged(Damage({VIRSH: virsh}))
    of_libvirt = {check for check in good.of_families("versions") if "[libvirt]" in check}
    found.is_only(
        1, good.of_families("libvirt") | of_libvirt, fail={"test_files_are_what_was_installed[libvirt-client]"}
    )
    found.each_error_says("expected a domain from virsh, found ' 1     a'")


BANNER = "printf 'Welcome to \\033[31mxen1\\033[0m\\n@@xl-info\\n'; echo careful >&2\n"


def test_a_shell_that_prints_a_banner(damaged: Damaged, good: Good, tmp_path: Path) -> None:
    (tmp_path / "bashrc").write_text(BANNER, "utf-8")
    # As under sshd, bash reads root's ~/.bashrc; here a file, so that nothing is written to the replica.
    found = damaged(
        Damage(first=f'/bin/mount --bind "{tmp_path}/bashrc" "$1/root/REPLICA"\nexport BASH_ENV=/REPLICA\n')
    )
    found.is_only(1, set(), fail=of_login(good))


def of_login(good: Good) -> set[str]:
    """What is said of root's login, where root itself logs in."""
    return {check for check in ("test_login_prints_nothing[login]",) if good.rows[check][0] == "pass"}


COMMAS = r"""case ${LC_ALL:-${LC_NUMERIC:-${LANG:-C}}} in
C | POSIX) ;;
*)
  echo 'Dateisystem     Typ  1K-Blöcke Benutzt Verfügbar Verw% Eingehängt auf  1,5'
  exit
  ;;
esac
"""


@pytest.mark.parametrize("variables", ["LC_ALL=de_DE.UTF-8", "LANG=de_DE@euro LC_NUMERIC=fr_FR LANGUAGE=de"])
def test_a_shell_with_another_language(damaged: Damaged, good: Good, replica: Replica, variables: str) -> None:
    # None is installed on the replica, so the login's bash complains of LC_ALL; programs count in decimal commas.
    changed = {path: original(replica, path).replace("#!/bin/sh\n", f"#!/bin/sh\n{COMMAS}", 1) for path in (XL, DF)}
    found = damaged(Damage(changed, first=f"export {variables}\n"))
    complaint = of_login(good) if variables.startswith("LC_ALL") else set()
    found.is_only(1, set(), fail={"test_files_are_what_was_installed[xen-tools]"} | complaint)


def refused(host: LiveReplica) -> str:
    """What is said where a command wants to write to /tmp."""
    connection = host.server.connect()
    try:
        return connection.run("printf %9999s x >/tmp/more && cat /tmp/more").error_text
    finally:
        connection.close()


def test_a_tmp_that_takes_nothing(damaged: Damaged, live: LiveReplica, replica: Replica, tmp_path: Path) -> None:
    # The good host shows the first of both: all of it is read-only.
    assert "Read-only file system" in refused(live)
    full = '/bin/mount -t tmpfs -o size=4k tmp "$1/root/tmp"\nprintf %4096s x >"$1/root/tmp/full"\n'
    with hostile(replica, tmp_path / "asked", Damage(first=full)) as host:
        assert "No space left on device" in refused(host)
    damaged(Damage(first=full)).is_only(0, set())


@pytest.mark.parametrize(
    ("date", "outcome", "exit_status"),
    # That the clock is right is only inferred for a release, so it fails no host.
    [("echo 0", "fail", 0), ("echo 'Mi 25. Nov'", "error", 6)],
)
def test_a_clock_that_is_wrong(damaged: Damaged, date: str, outcome: str, exit_status: int) -> None:
    found = damaged(Damage({DATE: f"#!/bin/sh\n{date}\n"}))
    assert found.changed == {"test_clock_is_right[skew]": outcome}
    assert found.run.exit_status == exit_status
