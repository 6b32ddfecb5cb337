"""Network interfaces and bridges, from `ip addr` and `brctl show`."""

import re

from xenproof.errors import NotEvaluable, ParseError
from xenproof.supportconfig.blocks import Blocks

# 3: br0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP
_INTERFACE = re.compile(r"\d+: ([^\s:@]{1,15})(?:@\S+)?: <([A-Z0-9_,-]*)> .*")
# br0		8000.525400123456	no		eth0
_BRIDGE = re.compile(r"(\S{1,15})\t+[0-9a-f]{4}\.[0-9a-f]{12}\t(?:yes|no)(?:\t+(\S{1,15}))?\s*")
# A line below a bridge: one more of its ports
_PORT = re.compile(r"\t+(\S{1,15})\s*")
_UP = 0x1


def interface_list(blocks: Blocks) -> str:
    """The interfaces as the probe prints them.

    Raises NotEvaluable if they or the bridges were not collected, ParseError if a line has another form.
    """
    interfaces, bridges = blocks.command("ip addr"), blocks.command("brctl show")
    if interfaces is None or interfaces.is_missing:
        raise NotEvaluable("this supportconfig has no `ip addr`")
    if bridges is None or bridges.is_missing:
        raise NotEvaluable("this supportconfig has no `brctl show`")
    ports = _ports(bridges.lines)
    rows: dict[str, str] = {}
    for line in interfaces.lines:
        if line[:1].isspace() or not line.strip():
            continue
        if (row := _INTERFACE.fullmatch(line)) is None:
            raise ParseError(f"expected a network interface from `ip addr`, found {line[:200]!r}")
        if row[1] in rows:
            raise ParseError(f"`ip addr` has the interface {row[1]!r} twice")
        flags = _UP if "UP" in row[2].split(",") else 0
        kind = "bridge" if row[1] in ports else "plain"
        rows[row[1]] = " ".join([row[1], kind, f"0x{flags:x}", *ports.get(row[1], [])]) + "\n"
    return "".join(rows.values())


def _ports(lines: tuple[str, ...]) -> dict[str, list[str]]:
    header, *rows = lines or ("",)
    if not header.startswith("bridge name\tbridge id"):
        raise ParseError(f"expected the header of `brctl show`, found {header[:80]!r}")
    found: dict[str, list[str]] = {}
    last = ""
    for line in rows:
        if row := _BRIDGE.fullmatch(line):
            last = row[1]
            found[last] = [row[2]] if row[2] else []
        elif last and (port := _PORT.fullmatch(line)):
            found[last].append(port[1])
        else:
            raise ParseError(f"expected a bridge or a port from `brctl show`, found {line[:200]!r}")
    return found
