"""Who a lab host is: a snapshot's hosts are all the same one, so each host of a pair gets an identity of its own."""

import secrets
import time
from dataclasses import dataclass, field
from uuid import uuid4

from xenproof.lab.machine import ALONE, BRIDGE, NIC, NIC_PATH, PREFIX_LENGTH
from xenproof.lab.ssh_keys import KINDS, SshKey, new_key
from xenproof.source.connection import quoted


@dataclass(frozen=True, slots=True)
class Identity:
    """The name of a host, its address and MAC on the wire, the ids of its system and of its libvirt, and its keys.

    `host_keys` are those of its sshd by their kind, `root_key` the one with which its root logs in elsewhere.
    """

    name: str
    address: str
    mac: str
    machine_id: str = field(default_factory=lambda: uuid4().hex)
    libvirt_uuid: str = field(default_factory=lambda: str(uuid4()))
    host_keys: dict[str, SshKey] = field(default_factory=lambda: {kind: new_key(kind) for kind in KINDS})
    root_key: SshKey = field(default_factory=new_key)

    def pins(self, *more: str) -> str:
        """Lines of a known_hosts file, for the host under its name, its address and `more` names."""
        names = ",".join((self.name, self.address, *more))
        return "".join(f"{names} {key.public}\n" for key in self.host_keys.values())


def taking(own: Identity, peer: Identity, lab_key: str) -> str:
    """The script, in POSIX sh, with which a resumed host becomes `own` and trusts `peer`; `lab_key` logs in to it.

    It also sets the clock, which stopped when the snapshot was taken.  All is written to the disk, too, so it is the
    same after a reboot.  A process costs an emulated host up to 90 ms, so most is done by the shell itself.
    """
    private = {
        **{f"/etc/ssh/ssh_host_{kind}_key": key.private for kind, key in own.host_keys.items()},
        "/root/.ssh/id_ed25519": own.root_key.private,
        # xl migrates to its own host, too.
        "/root/.ssh/authorized_keys": f"{lab_key}\n{own.root_key.public}\n{peer.root_key.public}\n",
        "/root/.ssh/known_hosts": own.pins("localhost", "127.0.0.1") + peer.pins(),
    }
    public = {
        **{f"/etc/ssh/ssh_host_{kind}_key.pub": f"{key.public}\n" for kind, key in own.host_keys.items()},
        "/etc/hostname": f"{own.name}\n",
        "/proc/sys/kernel/hostname": f"{own.name}\n",
        "/etc/hosts": "127.0.0.1 localhost\n" + "".join(f"{host.address} {host.name}\n" for host in (own, peer)),
        "/etc/systemd/network/10-wire.link": f"[Match]\nPath={NIC_PATH}\n[Link]\nName={NIC}\nMACAddress={own.mac}\n",
        "/etc/systemd/network/10-bridge.link": f"[Match]\nOriginalName={BRIDGE}\n[Link]\nMACAddress={own.mac}\n",
    }
    return "\n".join([
        "set -e",
        f"date --utc --set=@{time.time():.3f} >/dev/null",
        "rm -f /etc/ssh/ssh_host_*",
        "umask 077", *_written(private), "umask 022", *_written(public),
        _MACHINE_ID.format(new=own.machine_id),
        _ADDRESS.format(
            nic=NIC, bridge=BRIDGE, mac=own.mac, address=own.address, alone=ALONE, length=PREFIX_LENGTH
        ),
        _RANDOM.format(seed=secrets.token_hex(32)),
        _LIBVIRT.format(uuid=own.libvirt_uuid),
        _SSHD,
    ])  # fmt: skip


def _written(files: dict[str, str]) -> list[str]:
    return [f"printf %s {quoted(text)} >{path}" for path, text in files.items()]


# journalctl reads the folder of the machine's id, and journald goes on with that of the former one.
_MACHINE_ID = """read -r old </etc/machine-id
echo {new} >/etc/machine-id
for d in /var/log/journal /run/log/journal; do
[ ! -d $d/$old ] || {{ mv $d/$old $d/{new}; ln -s {new} $d/$old; }}
done"""

# The card takes another MAC while it is up, and so its link stays; the bridge makes a link-local address of its own MAC
# when it is set up.
_ADDRESS = """sed -i 's,{alone}/{length},{address}/{length},' /etc/network/interfaces
ip -batch - <<END
link set {bridge} down
link set {nic} address {mac}
link set {bridge} address {mac}
addr flush dev {bridge}
addr add {address}/{length} brd + dev {bridge}
link set {bridge} up
END"""

# Both hosts would draw the same random numbers: RNDRESEEDCRNG of <linux/random.h>, after a seed of ours.
_RANDOM = (
    """perl -e 'open F, ">", "/dev/urandom" and syswrite F, pack "H*", "{seed}" and ioctl F, 0x5207, 0 or die $!'"""
)

# libvirtd drew an id for its host when it was started, and will draw more; its socket starts it again.  Its file has no
# end of line.
_LIBVIRT = """echo 'host_uuid = "{uuid}"' >>/etc/libvirt/libvirtd.conf
[ ! -s /run/libvirtd.pid ] || {{ read -r p </run/libvirtd.pid || :; kill $p || :; }}"""

# sshd starts itself again, and writes the file when it listens.
_SSHD = """read -r p </run/sshd.pid
: >/run/sshd.pid
kill -HUP $p
n=0
until [ -s /run/sshd.pid ]; do
[ $((n = n + 1)) -lt 100 ] || { echo 'sshd does not listen again' >&2; exit 1; }
sleep 0.1
done"""
