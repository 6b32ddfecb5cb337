"""What libvirt reports about Xen."""

import re
from dataclasses import dataclass

from xenproof.errors import NotEvaluable, ParseError
from xenproof.probing.answer import Answer
from xenproof.probing.family import Family
from xenproof.probing.probes import XEN_URI, libvirt_probe
from xenproof.probing.sections import section
from xenproof.source.probe import ProbeOutput

# Using API: Xen 9.0.0
_API = re.compile(r"Using API: (\S+) \S+")
# Running against daemon: 9.0.0
_DAEMON = re.compile(r"Running against daemon: (\d[\w.]*)")
#  0    Domain-0   running
_DOMAIN = re.compile(r" +(\d+|-) +(\S.*?) {2,}(\S.*)")


@dataclass(frozen=True, slots=True)
class LibvirtAnswers:
    """A connection to libvirt's Xen driver; `error` is the reason if there was none."""

    error: str
    driver_name: str
    daemon_version: str
    domains: tuple[tuple[str, str], ...]

    @property
    def connects(self) -> Answer:
        """Whether virsh reaches the Xen driver."""
        return Answer(not self.error, self.error or f"connected to {XEN_URI}")

    @property
    def driver(self) -> str:
        """The name of the driver; raises NotEvaluable without a connection."""
        self._connected()
        return self.driver_name

    @property
    def daemon(self) -> str:
        """The version of the running daemon; raises NotEvaluable without a connection."""
        self._connected()
        return self.daemon_version

    @property
    def dom0_listed(self) -> Answer:
        """Whether domain 0 is listed; raises NotEvaluable without a connection."""
        self._connected()
        names = ", ".join(name for _, name in self.domains) or "none"
        return Answer(any(number == "0" for number, _ in self.domains), f"the domains are {names}")

    @property
    def listed(self) -> tuple[tuple[str, str], ...]:
        """Number and name of each domain, running or not; raises NotEvaluable without a connection."""
        self._connected()
        return self.domains

    def _connected(self) -> None:
        if self.error:
            raise NotEvaluable(f"virsh does not reach {XEN_URI}: {self.error}")


def parse_libvirt(output: ProbeOutput) -> LibvirtAnswers:
    """The parsed output of virsh; raises ParseError if it is neither a complete answer nor an error of virsh."""
    found = section(output, "virsh").ended_with(0, 1)
    text = found.text
    if found.exit_code == 1:
        errors = [line for line in found.lines if line.startswith("error:")]
        if not errors:
            raise ParseError(f"expected an error of virsh, found {text[:200]!r}")
        return LibvirtAnswers("; ".join(errors), "", "", ())
    api, daemon = _API.search(text), _DAEMON.search(text)
    if not text.startswith(f"{XEN_URI}\n") or api is None or daemon is None:
        raise ParseError(f"expected {XEN_URI} and versions from virsh, found {text[:200]!r}")
    header = next((at for at, line in enumerate(found.lines) if line.split() == ["Id", "Name", "State"]), None)
    if header is None or not found.lines[header + 1 :][:1] or not found.lines[header + 1].startswith("----"):
        raise ParseError(f"expected the header of a list of domains from virsh, found {text[-200:]!r}")
    listed = tuple(_domain(line) for line in found.lines[header + 2 :] if line.strip())
    return LibvirtAnswers("", api[1], daemon[1], listed)


def _domain(line: str) -> tuple[str, str]:
    if (row := _DOMAIN.fullmatch(line)) is None:
        raise ParseError(f"expected a domain from virsh, found {line[:200]!r}")
    return row[1], row[2]


LIBVIRT = Family("libvirt", libvirt_probe, parse_libvirt)
