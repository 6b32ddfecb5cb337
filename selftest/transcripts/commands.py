"""The commands whose output on real hosts is kept for the parsers, and how they are run and written down."""

from dataclasses import dataclass
from pathlib import Path

from xenproof.source.connection import Connection

INDEX = "index.tsv"
HEADER = "file\tcommand\texit status\n"


@dataclass(frozen=True, slots=True)
class Told:
    """A command and what it is kept as: `name` without an ending."""

    name: str
    command: str

    @staticmethod
    def of(command: str, name: str = "") -> "Told":
        """The command under a name made of its words, such as "xl_info_-n", where none is given."""
        return Told(name or "_".join(command.replace("/", " ").split()), command)


def told_with_guest(guest: str, config: str) -> list[Told]:
    """The commands that are run while the guest runs whose configuration is the file `config` on the host."""
    return [
        *map(Told.of, (
            "xl info", "xl info -n", "xl list", "xl list -v", "xl list -l", "xl vm-list", "xl vcpu-list", "xl dmesg",
            "xl help", "xl uptime", "xl cpupool-list", "xl cpupool-list -c", "xl sched-credit2", "xl claims",
            "xl delete", "xenstore-ls", "xenstore-ls -f", "virsh version", "virsh version --daemon",
            "virsh capabilities", "virsh nodeinfo", "virsh list --all", "virsh dumpxml Domain-0",
        )),
        Told.of(f"xl network-list {guest}", "xl_network-list_guest"),
        Told.of(f"xl block-list {guest}", "xl_block-list_guest"),
        Told.of(f"xl domid {guest}", "xl_domid_guest"),
        Told.of("xl network-list Domain-0"),
        Told.of("xl network-list nosuch"),
        Told.of("xl list nosuch"),
        Told.of(f"xl create -n {config}", "xl_create_-n"),
        Told.of(f"virsh domxml-from-native xen-xl {config}", "virsh_domxml-from-native_xen-xl"),
    ]  # fmt: skip


def told_with_libvirt(domain: str) -> list[Told]:
    """The commands that are run while libvirt knows a domain that is shut off."""
    return [
        Told.of("virsh list --all", "virsh_list_--all_defined"),
        Told.of(f"virsh dumpxml {domain}", "virsh_dumpxml_defined"),
        Told.of(f"virsh domstate {domain}", "virsh_domstate_defined"),
    ]


def take(dom0: Connection, told: list[Told], folder: Path) -> None:
    """Run each command on the host and write what it printed, with a line in the folder's index."""
    with (folder / INDEX).open("a", encoding="utf-8") as index:
        for one in told:
            done = dom0.run(f"LC_ALL=C {one.command} </dev/null", limit_s=120)
            (folder / f"{one.name}.out").write_bytes(done.stdout)
            if done.stderr:
                (folder / f"{one.name}.err").write_bytes(done.stderr)
            index.write(f"{one.name}.out\t{one.command}\t{done.exit_code}\n")
