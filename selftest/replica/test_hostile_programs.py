"""Programs of a host that are missing, broken, endless or hang: only what they were asked for is an error."""

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from selftest.lab.suite import Suite
from selftest.replica.difference import Difference, Good
from selftest.replica.hostile import Damage, hostile, original
from selftest.replica.replica import Replica

Damaged = Callable[[Damage], Difference]

RPM, SYSTEMCTL, VIRSH, XL = "/bin/rpm", "/usr/bin/systemctl", "/usr/bin/virsh", "/usr/sbin/xl"
# The package to which xl belongs: rpm -V sees that it was replaced.
XL_REPLACED = {"test_files_are_what_was_installed[xen-tools]"}
VIRSH_REPLACED = {"test_files_are_what_was_installed[libvirt-client]"}
JOURNALS = {
    "test_log_is_readable[libvirtd.service]",
    "test_log_is_readable[xencommons.service]",
    "test_log_is_readable[xendomains.service]",
    "test_log_is_readable[journal:/usr/sbin/libvirtd]",
    "test_log_mentions[libvirtd.service]",
    "test_log_mentions[journal:/usr/sbin/libvirtd]",
}


def of_xl(good: Good) -> set[str]:
    """What xl alone can tell."""
    of_several = {
        "test_running_options_are_those_of_grub_cfg[hypervisor]",
        "test_log_is_readable[xl dmesg]",
        "test_log_mentions[xl dmesg]",
        "test_consoles_are_known_ones[hypervisor]",
        "test_serial_console_is_consistent[hypervisor]",
        "test_serial_console_is_consistent[kernel]",
    }
    families = good.of_families("hypervisor", "xl_commands", "dom0", "versions")
    of_others = {"test_linux_is_the_control_domain[control]", *not_by_xl(good)}
    return (families | of_several & good.rows.keys()) - of_others


def not_by_xl(good: Good) -> set[str]:
    return {check for check in good.of_families("versions") if "[libvirt]" in check or "[qemu]" in check}


def of_packages(good: Good) -> set[str]:
    """What only the package manager can tell."""
    return good.of_families("packages", "integrity") | {
        f"test_running_version_is_the_installed_one[{what}]" for what in ("hypervisor", "kernel", "libvirt")
    }


def script(text: str) -> str:
    return f"#!/bin/sh\n{text}\n"


def test_an_xl_that_complains_and_ends_well(damaged: Damaged, good: Good) -> None:
    found = damaged(Damage({XL: script("echo 'xl: cannot reach the hypervisor' >&2; exit 0")}))
    found.is_only(1, of_xl(good), fail=XL_REPLACED)
    found.each_error_says("xl: cannot reach the hypervisor")


SSH = {
    "test_key_opens_by_itself[key]",
    "test_keys_are_there[authorized_keys]",
    "test_keys_are_there[known_hosts]",
    "test_only_root_can_let_keys_in[authorized_keys]",
}


def test_a_stat_that_is_missing(damaged: Damaged, good: Good) -> None:
    found = damaged(Damage(gone=("stat",)))
    logs = {check for check in good.rows if check.startswith("test_log_is_readable[/")}
    snapshots = {check for check in good.rows if check.startswith("test_images_are_no_part_of_snapshots[")}
    found.is_only(6, good.of_families("files") | logs | snapshots | SSH)
    found.each_error_says("stat: command not found")


def test_a_sed_that_is_missing(damaged: Damaged) -> None:
    found = damaged(Damage(gone=("sed",)))
    found.is_only(6, SSH)
    found.each_error_says("sed: command not found")


def test_a_sleep_that_is_missing_ends_no_probe_early(damaged: Damaged) -> None:
    damaged(Damage(gone=("sleep",))).is_only(0, set())


def test_a_database_of_packages_that_is_cut_off(damaged: Damaged, good: Good, replica: Replica) -> None:
    # rpm lists what it can read of it and ends with 0.
    path = "/var/lib/rpm/Packages"
    whole = (replica.root / path.lstrip("/")).read_bytes()
    found = damaged(Damage({path: whole[: len(whole) // 2]}))
    found.is_only(6, of_packages(good))
    found.each_error_says("pread: ")


def test_a_database_of_packages_that_is_locked(damaged: Damaged, good: Good) -> None:
    # As rpm 4.11 says it; it ends with 0.
    said = (
        "error: db5 error(11) from dbenv->open: Resource temporarily unavailable\n"
        "error: cannot open Packages index using db5 - Resource temporarily unavailable (11)\n"
        "error: cannot open Packages database in /var/lib/rpm\n"
    )
    found = damaged(Damage({RPM: script(f"printf '{said}' >&2; exit 0")}))
    found.is_only(6, of_packages(good))
    found.each_error_says("Resource temporarily unavailable")


def test_a_database_of_packages_with_a_header_that_cannot_be_read(
    damaged: Damaged, good: Good, replica: Replica
) -> None:
    rpm = original(replica, RPM).rstrip()
    skips = f"""case $1 in
-qa)
  echo 'error: rpmdbNextIterator: skipping h#      12 Header V3 RSA/SHA256 Signature, key ID 39db7c82: BAD' >&2
  {rpm.rpartition("exec ")[2]} | grep -v libvirt
  exit
  ;;
esac"""
    found = damaged(Damage({RPM: f"#!/bin/sh\n{skips}\n{rpm}\n"}))
    found.is_only(6, of_packages(good) - good.of_families("integrity"))
    found.each_error_says("skipping h#")


def test_a_program_that_prints_without_end(good: Good, suite: Suite, replica: Replica, tmp_path: Path) -> None:
    # The rpm that prints a gigabyte, and more; the largest process of the run tells its memory behind all it prints.
    damage = Damage({RPM: script("while :; do printf %65536s x; done")})
    measured = (
        "import resource, subprocess, sys; code = subprocess.call(sys.argv[1:]); "
        "print('largest', resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss); sys.exit(code)"
    )
    with hostile(replica, tmp_path / "host", damage) as host:
        command = suite.command("--profile=sles12", *host.options, "tests/host")
        found = Difference(good, suite.started([sys.executable, "-c", measured, *command]))
    found.is_only(6, of_packages(good))
    found.each_error_says("printed more than 16 MiB on stdout, so it was ended")
    kib = int(found.run.output.partition("\nlargest ")[2].split()[0])
    assert kib < 300 << 10


def test_a_program_that_kills_what_reads_it(damaged: Damaged, good: Good) -> None:
    # As when the host runs out of memory: all processes that the login started are gone.
    found = damaged(Damage({SYSTEMCTL: script("echo half; kill -s KILL -1")}))
    found.is_only(6, good.of_families("units", "systemd") | JOURNALS)
    found.each_error_says("its script ended there")


def test_programs_that_hang(good: Good, replica: Replica, tmp_path: Path) -> None:
    # Side by side: what they have in common is that nothing happens.
    hangs = "trap '' TERM HUP INT\necho begun >&2\nwhile :; do sleep 1000; done"

    def run(name: str, path: str) -> Difference:
        with hostile(replica, tmp_path / name, Damage({path: script(hangs)})) as host:
            suite = Suite(tmp_path / name / "report")
            return Difference(good, suite.run("--profile=sles12", *host.options, "tests/host"))

    with ThreadPoolExecutor() as pool:
        of_systemctl, of_a_xl = pool.map(run, ("systemctl", "xl"), (SYSTEMCTL, XL))
    of_systemctl.is_only(6, good.of_families("units", "systemd") | JOURNALS)
    of_systemctl.each_error_says("did not end within")
    of_a_xl.is_only(1, of_xl(good) | good.of_families("xenstore"), fail=XL_REPLACED)
    of_a_xl.each_error_says("did not end within")


def test_output_that_is_no_text(damaged: Damaged, good: Good) -> None:
    noise = bytes(range(256)) * 400
    cats = script("cat /usr/share/xenproof-replica/xl_info.out")
    found = damaged(Damage({"/usr/share/xenproof-replica/xl_info.out": noise, SYSTEMCTL: cats, VIRSH: cats, XL: cats}))
    of_virsh = good.of_families("libvirt") | {
        "test_tool_runs[virsh]",
        "test_tool_has_the_version_of_its_release[virsh]",
    }
    of_libvirt = {check for check in good.of_families("versions") if "[libvirt]" in check}
    found.is_only(
        1,
        of_xl(good) | good.of_families("units", "systemd") | of_virsh | of_libvirt,
        fail=XL_REPLACED | VIRSH_REPLACED,
    )
