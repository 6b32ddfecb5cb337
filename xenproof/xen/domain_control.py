"""Changes the state of domains with xl: each function runs one command, and its caller reads back the result."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from xenproof.errors import ParseError
from xenproof.source.connection import Completed, Connection, quoted
from xenproof.xen.domains import await_gone, parse_xl_list
from xenproof.xen.tool_log import weighed

_NUMBER = re.compile(r"[0-9]{1,15}")


@dataclass(frozen=True, slots=True)
class CreatedDomain:
    """What is known of a domain right after `xl create -p`.

    `problem` is what xl printed where the domain does not exist: its first line is the cause.
    """

    domid: int
    uuid: str
    tty: str
    host_time: int
    problem: str


# xl's own exit code is not trusted: the domain exists if xenstore has its name.
_LOOK_UP = """\
domid=$(xl domid {name} 2>/dev/null) || {{ echo none; exit 0; }}
own=/local/domain/$domid
xenstore-read $own/name $own/domid $own/vm $own/console/tty
"""
_CREATE = """\
date +%s
xl create -p {config} </dev/null >&2
"""


def create_paused(dom0: Connection, name: str, config: str, limit_s: float) -> CreatedDomain:
    """Create the domain `name` from the file `config`, paused, so that no console output is missed."""
    return domain_after(dom0, _CREATE.format(config=quoted(config)), name, limit_s)


def domain_after(dom0: Connection, script: str, name: str, limit_s: float) -> CreatedDomain:
    """The domain `name` after `script`, which must print the time and create the domain paused."""
    return _parse_created(dom0.run(script + _LOOK_UP.format(name=quoted(name)), limit_s=limit_s), name)


def look_up(dom0: Connection, name: str) -> CreatedDomain:
    """The domain that is called `name` now; a result with a `problem` where there is none."""
    return domain_after(dom0, "date +%s\n", name, 60)


def _parse_created(done: Completed, name: str) -> CreatedDomain:
    time, *rest = done.text.split("\n")
    problem = cause_first(done.error_text)
    if not _NUMBER.fullmatch(time):
        raise ParseError(f"date +%s printed {time[:100]!r}, expected seconds")
    match rest:
        case [str(found), str(domid), str(vm), str(tty), ""] if (
            found == name and _NUMBER.fullmatch(domid) and vm.startswith("/vm/") and tty.startswith("/dev/")
        ):
            return CreatedDomain(int(domid), vm.removeprefix("/vm/"), tty, int(time), "")
        case _:
            return CreatedDomain(
                -1, "", "", int(time), problem or f"xl printed nothing about {name}, and xenstore has {rest!r}"
            )


def cause_first(printed: str) -> str:
    """What xl or virsh printed about a failure: the lines that say why, then warnings, then notices."""
    return "\n".join(line for _, line in sorted(weighed(printed.strip()), key=lambda row: -row[0]))


def shut_down(dom0: Connection, domid: int) -> None:
    """Ask the guest to shut itself down."""
    dom0.run(quoted("xl", "shutdown", str(domid)))


def run_xl(dom0: Connection, *words: str, limit_s: float = 120) -> Completed:
    """Run `xl` with these words; the caller must read the effect from the host, whatever xl prints."""
    return dom0.run(quoted("xl", *words), limit_s=limit_s)


def destroy(dom0: Connection, name: str, limit_s: float, meanwhile: Callable[[], object] = lambda: None) -> bool:
    """Destroy the domain `name`, if there is one; returns whether it is gone within `limit_s`, as `await_gone` does."""
    listed = dom0.run(f"{quoted('xl', 'destroy', name)} >&2\nxl list", limit_s=120).check().text
    is_gone = all(row.name != name for row in parse_xl_list(listed))
    return is_gone or await_gone(dom0, name, limit_s, meanwhile)
