"""Serial consoles: speeds that no UART has, ports that are no console, a UART that is taken, other consoles."""

from collections.abc import Iterator

from selftest.mutants.families.boot import HYPERVISOR, KERNEL, in_running, replaced_everywhere, running
from selftest.mutants.families.kernel import is_pvops
from selftest.mutants.mutation import Case, Maker, Mutation, Mutator
from selftest.mutants.raw import NotPossible, Raw

_CONSOLE = "console="
_ABOUT_SERIAL = ("com1=", "com2=", _CONSOLE)


def with_words(host: Raw, what: str, *words: str) -> Raw:
    """The host that runs with these words about consoles and no others."""
    rest = [word for word in running(host, what) if not word.startswith(_ABOUT_SERIAL)]
    return in_running(host, what, lambda _: [*rest, *words])


def _consistent(case: Case) -> Iterator[Mutation]:
    if case.expected.value is not True:
        raise NotPossible("nobody wants consoles that do not fit together")
    if case.name == HYPERVISOR:
        for what, words in {
            "a digit of the speed is missing": ("com1=11520,8n1", "console=com1,vga"),
            "the port is set up and no console": ("com1=115200,8n1", "console=vga"),
            "the console is another port": ("com1=115200,8n1", "console=com2"),
            "the console is a port that is not set up": ("console=com1",),
        }.items():
            yield Mutation(what, with_words(case.host, HYPERVISOR, *words))
        return
    odd = with_words(case.host, KERNEL, "console=tty0", "console=ttyS0,11520")
    yield Mutation("a digit of the kernel's speed is missing", odd)
    if is_pvops(case.host):
        taken = with_words(case.host, HYPERVISOR, "com1=115200,8n1", "console=com1")
        both = with_words(taken, KERNEL, "console=ttyS0,115200")
        yield Mutation("the kernel and the hypervisor use one UART", both)


def _consoles(case: Case) -> Iterator[Mutation]:
    now = [word for word in running(case.host, case.name) if word.startswith(_CONSOLE)]
    for name in ("ttyUSB7", "lp0"):
        if name not in case.expected.names:
            added = with_words(case.host, case.name, *now, f"{_CONSOLE}{name}")
            yield Mutation(f"one more console is {name}", added)
            yield Mutation(f"the console is {name}", with_words(case.host, case.name, f"{_CONSOLE}{name}"))


def _make_consistent(case: Case) -> Raw:
    if case.expected.value is not True:
        raise NotPossible("nobody wants consoles that do not fit together")
    return case.host


def _make_consoles(case: Case) -> Raw:
    def strange(word: str) -> bool:
        return word.startswith(_CONSOLE) and word[len(_CONSOLE) :].partition(",")[0] not in case.expected.names

    return replaced_everywhere(case.host, case.name, strange, f"{_CONSOLE}{case.expected.names[0]}")


MUTATORS: dict[str, Mutator] = {"consistent": _consistent, "consoles": _consoles}
MAKERS: dict[str, Maker] = {"consistent": _make_consistent, "consoles": _make_consoles}
