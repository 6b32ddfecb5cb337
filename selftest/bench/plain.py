"""What stands above the questions in the plain module: fixtures and functions, as its user would write them.

The text of this file is the head of the module that the bench writes.  Nothing of xenproof is in it.
What several questions share (`xl info`, a file) is asked once for the module.
"""

import functools
import re
import time
from collections.abc import Callable, Iterable
from typing import Any

import pytest

VIRSH = "virsh -c xen:///system "


@pytest.fixture(scope="module")
def said(host: Any) -> Callable[[str], str]:
    """What a command printed; each is run once."""
    return functools.cache(lambda command: str(host.check_output(command)))


@pytest.fixture(scope="module")
def text(host: Any) -> Callable[[str], str]:
    """What is in a file; each is read once."""
    return functools.cache(lambda path: str(host.file(path).content_string))


@pytest.fixture(scope="module")
def release(said: Callable[[str], str]) -> str:
    """The release of the running kernel."""
    return said("uname -r")


@pytest.fixture(scope="module")
def xl_info(said: Callable[[str], str]) -> dict[str, str]:
    """The fields of xl info."""
    rows = (line.partition(":") for line in said("xl info").splitlines())
    return {name.strip(): value.strip() for name, _, value in rows}


@pytest.fixture(scope="module")
def dom0(said: Callable[[str], str]) -> dict[str, int]:
    """Memory in MiB and vCPUs of Domain-0."""
    _, _, mem, vcpus, *_ = said("xl list 0").splitlines()[1].split()
    return {"mem": int(mem), "vcpus": int(vcpus)}


@pytest.fixture(scope="module")
def sshd(said: Callable[[str], str]) -> dict[str, str]:
    """The options of sshd."""
    return dict(line.partition(" ")[::2] for line in said("/usr/sbin/sshd -T").splitlines())


def first_words(listing: str) -> list[str]:
    """The first word of each line."""
    return [line.split()[0] for line in listing.splitlines() if line.strip()]


def numbers(version: str) -> list[int]:
    """The numbers of a version, without what the distribution added: 1:7.2+dfsg-7 is 1, 7, 2."""
    return [int(number) for number in re.findall(r"\d+", re.split(r"[-+~]", version)[0])]


def within(version: str, wanted: str) -> bool:
    """Whether a version is within a range such as ">=4.17, <4.18"."""
    found = numbers(version)
    for part in wanted.split(","):
        sign, bound = re.fullmatch(r"\s*([<>=]+)\s*(\S+)\s*", part).groups()  # type: ignore[union-attr]  # else it raises
        limit = numbers(bound)
        holds = {
            ">=": found >= limit,
            "<=": found <= limit,
            "<": found < limit,
            ">": found > limit,
            "=": found[: len(limit)] == limit,
        }
        if not holds[sign]:
            return False
    return True


def sourced(host: Any, setting: str) -> str:
    """The value of FILE:VARIABLE, as the shell reads it."""
    file, _, variable = setting.partition(":")
    return str(host.check_output(f'[ ! -r {file} ] || . {file}; echo "${{{variable}-unset}}"'))


def grub_variable(host: Any, name: str) -> str:
    """The value of a variable of GRUB's configuration."""
    files = "/etc/default/grub /etc/default/grub.d/*.cfg"
    return str(host.check_output(f'for f in {files}; do [ ! -r $f ] || . $f; done >&2; echo "${name}"'))


def own_options(words: str) -> list[str]:
    """Boot options without what 20_linux_xen and GRUB add to them."""
    added = ("placeholder", "ro", "${xen_rm_opts}", "no-real-mode", "edd=off")
    return [word for word in words.split() if word not in added and not word.startswith(("root=", "BOOT_IMAGE="))]


def xen_entry(grub_cfg: str) -> dict[str, str]:
    """The options that the first entry with Xen gives to Xen and to the kernel."""
    xen = re.search(r"^\s*multiboot2?\s+\S+(.*)$", grub_cfg, re.MULTILINE)
    assert xen is not None
    kernel = re.search(r"^\s*module2?\s+(?:--\S+\s+)*\S*vmlinuz\S*(.*)$", grub_cfg[xen.end() :], re.MULTILINE)
    assert kernel is not None
    return {"xen": xen[1], "kernel": kernel[1]}


def default_loads_xen(grub_cfg: str) -> bool:
    """Whether the default entry is one with Xen."""
    default = re.findall(r'set default="([^"$]*)"', grub_cfg)[-1].split(">")[-1]
    entries = re.split(r"^\s*menuentry ", grub_cfg, flags=re.MULTILINE)[1:]
    chosen = entries[int(default)] if default.isdecimal() else next(e for e in entries if f"'{default}'" in e)
    return "multiboot" in chosen


def dom0_mem(options: str) -> int | None:
    """The fixed size that Xen's options give to Domain-0, in MiB."""
    found = re.search(r"\bdom0_mem=(\d+)([MG]),max:\1\2(?!\S)", options)
    return int(found[1]) * (1024 if found[2] == "G" else 1) if found else None


def dom0_max_vcpus(options: str) -> int | None:
    """The number of vCPUs that Xen's options give to Domain-0."""
    found = re.search(r"\bdom0_max_vcpus=(\d+)(?!\S)", options)
    return int(found[1]) if found else None


def settings(xl_conf: str) -> dict[str, str]:
    """What xl.conf sets."""
    return dict(re.findall(r"^\s*([\w.]+)\s*=\s*[\"']?(.*?)[\"']?\s*$", xl_conf, re.MULTILINE))


def kernel_option(config: str, name: str) -> str:
    """An option of the kernel's configuration, "n" if it is not set."""
    found = re.search(rf"^{name}=(.*)$", config, re.MULTILINE)
    return found[1].strip('"') if found else "n"


def outside_of_snapshots(host: Any, path: str) -> bool:
    """Whether no snapshot of the root file system holds the directory."""
    if host.check_output("findmnt -n -o FSTYPE -T %s", path) != "btrfs":
        return True
    return host.file(path).inode == 256 or "C" in host.check_output("lsattr -d %s", path).split()[0]


def changed_files(verified: str) -> Iterable[str]:
    """The files that dpkg -V or rpm -V names, but for configuration."""
    rows = [line.split() for line in verified.splitlines()]
    return [row[-1] for row in rows if "c" not in row[1:-1]]


def seconds_off(host: Any) -> float:
    """By how many seconds the host's clock differs from this machine's."""
    return abs(int(host.check_output("date +%s")) - time.time())


def consoles(options: str) -> list[str]:
    """The consoles that boot options name, without their speeds."""
    named = [word.removeprefix("console=").split(",") for word in options.split() if word.startswith("console=")]
    return [name for names in named for name in names if not name[:1].isdecimal()]


def xen_console_is_set_up(options: str) -> bool:
    """Whether the serial ports that Xen sets up are those that it uses as consoles."""
    ports = {word.partition("=")[0] for word in options.split() if word.startswith(("com1=", "com2="))}
    return ports == {name for name in consoles(options) if name.startswith("com")}


def leaves_the_uart(xen: str, kernel: str) -> bool:
    """Whether dom0's kernel does not use the UART that Xen uses."""
    return not ("com1" in consoles(xen) and "ttyS0" in consoles(kernel))
