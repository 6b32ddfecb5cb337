"""The probes: few, because starting a process on a host costs more than all that it prints.

About half of the slow probes run in parallel with the rest, as dom0 has more than one CPU.  Two kinds never do: probes
that list the running processes, and probes that start processes which could be taken for the host's own.
Each is POSIX sh that also runs on busybox, and only reads.  Words of a profile are quoted here.
Two of them are long, and needed by each family and each host of a run: these are cached.
"""

import shlex
from functools import lru_cache

from xenproof.probing.sections import framed
from xenproof.profile.profile import Profile
from xenproof.source.probe import Probe

XEN_URI = "xen:///system"
GRUB_CFGS = ("/boot/grub/grub.cfg", "/boot/grub2/grub.cfg")
RELEASE = "{release}"
JOURNAL_OF = "journal:"  # before the path of a program whose journal is a log of the profile
DOM0_NAME = "/local/domain/0/name"
KERNEL_CONFIG_CONTROL = "CONFIG_MMU"
# Patterns that match any number of files; the part before the last slash is a folder, the rest a pattern.
TEXT_PATTERNS = ("/etc/default/grub.d/*.cfg", "/etc/logrotate.d/*")
RC_PATTERN = "/etc/rc[2345].d/S[0-9][0-9]*"
TAIL_BYTES = 65536

# Daemons and root's tools are not always on the PATH of a command that runs over ssh.
_PATH = "PATH=$PATH:/usr/sbin:/sbin\n"

# rpm skips what it cannot read, prints that on stderr, and exits with 0.  Those messages are printed after the rows,
# not between them.  The shell keeps them in a variable, so their length is limited.
_PACKAGES = r"""{ if command -v dpkg-query >/dev/null 2>&1; then
echo deb
e=$({ dpkg-query -W -f '${db:Status-Abbrev}\t${Package}\t${Version}\n' 2>&1 >&3; echo "end $?"; } | head -c 4096)
else
echo rpm
e=$({ rpm -qa --qf 'ii \t%{NAME}\t%{VERSION}-%{RELEASE}\n' 2>&1 >&3; echo "end $?"; } | head -c 4096)
fi; } 3>&1
c=${e##*end }
printf %s "${e%end *}"
[ "$c" = 0 ] || (exit "$c")"""

_BRIDGES = """for d in /sys/class/net/*; do
[ -r "$d/flags" ] || continue
read -r flags <"$d/flags"
kind=plain
[ ! -d "$d/bridge" ] || kind=bridge
printf '%s %s %s' "${d##*/}" "$kind" "$flags"
for q in "$d"/brif/*; do [ ! -e "$q" ] || printf ' %s' "${q##*/}"; done
echo
done"""

# A process may have a second line, with its file.  Only qemu and libvirt's daemons have one, and only processes of
# the reading user: the name of another user's process cannot be trusted.  The path of the daemons is fixed, so a
# builtin checks whether that file is still the one that runs: readlink would cost a process.
_PROCESSES = """for p in /proc/[0-9]*; do
{ IFS= read -r comm <"$p/comm"; } 2>/dev/null || continue
printf '%s %s\\n' "${p#/proc/}" "$comm"
case $comm in
*qemu*) [ ! -O "$p" ] || printf '%s %s\\n' "${p#/proc/}" "$(readlink "$p/exe")" ;;
libvirtd | virtxend)
if [ -O "$p" ] && [ -e "$p/exe" ] && [ -e "/usr/sbin/$comm" ]; then
old=' (deleted)'
[ ! "$p/exe" -ef "/usr/sbin/$comm" ] || old=
printf '%s /usr/sbin/%s%s\\n' "${p#/proc/}" "$comm" "$old"
fi ;;
esac
done
echo "self $$" """


def packages_probe(profile: Profile) -> Probe:  # noqa: ARG001  # every probe is made from a profile
    """Every installed package, as dpkg or rpm lists them."""
    return Probe("packages", framed("packages", _PACKAGES), limit_s=20, beside=True)


def xen_probe(profile: Profile) -> Probe:
    """What xl prints about the hypervisor, and entries of xenstore."""
    script = _PATH + framed("xl-info", "xl info") + framed("xl-help", "xl help")
    script += framed("xl-list", "xl list 0") + framed("xl-dmesg", "xl dmesg")
    if paths := profile.entries("xenstore"):
        script += framed("xenstore", _xenstore([DOM0_NAME, *(path for path in paths if path != DOM0_NAME)]))
    return Probe("xen", script, limit_s=30, beside=True)


def libvirt_probe(profile: Profile) -> Probe:  # noqa: ARG001  # every probe is made from a profile
    """What libvirt reports about Xen, read in one connection."""
    command = f"virsh -c {XEN_URI} 'uri; version --daemon; list --all' 2>&1"
    return Probe("libvirt", framed("virsh", command), limit_s=20)


@lru_cache(4)
def services_probe(profile: Profile) -> Probe:
    """The states of systemd units, and the newest journal lines of some."""
    units = shlex.join(unit_names(profile))
    script = framed(
        "show", f"systemctl show -p Id -p Names -p LoadState -p ActiveState -p SubState -p UnitFileState {units}"
    )
    script += framed("rc", f'for f in {RC_PATTERN}; do echo "$f"; done')
    script += framed("list-units", "systemctl list-units --all --full --no-legend --no-pager")
    for unit in _units_with_logs(profile):
        script += framed(f"journal:{unit}", f"journalctl -q --no-pager -n 20 --unit {shlex.quote(unit)}")
    for name in _programs_with_logs(profile):
        path = shlex.quote(name.removeprefix(JOURNAL_OF))
        script += framed(f"journal:{section_name(name)}", f"journalctl -q --no-pager -n 20 {path}")
    return Probe("services", script, limit_s=30)


def programs_probe(profile: Profile) -> Probe:
    """What programs print about themselves: qemu's version and options, sshd's configuration, versions of tools."""
    binaries = [name for name in profile.entries("files") if "qemu-system" in name.rpartition("/")[2]]
    # The first line of the help is the same as that of --version; of the rest only lines that begin an option are kept.
    helps = "if [ -x {0} ]; then {0} -help 2>&1 | grep -a -e '^QEMU' -e '^-[a-z]'; else echo absent {0}; fi"
    first = "".join(framed("qemu-help", helps.format(shlex.quote(binary))) for binary in binaries[:1])
    for tool in profile.entries("tools"):
        first += framed(f"tool:{section_name(tool)}", f"{shlex.quote(tool)} --version 2>&1")
    # sshd has to be called by its absolute path.
    sshd = framed("sshd", '"$(command -v sshd)" -T 2>&1')
    return Probe("programs", _PATH + first + sshd, limit_s=30)


@lru_cache(4)
def host_probe(profile: Profile) -> Probe:
    """Files, /proc and /sys, and the commands on the PATH."""
    script = framed("commands", _commands(command_names(profile)))
    script += framed("reader", "[ -O /proc/1 ] && echo root || echo other")
    script += framed("release", 'read -r release </proc/sys/kernel/osrelease && echo "$release"')
    script += framed("clock", "date +%s")
    script += framed("bridges", _BRIDGES) + framed("processes", _PROCESSES)
    script += _existing("text", _text_words(profile), '[ -f "$f" ]', "grep -a -H '' \"$@\" </dev/null")
    script += _existing("stat", _stat_words(profile), '[ -e "$f" ] || [ -L "$f" ]', "stat -c '%f %U:%G %n' \"$@\"")
    script += _existing("df", shlex.join(image_paths(profile)), '[ -d "$f" ]', 'df -PT "$@"')
    if any(path[2] == "snapshot_free" for path in profile.expectations):
        script += framed("image-devices", "stat -c '%d %n' / \"$@\"") + framed("image-flags", 'lsattr -d "$@" 2>&1')
    if options := profile.entries("kernel_config"):
        script += framed("kernel-config", _kernel_config(options))
    for path in tail_paths(profile):
        script += framed(f"tail:{section_name(path)}", f"tail -c {TAIL_BYTES} {shlex.quote(path)}")
    return Probe("host", script, limit_s=20)


def _existing(name: str, words: str, test: str, command: str) -> str:
    """Sections NAME-list, which prints for each word whether it exists, and NAME, which reads those that exist."""
    listing = f"""set --
for f in {words}; do
if {test}; then set -- "$@" "$f"; printf 'there %s\\n' "$f"
else printf 'missing %s\\n' "$f"; fi
done"""
    return framed(f"{name}-list", listing) + framed(name, f"[ $# -eq 0 ] || {command}")


def _kernel_config(options: list[str]) -> str:
    wanted = "|".join([KERNEL_CONFIG_CONTROL, *options])
    return f'grep -E {shlex.quote(f"^(# )?({wanted})[= ]")} "/boot/config-$release"'


def _xenstore(paths: list[str]) -> str:
    return f"""for f in {shlex.join(paths)}; do
if v=$(xenstore-read "$f" 2>/dev/null); then printf 'there %s %s\\n' "$f" "$v"
else printf 'missing %s\\n' "$f"; fi
done"""


def _commands(names: list[str]) -> str:
    # A builtin, so that hundreds of names cost no process.
    return f"""for c in {shlex.join(names)}; do
printf '%s ' "$c"
command -v "$c" || echo
done"""


def text_paths(profile: Profile) -> list[str]:
    """The files whose text is read, besides TEXT_PATTERNS; {release} stands for the kernel's release."""
    configured = [name for name in profile.entries("files") if name.endswith("/grub.cfg")]
    named = [
        "/etc/default/grub",
        *(configured or GRUB_CFGS),
        "/etc/xen/xl.conf",
        "/etc/xen/xend-config.sxp",
        "/etc/libvirt/libxl.conf",
        "/etc/logrotate.conf",
        "/proc/cmdline",
        "/proc/filesystems",
        "/proc/modules",
        "/proc/mounts",
        "/proc/net/tcp",
        "/proc/net/tcp6",
        "/proc/sys/kernel/version",
        "/proc/xen/capabilities",
        *(f"{path.rpartition('/')[0]}/grubenv" for path in configured or GRUB_CFGS),
        *(name.partition(":")[0] for name in profile.entries("settings")),
        *profile.entries("pidfiles"),
        f"/lib/modules/{RELEASE}/modules.builtin",
    ]
    return list(dict.fromkeys(named))


def stat_paths(profile: Profile) -> list[str]:
    """The paths whose type, mode and owner are read; {release} stands for the kernel's release."""
    return ["/proc", *profile.entries("files"), *(name for name in profile.entries("logs") if name.startswith("/"))]


def image_paths(profile: Profile) -> list[str]:
    """The directories for guests' images."""
    return profile.entries("images")


def command_names(profile: Profile) -> list[str]:
    """The commands that are searched on the PATH."""
    return ["sh", *profile.entries("commands")]


def unit_names(profile: Profile) -> list[str]:
    """The units whose state is read; the last one is a control."""
    return [*profile.entries("units"), "dbus.socket"]


def _text_words(profile: Profile) -> str:
    return " ".join([*map(_released, text_paths(profile)), *TEXT_PATTERNS])


def _stat_words(profile: Profile) -> str:
    return " ".join(map(_released, stat_paths(profile)))


def _released(path: str) -> str:
    # /lib/modules/{release}/kernel: the folder has the name of the running kernel's release.
    return '"$release"'.join(shlex.quote(part) if part else "" for part in path.split(RELEASE))


def _units_with_logs(profile: Profile) -> list[str]:
    return [name for name in profile.entries("logs") if section_name(name) == name and name.endswith(".service")]


def _programs_with_logs(profile: Profile) -> list[str]:
    return [name for name in profile.entries("logs") if name.startswith(JOURNAL_OF)]


def tail_paths(profile: Profile) -> list[str]:
    """The log files whose end is read."""
    return [name for name in profile.entries("logs") if name.startswith("/") and profile.get("logs", name, "mentions")]


def section_name(name: str) -> str:
    """A word made from any name, usable as the name of a section."""
    return "".join(letter if letter.isascii() and (letter.isalnum() or letter in "._@-") else "." for letter in name)
