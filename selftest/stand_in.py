"""A host that is this machine with stand-ins for the programs of Xen: real shells, real files, domains in a file.

What a guest is to a host, its files, leases and processes, is real; that Xen runs it is not.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from selftest.corpus import CORPUS
from xenproof.source.connection import Completed, quoted
from xenproof.source.local import LocalConnection, LocalStream

# Domains are files below $STATE/domains, named by their numbers, with their names in them.
_XL = """\
#!/bin/sh
find() {
    for file in "$STATE"/domains/*; do
        [ -e "$file" ] && read -r name <"$file" && [ "$name" = "$1" ] && echo "${file##*/}" && return
    done
    return 1
}
case $1 in
list)
    echo 'Name                                        ID   Mem VCPUs	State	Time(s)'
    echo 'Domain-0                                     0  1024     2     r-----     486.7'
    for file in "$STATE"/domains/*; do
        [ -e "$file" ] && read -r name <"$file" &&
            printf '%-40s %5d  %4d     1     -b----      10.3\\n' "$name" "${file##*/}" 128
    done
    ;;
info) cat "$STATE/info" ;;
domid) find "$2" ;;
create)
    number=$(($(cat "$STATE/last") + 1))
    echo "$number" >"$STATE/last"
    sed -n 's/^name = "\\(.*\\)"/\\1/p' "$3" >"$STATE/domains/$number"
    ;;
destroy) number=$(find "$2") && rm "$STATE/domains/$number" ;;
rename) number=$(find "$2") && echo "$3" >"$STATE/domains/$number" ;;
esac
true
"""
_XENSTORE_READ = """\
#!/bin/sh
for path; do
    number=${path#/local/domain/}
    number=${number%%/*}
    case $path in
    */name) cat "$STATE/domains/$number" ;;
    */domid) echo "$number" ;;
    */vm) echo "/vm/00000000-0000-0000-0000-$number" ;;
    */tty) echo "/dev/pts/$number" ;;
    esac
done
"""
_XENSTORE_LIST = """\
#!/bin/sh
[ "$2" = /local/domain ] || exit 1
echo /local/domain/0
for file in "$STATE"/domains/*; do
    [ ! -e "$file" ] || echo "/local/domain/${file##*/}"
done
"""
_PATHS = ("/run/xenproof", "/var/log/xen", "/etc/libvirt", "/var/log/libvirt", "/dev/pts", "/run/xen", "/var/lib/xen")


class StandInHost(LocalConnection):
    """One host, which notes the commands that it is given; two of them have nothing in common.

    `on_command` and `on_done` are called before and after each.
    """

    def __init__(self, folder: Path, *, boot_id: str = "0c5f9f3e-1111-4222-8333-944445555666") -> None:
        super().__init__(f"ssh://root@{folder.name}")
        self.folder = folder
        self.commands: list[str] = []
        self.on_command: Callable[[str], object] = lambda _: None
        self.on_done: Callable[[str], object] = lambda _: None
        for path in ("bin", "domains", "etc", "dev/pts", "run/xen", "var/lib/xen", "var/log/xen"):
            (folder / path).mkdir(parents=True)
        (folder / "last").write_text("6\n")
        (folder / "boot_id").write_text(f"{boot_id}\n")
        (folder / "machine-id").write_text(f"{'0' * 31}a\n")
        (folder / "info").write_text((CORPUS / "debian12/xl_info.out").read_text())
        for name, script in (("xl", _XL), ("xenstore-read", _XENSTORE_READ), ("xenstore-list", _XENSTORE_LIST)):
            (folder / "bin" / name).write_text(script)
            (folder / "bin" / name).chmod(0o755)

    @property
    def images(self) -> str:
        """Where working folders are made on it."""
        return str(self.folder / "var/lib/xen")

    def domains(self) -> list[str]:
        """The names of its domains."""
        return sorted(file.read_text().strip() for file in (self.folder / "domains").iterdir())

    def add_domain(self, name: str, domid: int, console: str = "") -> None:
        """A domain that is there, and what its console says."""
        (self.folder / "domains" / str(domid)).write_text(f"{name}\n")
        (self.folder / "dev/pts" / str(domid)).write_text(console)

    def said_to(self, domid: int) -> str:
        """What is on the console of a domain, both ways."""
        return (self.folder / "dev/pts" / str(domid)).read_text()

    def run(self, command: str, *, limit_s: float = 30.0, stdin: bytes = b"", max_bytes: int = 16 << 20) -> Completed:
        """As a host does."""
        self.commands.append(command)
        self.on_command(command)
        done = super().run(self._here(command), limit_s=limit_s, stdin=stdin, max_bytes=max_bytes)
        self.on_done(command)
        return done

    @contextmanager
    def follow(self, command: str, *, keep_stdin: bool = False) -> Iterator[LocalStream]:
        """As a host does."""
        self.commands.append(command)
        with super().follow(self._here(command), keep_stdin=keep_stdin) as stream:
            yield stream

    def _here(self, command: str) -> str:
        """The command with the paths of a host below this one's folder, so that nothing of this machine is touched."""
        command = command.replace("/proc/sys/kernel/random/boot_id", str(self.folder / "boot_id"))
        command = command.replace("/etc/machine-id", str(self.folder / "machine-id"))
        for path in _PATHS:
            # But for those that stand below the folder already.
            whole = f"{self.folder}{path}"
            command = command.replace(whole, "\0").replace(path, whole).replace("\0", whole)
        state = quoted(str(self.folder))
        return f"export STATE={state} PATH={quoted(str(self.folder / 'bin'))}:$PATH\n{command}"
