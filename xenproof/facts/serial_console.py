"""The serial console: the options of the hypervisor and of dom0's kernel must agree about it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from xenproof.facts.boot import HYPERVISOR, KERNEL, Boot
from xenproof.facts.kernel import KERNEL as KERNEL_FACTS
from xenproof.probing.answer import Answer
from xenproof.profile.profile import Profile
from xenproof.source.probe import Recording

# com1=115200,8n1 or com1=auto
_PORT = re.compile(r"com([12])=(\w+)(?:[,/].*)?", re.ASCII)
PORTS = frozenset({"com1", "com2"})
# The speeds that divide a UART's clock of 1.8432 MHz; 11520 is a misprint of 115200 that was seen in slides.
_SPEEDS = frozenset({"1200", "2400", "4800", "9600", "19200", "38400", "57600", "115200", "auto"})
# ttyS0,115200n8
_SERIAL_OF_LINUX = re.compile(r"(tty(?:S|USB|AMA)\d+)(?:,(\d+).*)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class SerialConsole:
    """The consoles that the options of the running hypervisor and kernel name."""

    recording: Recording
    profile: Profile

    def consistent(self, what: str) -> Answer:
        """Whether the options of the "hypervisor" or the "kernel" are consistent."""
        xen = self._options(HYPERVISOR)
        if what == HYPERVISOR:
            return hypervisor_console(xen)
        kind = KERNEL_FACTS.of(self.recording, self.profile).kind
        return kernel_console(xen, self._options(KERNEL), shares_uart=kind == "xenlinux")

    def consoles(self, what: str) -> tuple[str, ...]:
        """The consoles that the options name, without their speeds."""
        return _consoles(self._options(what))

    def _options(self, what: str) -> tuple[str, ...]:
        return Boot(self.recording, self.profile).options(what)


def hypervisor_console(options: Sequence[str]) -> Answer:
    """Whether the configured serial ports are exactly the serial consoles, with speeds that a UART has."""
    ports = {f"com{found[1]}": found[2] for word in options if (found := _PORT.fullmatch(word))}
    consoles = [name.partition("H")[0].partition("L")[0] for name in _consoles(options)]
    problems = [f"{port} has the speed {speed}, which no UART has" for port, speed in ports.items() if _odd(speed)]
    problems += [f"{port} is set up but no console" for port in ports if port not in consoles]
    problems += [f"the console {name} is not set up" for name in consoles if name in PORTS and name not in ports]
    words = " ".join(word for word in options if word.startswith(("com1=", "com2=", "console=")))
    return Answer(not problems, "; ".join(problems) or (words or "no serial console is set up"))


def kernel_console(xen: Sequence[str], kernel: Sequence[str], *, shares_uart: bool) -> Answer:
    """Whether the kernel leaves the UART to a hypervisor that uses it, and names only existing speeds.

    A xenlinux kernel shares it: there Xen's console has the name ttyS0.
    """
    taken = bool(PORTS & set(_consoles(xen)))
    problems: list[str] = []
    for name in [word.partition("=")[2] for word in kernel if word.startswith("console=")]:
        if (serial := _SERIAL_OF_LINUX.fullmatch(name)) is None:
            continue
        if serial[2] and _odd(serial[2]):
            problems.append(f"console={name} has a speed which no UART has")
        if taken and serial[1] == "ttyS0" and not shares_uart:
            problems.append(f"console={name} is a UART that the hypervisor has taken")
    words = " ".join(word for word in kernel if word.startswith("console="))
    return Answer(not problems, "; ".join(problems) or (words or "no console is named"))


def _consoles(options: Sequence[str]) -> tuple[str, ...]:
    names = [name for word in options if word.startswith("console=") for name in word[8:].split(",")]
    # console=ttyS0,115200 is one console with its speed
    return tuple(name for name in names if not name[:1].isdecimal())


def _odd(speed: str) -> bool:
    return speed not in _SPEEDS
