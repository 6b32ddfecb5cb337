"""The identity of a host: its system, its kernel, and whether it is a Xen dom0 at all."""

from dataclasses import dataclass

from xenproof.errors import NotADom0, ParseError
from xenproof.source.probe import Probe, ProbeOutput

PROBE = Probe(
    "identity",
    # One `key value` per line; a file that a plain Linux lacks gives an empty value.  Builtins only, except for the
    # subshell that keeps os-release's variables out of this shell: starting a process is slow on a slow host.
    r"""
    say() { printf '%s %s\n' "$1" "$2"; }
    one() { line=; [ ! -r "$2" ] || read -r line <"$2"; say "$1" "$line"; }
    uid=
    if [ -r "/proc/$$/status" ]; then
    while read -r name real uid rest; do [ "$name" != Uid: ] || break; done <"/proc/$$/status"
    fi
    say uid "${uid:-$(id -u)}"
    one kernel /proc/sys/kernel/osrelease
    say system "$(. /etc/os-release 2>/dev/null; printf %s "${PRETTY_NAME-}")"
    one hypervisor /sys/hypervisor/type
    one capabilities /proc/xen/capabilities
    printf 'xl '
    command -v xl || echo
    say end .
    """,
)


@dataclass(frozen=True, slots=True)
class Identity:
    """The identity that a host reports.  `xl` is the path of the tool, empty if there is none.

    `kind` is empty for a running host; for other sources it names their kind, such as "disk image".
    """

    uid: int
    kernel: str
    system: str
    hypervisor: str
    capabilities: str
    xl: str
    kind: str = ""

    def require_dom0(self, url: str) -> None:
        """Raise NotADom0 with what was found, unless this is a dom0 on which root can use xl.

        For a source that is not a running host, such as a disk image, it is enough that xl exists.
        """
        if self.kind:
            if not self.xl:
                raise NotADom0(
                    f"{url} is a {self.kind} of a system that is no Xen dom0: expected xl, found none "
                    f"({self.system or 'unknown system'}); nothing was checked. Install the Xen tools there, "
                    "or name another source"
                )
            return
        if self.uid != 0:
            raise NotADom0(f"{url}: logged in with uid {self.uid}, expected root, since only root can ask Xen")
        if self.hypervisor != "xen":
            found = f"the hypervisor {self.hypervisor!r}" if self.hypervisor else "no hypervisor below it"
            raise NotADom0(
                f"{url} is not a Xen dom0: expected /sys/hypervisor/type to be 'xen', found {found} "
                f"({self.system or 'unknown system'}, kernel {self.kernel}); nothing was checked. "
                "Boot the GRUB entry with the Xen hypervisor, or name another host"
            )
        if "control_d" not in self.capabilities:
            raise NotADom0(
                f"{url} runs on Xen but is not its dom0: expected 'control_d' in /proc/xen/capabilities, "
                f"found {self.capabilities!r}; is it a guest, or is xenfs not mounted?"
            )
        if not self.xl:
            raise NotADom0(
                f"{url} is a dom0 without xl on root's non-interactive PATH: install the Xen tools, "
                "or mend the PATH that `ssh HOST 'echo $PATH'` prints"
            )


def parse_identity(output: ProbeOutput) -> Identity:
    """The identity that the probe printed; raises ParseError if a line is missing."""
    rows = dict(line.partition(" ")[::2] for line in output.text.splitlines())
    try:
        if rows["end"] != ".":
            raise ParseError(f"the identity probe was cut off: {output.text[-200:]!r}")
        return Identity(
            int(rows["uid"]),
            rows["kernel"],
            rows["system"],
            rows["hypervisor"],
            rows["capabilities"],
            rows["xl"],
            rows.get("stored", ""),
        )
    except (KeyError, ValueError) as error:
        raise ParseError(f"the identity probe printed {output.text[-200:]!r}, expected uid to end: {error}") from error


def offline_identity(kind: str, *, kernel: str, system: str, xl: str) -> ProbeOutput:
    """The identity of a source that is not a running host; `kind` names its kind, "" stands for unknown values."""
    rows = {"uid": "0", "kernel": kernel, "system": system, "hypervisor": "", "capabilities": "", "xl": xl}
    lines = [f"{name} {' '.join(value.split())}" for name, value in (rows | {"stored": kind, "end": "."}).items()]
    return ProbeOutput(PROBE.name, "".join(f"{line}\n" for line in lines).encode(), b"", 0)
