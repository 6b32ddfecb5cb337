"""A small root directory of Debian, made by hand: what an image source has to find its way in."""

from pathlib import Path

RELEASE = "6.1.0-50-amd64"

STATUS = """\
Package: dpkg
Status: install ok installed
Architecture: amd64
Version: 1.21.22

Package: xen-utils-4.17
Status: install ok installed
Architecture: amd64
Version: 4.17.5+23-ga4e5191dc0-1
Description: Xen administrative tools
 Package: not-a-package
 .
 Status: of a description

Package: bridge-utils
Status: deinstall ok config-files
Architecture: amd64
Version: 1.7-1

Package: half-done
Status: install reinstreq half-installed
Architecture: amd64
Version: 1
"""

GRUB_CFG = f"""\
set default="0"
menuentry 'Debian GNU/Linux, with Xen hypervisor' --class debian $menuentry_id_option 'xen-gnulinux-simple-1' {{
\tmultiboot2\t/boot/xen-4.17-amd64.gz placeholder dom0_mem=1024M,max:1024M ${{xen_rm_opts}}
\tmodule2\t/boot/vmlinuz-{RELEASE} placeholder root=UUID=1 ro quiet
\tmodule2\t--nounzip /boot/initrd.img-{RELEASE}
}}
menuentry 'Debian GNU/Linux' $menuentry_id_option 'gnulinux-simple-1' {{
\tlinux\t/boot/vmlinuz-5.10.0-1-amd64 root=UUID=1 ro quiet
}}
"""

SERVICE = "[Unit]\nDescription=x\n[Service]\nExecStart=/bin/true\n[Install]\n"

TEXTS = {
    "etc/os-release": 'NAME="Debian GNU/Linux"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n',
    "etc/passwd": "root:x:0:0:root:/root:/bin/bash\nlp:x:7:7::/:/bin/false\n",
    "etc/group": "root:x:0:\nadm:x:4:\n",
    "etc/fstab": "UUID=1 / ext4 errors=remount-ro 0 1\ntmpfs /tmp tmpfs defaults 0 0\n",
    "etc/default/grub": 'GRUB_CMDLINE_XEN_DEFAULT="dom0_mem=1024M,max:1024M"\nGRUB_CMDLINE_LINUX_DEFAULT="quiet"\n',
    "etc/default/grub.d/xen.cfg": "GRUB_OVERRIDE_DEFAULT=1\n",
    "etc/default/grub.d/README": "no assignment here\n",
    "etc/xen/xl.conf": 'autoballoon="off"\n# claim_mode=0\n',
    "etc/logrotate.conf": "weekly\n",
    "etc/logrotate.d/xen": "/var/log/xen/*.log {\n}\n",
    "boot/grub/grub.cfg": GRUB_CFG,
    f"boot/config-{RELEASE}": "CONFIG_MMU=y\nCONFIG_XEN_DOM0=y\n# CONFIG_XEN_PVH is not set\nCONFIG_OTHER=y\n",
    f"boot/vmlinuz-{RELEASE}": "kernel\n",
    f"usr/lib/modules/{RELEASE}/modules.builtin": "kernel/drivers/xen/xen-evtchn.ko\nkernel/net/bridge.ko\n",
    f"usr/lib/modules/{RELEASE}/kernel/xen-netback.ko": "module\n",
    "usr/lib/modules/5.10.0-1-amd64/modules.builtin": "kernel/old.ko\n",
    "var/lib/dpkg/status": STATUS,
    "var/log/xen/hotplug.log": "first\n" + "x" * 70_000 + "\nlast words\n",
    "usr/lib/systemd/system/on.service": f"{SERVICE}WantedBy=multi-user.target\n",
    "usr/lib/systemd/system/off.service": f"{SERVICE}WantedBy=multi-user.target\n",
    "usr/lib/systemd/system/static.service": "[Service]\nExecStart=/bin/true\n#[Install]\n#WantedBy=x.target\n",
    "usr/lib/systemd/system/also.service": f"{SERVICE}Also=on.service\n",
    "usr/lib/systemd/system/named.service": f"{SERVICE}Alias=other.service\n",
    "usr/lib/systemd/system/gone.service": f"{SERVICE}WantedBy=multi-user.target\n",
    "usr/lib/systemd/system/empty.service": "",
    "usr/lib/systemd/system/tty@.service": f"{SERVICE}DefaultInstance=1\nWantedBy=getty.target\n",
    "usr/lib/systemd/system/dbus.socket": "[Socket]\nListenStream=/run/dbus\n",
    "opt/linked.service": f"{SERVICE}WantedBy=multi-user.target\n",
}
PROGRAMS = ["usr/sbin/xl", "usr/bin/sh", "etc/init.d/xen"]
# Absolute ones and relative ones, as a merged /usr and systemctl make them.
LINKS = {
    "bin": "usr/bin",
    "sbin": "usr/sbin",
    "lib": "/usr/lib",
    "var/run": "/run",
    "boot/vmlinuz": f"vmlinuz-{RELEASE}",
    "etc/rc2.d/S01xen": "../init.d/xen",
    "etc/systemd/system/multi-user.target.wants/on.service": "/lib/systemd/system/on.service",
    "etc/systemd/system/other.service": "/lib/systemd/system/named.service",
    "etc/systemd/system/gone.service": "/dev/null",
    "etc/systemd/system/linked.service": "/opt/linked.service",
    "etc/systemd/system/getty.target.wants/tty@tty1.service": "/lib/systemd/system/tty@.service",
}

PROFILE = """\
name: small
title: What the small root directory is held against
scheme: deb
families:
  packages:
    defaults: {req: [S06], source: the test, status: documented}
    xen-utils-4.17: {installed: true, version: ">=4.17, <4.18"}
    bridge-utils: {installed: false}
  files:
    defaults: {req: [S01], source: the test, status: documented}
    /boot/grub/grub.cfg: {exists: true}
    /etc/xen/xl.conf: {exists: true, type: file, mode: "0640", owner: "lp:adm"}
    /boot/vmlinuz: {type: symlink}
    /bin/xl: {exists: false}
    /sbin/xl: {exists: true}
    /run/xen/socket: {exists: true}
    /var/run/xen/socket: {exists: true}
    "/lib/modules/{release}/kernel/xen-netback.ko": {exists: true}
  units:
    defaults: {req: [S05], source: the test, status: documented}
    on.service: {enabled: enabled}
    off.service: {enabled: disabled}
    static.service: {enabled: static}
    also.service: {enabled: indirect}
    named.service: {enabled: enabled}
    other.service: {enabled: enabled}
    gone.service: {enabled: masked}
    empty.service: {enabled: masked}
    linked.service: {enabled: linked}
    tty@tty1.service: {enabled: enabled}
    tty@tty2.service: {enabled: disabled}
    xen.service: {enabled: generated}
    nowhere.service: {exists: false}
    var-lib-xen.mount: {exists: true}
  commands:
    defaults: {req: [S10], source: the test, status: documented}
    xl: {on_path: true}
    xm: {on_path: false}
  images:
    defaults: {req: [S03], source: the test, status: documented}
    /var/log/xen: {filesystem: [ext4], free_mib: 1, snapshot_free: true}
    /srv/none: {filesystem: [ext4]}
  kernel_config:
    defaults: {req: [S08], source: the test, status: documented}
    CONFIG_XEN_DOM0: {one_of: ["y"]}
    CONFIG_XEN_PVH: {one_of: ["n"]}
  modules:
    defaults: {req: [S08], source: the test, status: documented}
    bridge: {loaded: true}
    xen-blkback: {loaded: true}
  logs:
    defaults: {req: [S17], source: the test, status: documented}
    /var/log/xen/hotplug.log: {readable: true, rotated: true, mentions: last words}
    /var/log/libvirt/libxl: {readable: true}
    xen.service: {readable: true}
"""


def make_root(folder: Path) -> Path:
    """The root directory, below `folder`."""
    root = folder / "root"
    for name, text in TEXTS.items():
        (path := root / name).parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    for name in PROGRAMS:
        (path := root / name).parent.mkdir(parents=True, exist_ok=True)
        path.write_text("#!/bin/sh\n", "utf-8")
        path.chmod(0o755)
    for name, target in LINKS.items():
        (path := root / name).parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(target)
    (root / "etc/xen/xl.conf").chmod(0o640)
    for name in ("proc", "run", "sys", "dev"):
        (root / name).mkdir()
    return root
