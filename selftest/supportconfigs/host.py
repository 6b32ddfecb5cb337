"""A supportconfig of a host that never was: its texts as supportutils 3.0 would write them, by hand.

What `xl` prints is that of a real Xen 4.4.1 (selftest/data/corpus/xen-4.4.1); the rest is made up after the
facts that are known of SLES 12.
"""

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

DATA = Path(__file__).parents[1] / "data" / "corpus" / "xen-4.4.1"
FOLDER = "nts_xen1_141120_1200"
RELEASE = "3.12.28-4-xen"


def command(title: str, text: str) -> str:
    """A block of a command, as log_cmd writes it."""
    return f"#==[ Command ]======================================#\n# {title}\n{text}\n"


def absent(title: str) -> str:
    """A block of a command that is not there."""
    return command(title, "ERROR: Command not found or not executible\n")


def configuration(path: str, text: str) -> str:
    """A block of a file: conf_files leaves comments and empty lines out."""
    kept = [line for line in text.splitlines() if line.strip() and not line.strip().startswith(("#", ";"))]
    return "#==[ Configuration File ]===========================#\n" + "\n".join([f"# {path}", *kept, "", ""]) + "\n"


def no_file(path: str) -> str:
    """A block of a file that is not there."""
    return f"#==[ Configuration File ]===========================#\n# {path} - File not found\n\n"


def log(path: str, text: str, last: int = 500) -> str:
    """A block of a log."""
    return f"#==[ Log File ]=====================================#\n# {path} - Last {last} Lines\n{text}\n\n"


def verification(package: str, text: str) -> str:
    """A block of a package that rpm verified."""
    status = "Differences Found" if text else "Passed"
    head = "#==[ Verification ]=================================#"
    return f"{head}\n# rpm -V {package}\n{text}# Verification Status: {status}\n\n"


def shown(name: str, active: str, sub: str, enabled: str) -> str:
    """A block of one loaded unit; of its many properties a few."""
    properties = {
        "Type": "oneshot",
        "Id": name,
        "Names": name,
        "LoadState": "loaded",
        "ActiveState": active,
        "SubState": sub,
        "FragmentPath": f"/usr/lib/systemd/system/{name}",
        **({"UnitFileState": enabled} if enabled else {}),
    }
    text = "".join(f"{key}={value}\n" for key, value in properties.items())
    return command(f"/usr/bin/systemctl show '{name}'", text)


UNAME = f"Linux xen1 {RELEASE} #1 SMP Thu Sep 25 17:02:34 UTC 2014 (9879bd4) x86_64 x86_64 x86_64 GNU/Linux\n"

PACKAGES = "".join(
    f"{name:<35} {'SUSE Linux Enterprise 12':<35} {version}\n"
    for name, version in (
        ("NAME", "VERSION"),
        ("grub2-x86_64-xen", "2.02~beta2-27.2"),
        ("kernel-xen", "3.12.28-4.6"),
        ("libvirt-daemon-config-network-of-a-long-name", "1.2.5-13.3"),
        ("rpm", "4.11.2-7.1"),
        ("xen", "4.4.1_06-2.2"),
        ("xen-libs", "4.4.1_06-2.2"),
        ("xen-tools", "4.4.1_06-2.2"),
    )
).replace("SUSE Linux Enterprise 12            VERSION", "DISTRIBUTION                        VERSION")

RPM_V = """\
S.5....T.  c /etc/xen/xl.conf
.......T.    /usr/sbin/xentop
.M...UG..    /var/log/xen
missing     /usr/sbin/xl
Unsatisfied dependencies for xen-tools-4.4.1_06-2.2.x86_64: something
"""

PS = """\
USER       PID  PPID %CPU %MEM    VSZ   RSS STAT     TIME CMD
root         1     0  0.0  0.4  37804  4780 Ss   00:00:02 /usr/lib/systemd/systemd --switched-root --system
root         2     0  0.0  0.0      0     0 S    00:00:00 [kthreadd]
root       900     1  0.0  0.0  12345   999 Ss   00:00:00 /usr/sbin/xenstored --pid-file=/var/run/xenstored.pid
root       905     1  0.0  0.0  12345   999 SLl  00:00:00 /usr/sbin/xenconsoled --pid-file=/var/run/xenconsoled.pid
root       950     1  0.0  0.0  12345   999 S    00:00:00 /usr/bin/python /usr/sbin/something-of-a-long-name start
root       960     1  0.0  0.0  12345   999 Ss   00:00:00 sshd: root@pts/0
root       961   960  0.0  0.0  12345   999 Ss   00:00:00 -bash
root       990   961  0.0  0.0  12345   999 S    00:00:00 bash /sbin/supportconfig
root      1000   990  0.0  0.0  12345   999 R    00:00:00 /bin/ps axwwo user,pid,ppid,%cpu,%mem,vsz,rss,stat,time,cmd
"""

IP_ADDR = """\
1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN
    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00
    inet 127.0.0.1/8 scope host lo
2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc mq master br0 state UP qlen 1000
    link/ether 52:54:00:12:34:56 brd ff:ff:ff:ff:ff:ff
3: br0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP
4: br1: <BROADCAST,MULTICAST> mtu 1500 qdisc noop state DOWN
5: vif1.0@if2: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc mq master br0 state UP
"""

BRCTL = (
    "bridge name\tbridge id\t\tSTP enabled\tinterfaces\n"
    "br0\t\t8000.525400123456\tno\t\teth0\n\t\t\t\t\t\t\tvif1.0\n"
    "br1\t\t8000.000000000000\tno\t\t\n"
)

LS_BOOT = f"""\
/boot/:
total 24576
-rw-r--r-- 1 root root    1725 2014-09-25 17:02 boot.readme
drwxr-xr-x 6 root root     104 2014-11-20 11:00 grub2
lrwxrwxrwx 1 root root      19 2014-11-20 11:00 vmlinuz-xen -> vmlinuz-{RELEASE}
-rw-r--r-- 1 root root 5432100 2014-09-25 17:02 vmlinuz-{RELEASE}
-rw-r--r-- 1 root root  889123 2014-09-25 17:02 xen-4.4.1_06-2.2.gz
lrwxrwxrwx 1 root root      19 2014-11-20 11:00 xen.gz -> xen-4.4.1_06-2.2.gz

/boot/grub2:
total 16
-rw------- 1 root root 8192 2014-11-20 11:00 grub.cfg
-rw-r--r-- 1 root root 1024 2014-11-20 11:00 grubenv
"""

GRUB_CFG = f"""\
set default="SLES12, with Xen hypervisor"
menuentry 'SLES12, with Xen hypervisor' --class suse $menuentry_id_option 'xen-gnulinux-simple-1' {{
\tmultiboot\t/boot/xen.gz placeholder dom0_mem=1024M,max:1024M
\tmodule\t/boot/vmlinuz-{RELEASE} placeholder root=UUID=1 quiet
}}
"""

LSMOD = """\
Module                  Size  Used by
bridge                107106  1 netbk
netbk                  60000  0 [permanent]
blkbk                  38800  0
"""

UNITS = """\
UNIT                     LOAD   ACTIVE   SUB       DESCRIPTION
-.mount                  loaded active   mounted   /
xencommons.service       loaded active   exited    xencommons
dbus.socket              loaded active   running   D-Bus
multi-user.target        loaded active   active    Multi-User System
broken.service           loaded failed   failed    Broken

LOAD   = Reflects whether the unit definition was properly loaded.
ACTIVE = The high-level unit activation state, i.e. generalization of SUB.

5 loaded units listed.
To show all installed unit files use 'systemctl list-unit-files'.
"""

UNIT_FILES = """\
UNIT FILE                STATE
dbus.socket              static
xen-watchdog.service     disabled
xencommons.service       enabled
xendomains.service       enabled

4 unit files listed.
"""


def output(name: str) -> str:
    """What a real xl 4.4.1 printed."""
    return (DATA / f"{name}.out").read_text("utf-8")


def files() -> dict[str, str]:
    """The texts of the supportconfig, by their names."""
    return {
        "basic-environment.txt": command("/bin/date", "Thu Nov 20 12:00:00 CET 2014\n")
        + command("/bin/uname -a", UNAME)
        + configuration("/etc/SuSE-release", "SUSE Linux Enterprise Server 12 (x86_64)\n")
        + configuration("/etc/os-release", 'NAME="SLES"\nPRETTY_NAME="SUSE Linux Enterprise Server 12"\n'),
        "basic-health-check.txt": command("/bin/ps axwwo user,pid,ppid,%cpu,%mem,vsz,rss,stat,time,cmd", PS),
        "rpm.txt": command(
            'rpm -qa --queryformat "%-35{NAME} %-35{DISTRIBUTION} %{VERSION}-%{RELEASE}\\n" | sort -k 1,2 -t " " -i',
            PACKAGES,
        ),
        "xen.txt": verification("xen-4.4.1_06-2.2.x86_64", "")
        + verification("xen-tools-4.4.1_06-2.2.x86_64", RPM_V)
        + "#==[ Verification ]=================================#\n# RPM Not Installed: libvirt-client\n\n"
        + command("/usr/sbin/xl info", output("xl_info"))
        + command("/usr/sbin/xl list", output("xl_list_0") + "guest1    3   512     1     -b----      10.0\n")
        + configuration("/etc/xen/xl.conf", '# comment\nautoballoon="off"\n')
        + absent("virsh list")
        + log("/var/log/xen/xl-guest1.log", "Waiting for domain guest1\n")
        + command("/usr/sbin/xl dmesg", output("xl_dmesg")),
        "boot.txt": command("/bin/uname -a", UNAME)
        + configuration("/etc/default/grub", 'GRUB_CMDLINE_XEN="dom0_mem=1024M,max:1024M"\n')
        + configuration("/boot/grub2/grub.cfg", GRUB_CFG)
        + configuration("/proc/cmdline", "root=UUID=1 quiet\n")
        + command("/bin/ls -lR --time-style=long-iso /boot/", LS_BOOT),
        "systemd.txt": command("/usr/bin/systemctl --no-pager --all list-units", UNITS)
        + command("/usr/bin/systemctl --no-pager list-unit-files", UNIT_FILES)
        + shown("xencommons.service", "active", "exited", "enabled")
        + shown("xendomains.service", "inactive", "dead", "enabled")
        + shown("boot.xen.service", "active", "exited", "")
        + shown("dbus.socket", "active", "running", "static"),
        "etc.txt": configuration("/etc/logrotate.conf", "weekly\n")
        + configuration("/etc/xen/xl.conf", '# comment\nautoballoon="off"\n')
        + configuration("/etc/logrotate.d/xen", "/var/log/xen/*.log {\n  weekly\n}\n"),
        "env.txt": configuration("/etc/default/grub", 'GRUB_CMDLINE_XEN="dom0_mem=1024M,max:1024M"\n'),
        "modules.txt": command("/sbin/lsmod | sort", LSMOD),
        "network.txt": command("/sbin/ip addr", IP_ADDR) + command("/sbin/brctl show", BRCTL),
        "proc.txt": configuration("/proc/sys/kernel/version", "#1 SMP Thu Sep 25 17:02:34 UTC 2014 (9879bd4)\n")
        + configuration("/proc/filesystems", "nodev\tsysfs\nnodev\tproc\n\tbtrfs\n")
        + configuration(
            "/proc/net/tcp",
            "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n"
            "   0: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0\n",
        )
        + no_file("/proc/net/tcp6"),
        "fs-diskio.txt": configuration(
            "/proc/mounts",
            "rootfs / rootfs rw 0 0\n/dev/sda2 / btrfs rw,relatime 0 0\nproc /proc proc rw 0 0\n"
            "/dev/sda2 /var/lib/libvirt/images btrfs rw,relatime 0 0\n",
        ),
    }


def write_folder(folder: Path, texts: Mapping[str, str]) -> Path:
    """The texts as files in a directory."""
    folder.mkdir(parents=True)
    for name, text in texts.items():
        (folder / name).write_text(text, "utf-8")
    return folder


def write_archive(path: Path, texts: Mapping[str, str], kind: str = "xz", folder: str = FOLDER) -> Path:
    """The texts as an archive, as GNU tar writes it."""
    with tarfile.open(path, f"w:{kind}", format=tarfile.GNU_FORMAT) as out:  # type: ignore[call-overload]  # kind is a variable
        for name, text in texts.items():
            member = tarfile.TarInfo(f"{folder}/{name}")
            member.size = len(data := text.encode())
            out.addfile(member, io.BytesIO(data))
    return path
