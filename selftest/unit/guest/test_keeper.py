"""The keeper on a host, run by a real shell: what it takes for the run's own, and what it leaves alone.

Programs of Xen are stand-ins that keep their domains in a file; all else is real.
"""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

import pytest

from xenproof.source.connection import quoted

RUN = "n5QuMbaI"
KEEPER = (files("xenproof.guest") / "host" / "keeper.sh").read_text("utf-8")
# The shells in which root of a host may run it.
SHELLS = [
    shell for shell in (["dash"], ["bash", "--posix"], ["bash"], ["busybox", "sh"]) if Path("/bin", shell[0]).exists()
]
OURS = (
    f"xenproof-{RUN}-1", f"xenproof-{RUN}-27", f"xenproof-{RUN}-1--incoming", f"xenproof-{RUN}-12--migratedaway",
    f"xenproof-{RUN}-3-renamed",
)  # fmt: skip
FOREIGN = (
    "Domain-0", "vm", f"my-xenproof-{RUN}-1", "xenproof-other123-1", "xenproof-other123-1--incoming",
    f"xenproof-{RUN}", f"xenproof-{RUN}-", f"xenproof-{RUN}-1x", f"xenproof-{RUN}-x1", f"xenproof-{RUN}-1-copy",
    f"xenproof-{RUN}-1--incoming-copy", f"xenproof-{RUN}x-1", f"xenproof-{RUN}--incoming", f"xenproof-{RUN}-1 copy",
    f"xenproof-{RUN.lower()}-1", f"xenproof-{RUN}-1--Incoming", f"xenproof-{RUN}-*",
)  # fmt: skip
# As xl prints its list, which it keeps in $DOMAINS, a name a line.
XL = """\
#!/bin/sh
case $1 in
list)
    [ -z "$2" ] || [ "$2" -lt "$(wc -l <"$DOMAINS")" ] || exit 1
    echo 'Name                                        ID   Mem VCPUs	State	Time(s)'
    number=0
    while IFS= read -r name; do
        printf '%-40s %5d  %4d     1     -b----      10.3\\n' "$name" "$number" 128
        number=$((number + 1))
    done <"$DOMAINS"
    ;;
destroy)
    grep -v -x -F -e "$2" "$DOMAINS" >"$DOMAINS.new"
    mv "$DOMAINS.new" "$DOMAINS"
    ;;
cpupool-list)
    echo 'Name               CPU list'
    cat "$POOLS"
    ;;
cpupool-destroy) echo "$2" >>"$POOLS.destroyed" ;;
esac
"""


@dataclass
class Host:
    """A host of this test: its folder, and what stands in for its programs."""

    folder: Path
    domains: Path = field(init=False)
    pools: Path = field(init=False)

    def __post_init__(self) -> None:
        self.domains, self.pools = self.folder / "domains", self.folder / "pools"
        self.domains.write_text("Domain-0\n")
        self.pools.write_text("Pool-0             0,1\n")
        bin_folder = self.folder / "bin"
        bin_folder.mkdir()
        (bin_folder / "xl").write_text(XL)
        (bin_folder / "xl").chmod(0o755)
        (bin_folder / "sleep").write_text("#!/bin/sh\nexec /bin/sleep 0.05\n")  # its turns need no seconds here
        (bin_folder / "sleep").chmod(0o755)

    def keeper(
        self, shell: list[str], *, run: str = RUN, known: str = "", abandoned: str = ""
    ) -> "subprocess.Popen[str]":
        words = {"run": run, "images": str(self.folder / "images"), "folder": known, "abandoned": abandoned}
        script = "".join(f"{name}={quoted(word)}\n" for name, word in words.items()) + self.moved(KEEPER)
        environment = {
            **os.environ, "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "DOMAINS": str(self.domains), "POOLS": str(self.pools),
        }  # fmt: skip
        pipe = subprocess.PIPE
        return subprocess.Popen(
            [*shell, "-c", script], stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=environment
        )

    def moved(self, script: str) -> str:
        """The script with the paths of a host below this one's folder."""
        for path in ("/etc/libvirt", "/var/log", "/run/xenproof", "/sys/block"):
            script = script.replace(path, f"{self.folder}{path}")
        return script

    def put(self, path: str, text: str = "") -> Path:
        file = Path(f"{self.folder}{path}")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file


def folder_of(keeper: "subprocess.Popen[str]") -> Path:
    assert keeper.stdout is not None
    return Path(keeper.stdout.readline().strip())


def swept(host: Host, shell: list[str]) -> str:
    """What a keeper says that holds the run's folder, and then loses its worker."""
    keeper = host.keeper(shell)
    assert folder_of(keeper).is_dir()
    said, complained = keeper.communicate("", timeout=60)
    assert (keeper.returncode, complained) == (0, "")
    return said


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """A host without guests."""
    return Host(tmp_path)


@pytest.fixture(params=SHELLS, ids=" ".join)
def shell(request: pytest.FixtureRequest) -> list[str]:
    """A shell that root may have."""
    found: list[str] = request.param
    return found


def test_guests_of_the_run_go_whatever_xl_migrate_calls_them_and_no_other(host: Host, shell: list[str]) -> None:
    host.domains.write_text("\n".join((*FOREIGN, *OURS)) + "\n")

    assert swept(host, shell) == ""

    assert host.domains.read_text().splitlines() == list(FOREIGN)


def test_a_guest_that_does_not_go_is_named_as_it_is_called(host: Host, shell: list[str]) -> None:
    xl = host.folder / "bin/xl"
    xl.write_text(XL.replace("destroy)\n", "destroy)\n exit 1\n", 1))
    host.domains.write_text(f"Domain-0\n{OURS[2]}\n{FOREIGN[2]}\n")

    assert swept(host, shell) == f"domain {OURS[2]}\n"


@pytest.fixture
def qemus() -> Iterator[dict[str, "subprocess.Popen[bytes]"]]:
    """Programs that look like the qemu of a guest, by its name, in front of what else is on the command line."""
    words = ["qemu-of-test", "-c", "read line", "sh", "-xen-domid", "7", "-name"]
    started = {
        name: subprocess.Popen([*words, name, "-machine", "xenpv"], executable="/bin/sh", stdin=subprocess.PIPE)
        for name in (*FOREIGN, *OURS)
    }
    yield started
    for process in started.values():
        process.kill()
        process.communicate(timeout=20)


def test_a_qemu_that_xl_does_not_know_goes_by_the_name_it_was_started_with(
    host: Host, shell: list[str], qemus: dict[str, "subprocess.Popen[bytes]"]
) -> None:
    assert swept(host, shell) == ""

    deadline = time.monotonic() + 20
    while any(qemus[name].poll() is None for name in OURS) and time.monotonic() < deadline:
        time.sleep(0.02)  # a poll with the deadline above
    assert {name: qemus[name].poll() for name in OURS} == dict.fromkeys(OURS, -signal.SIGKILL)
    assert [name for name in FOREIGN if qemus[name].poll() is not None] == []


def test_logs_and_definitions_of_the_run_go_and_no_other(host: Host, shell: list[str]) -> None:
    plain = [name for name in FOREIGN if "*" not in name]
    logs = (
        "/var/log/xen/xl-{}.log",
        "/var/log/xen/xl-{}.log.1",
        "/var/log/xen/qemu-dm-{}.log",
        "/var/log/libvirt/libxl/{}.log",
    )
    theirs = {host.put(log.format(name)) for log in logs for name in plain}
    for log in logs:
        for name in OURS:
            host.put(log.format(name))
    undefined = host.folder / "undefined"
    (host.folder / "bin/virsh").write_text(f'#!/bin/sh\necho "$5" >>{undefined}\n')
    (host.folder / "bin/virsh").chmod(0o755)
    for name in (*plain, *OURS):
        host.put(f"/etc/libvirt/libxl/{name}.xml")

    assert swept(host, shell) == ""

    assert {path for path in (host.folder / "var/log").rglob("*.log*")} == theirs
    assert sorted(undefined.read_text().split()) == sorted(OURS)


@pytest.mark.parametrize("missing", ["none", "/libxl", "/local/domain/0/device-model"])
def test_what_is_left_in_xenstore_goes_where_its_domain_is_gone(host: Host, shell: list[str], missing: str) -> None:
    store, removed = host.folder / "store", host.folder / "removed"
    # As the real one: it stops at the first path that is missing.
    listing = f'for parent; do cd "{store}/$parent" || exit 1; for key in *; do echo "$parent/$key"; done; done'
    for program, script in {
        "xenstore-list": f'[ "$1" = -p ] && shift && {listing}',
        "xenstore-rm": f'[ "$1" = -t ] && echo "$2" >>{removed}',
    }.items():
        (host.folder / "bin" / program).write_text(f"#!/bin/sh\n{script}\n")
        (host.folder / "bin" / program).chmod(0o755)

    def keys(*domids: str) -> set[str]:
        kinds = ("console", "vbd", "qdisk")
        parents = {"/local/domain", "/libxl", "/local/domain/0/device-model"} - {missing}
        parents |= {f"/local/domain/0/backend/{kind}" for kind in kinds}
        paths = {f"{parent}/{domid}" for parent in parents for domid in domids}
        for path in paths:
            Path(f"{store}{path}").mkdir(parents=True, exist_ok=True)
        return paths

    host.domains.write_text("Domain-0\nvm\n")
    keys("0", "1", "12")  # 12 is left of what was there before the run
    keeper = host.keeper(shell)
    assert folder_of(keeper).is_dir()
    ours = keys("2", "120")
    keys("no number", "1x")

    assert keeper.communicate("", timeout=60) == ("", "")

    assert sorted(removed.read_text().splitlines()) == sorted(ours)


def test_pools_and_volumes_of_the_run_go_and_no_other(host: Host, shell: list[str]) -> None:
    host.pools.write_text(f"Pool-0  0\nxp-{RUN}-3  1\nxp-{RUN}-x  2\nxp-other123-3  3\n{RUN}-3  4\nmy-xp-{RUN}-3  5\n")
    volumes = (
        f"xenproof-{RUN}-7-xvdc-0a1b",
        f"xenproof-{RUN}-7",
        f"xenproof-{RUN}-7x-xvdc",
        "xenproof-other123-7-xvdc",
    )
    for number, volume in enumerate(volumes):
        host.put(f"/sys/block/dm-{number}/dm/name", f"{volume}\n")
    removed = host.folder / "removed"
    (host.folder / "bin/dmsetup").write_text(f'#!/bin/sh\necho "$3" >>{removed}\n')
    (host.folder / "bin/dmsetup").chmod(0o755)

    assert swept(host, shell) == f"volume {volumes[0]}\n"

    assert Path(f"{host.pools}.destroyed").read_text() == f"xp-{RUN}-3\n"
    assert removed.read_text() == f"{volumes[0]}\n"


def test_two_keepers_of_a_run_hold_one_folder_and_the_last_removes_it(host: Host, shell: list[str]) -> None:
    first, second = host.keeper(shell), host.keeper(shell)
    folder = folder_of(first)
    assert folder == folder_of(second)
    assert folder.name == f"xenproof-{RUN}"
    host.domains.write_text(f"Domain-0\n{OURS[0]}\n")

    assert first.communicate("", timeout=60) == ("", "")
    assert OURS[0] in host.domains.read_text()
    assert second.communicate("", timeout=60) == ("", "")

    assert OURS[0] not in host.domains.read_text()
    assert not folder.exists()


def test_who_comes_to_an_abandoned_folder_waits_until_its_guests_are_gone(host: Host, shell: list[str]) -> None:
    first = host.keeper(shell)
    folder = folder_of(first)
    (folder / "disk.raw").touch()
    host.domains.write_text(f"Domain-0\n{OURS[0]}\n")
    second = host.keeper(shell, known=str(folder), abandoned=str(folder))
    assert first.communicate("", timeout=60) == ("", "")

    assert folder_of(second) == folder
    assert list(folder.iterdir()) == []
    assert OURS[0] not in host.domains.read_text()
    second.communicate("", timeout=60)


def test_an_abandoned_folder_that_nobody_removes_is_taken_over(host: Host, shell: list[str]) -> None:
    """As where the network was cut: its keeper does not know yet, and must not remove what the next one makes."""
    first = host.keeper(shell)
    folder = folder_of(first)
    second = host.keeper(shell, known=str(folder), abandoned=str(folder))
    assert folder_of(second) == folder
    host.domains.write_text(f"Domain-0\n{OURS[0]}\n")

    assert first.communicate("", timeout=60) == ("", "")

    assert folder.is_dir()
    assert OURS[0] in host.domains.read_text()
    second.communicate("", timeout=60)
    assert not folder.exists()
