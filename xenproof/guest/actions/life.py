"""A guest to which things are done while it runs; each result is checked both in dom0 and from inside the guest."""

from collections.abc import Callable
from dataclasses import replace

from xenproof.errors import GuestError, ParseError
from xenproof.guest.boot_progress import READY
from xenproof.guest.description import GuestDescription
from xenproof.guest.guest import Guest
from xenproof.guest.host.leftovers import GuestIdentity
from xenproof.guest.witness import Witness, WitnessStatus, facts, parse_witness, statuses
from xenproof.run.waiting import wait_until
from xenproof.source.connection import Connection, quoted
from xenproof.xen.acting import Created, look_up
from xenproof.xen.domains import DomainRow, list_domains

NO_DOMAIN = "no domain"
ANSWER_LIMIT_S = 60.0
BOOT_LIMIT_S = 300.0
_RESTART_LIMIT_S = 120.0


class Life:
    """The life of one guest, whose witness answers questions."""

    def __init__(self, guest: Guest) -> None:
        self.guest = guest
        self.disks_at_boot: tuple[str, ...] = ()
        self._asked = 0

    @property
    def dom0(self) -> Connection:
        """The connection to the host where it lives now."""
        return self.guest.dom0

    @property
    def name(self) -> str:
        """The name that it was created with."""
        return self.guest.name

    def say(self, *words: str) -> None:
        """Send a line of words to the witness, on the guest's console."""
        self.dom0.run(f"echo {quoted(*words)} >{quoted(self.guest.residence.tty)}").check()

    def ask(self) -> int:
        """Ask the witness how it stands; the number of the question."""
        self._asked += 1
        self.say("tell", str(self._asked))
        return self._asked

    def answer(self, number: int, limit_s: float | None = None) -> WitnessStatus | None:
        """The answer to that question, or None where it does not come within `limit_s`."""
        limit_s = ANSWER_LIMIT_S if limit_s is None else limit_s
        self.guest.console.wait(lambda: self._answered(number) is not None, limit_s)
        return self._answered(number)

    def now(self) -> WitnessStatus:
        """How the guest stands now, by its own word; raises GuestError where it does not answer."""
        if (answer := self.answer(self.ask())) is None:
            raise GuestError(f"{self.name} does not answer within {ANSWER_LIMIT_S:.0f} s, as it did before")
        return answer

    def until(
        self, wanted: Callable[[WitnessStatus], bool], meanwhile: Callable[[], object] = lambda: None
    ) -> WitnessStatus:
        """How it stands when `wanted` holds of its word, or after a while; `meanwhile` is done before each pause."""
        return wait_until(self.now, wanted, ANSWER_LIMIT_S, meanwhile)

    def use_processors(self, count: int) -> None:
        """Let the guest use its first `count` processors: one that is plugged in is there, but lies idle."""
        for number in range(1, count):
            self.say("online", str(number))

    def row(self) -> DomainRow | None:
        """Its line of xl list, by its number: a name can change."""
        domid = self.guest.domid
        return next((row for row in list_domains(self.dom0) if row.domid == domid), None)

    def row_when(self, wanted: Callable[[DomainRow | None], bool]) -> DomainRow | None:
        """Its line of xl list when `wanted` holds of it, or after a while."""
        return wait_until(self.row, wanted, ANSWER_LIMIT_S)

    def has_ended(self) -> bool:
        """Whether xl list has it no more, now or within a while."""
        return self.row_when(lambda row: row is None) is None

    def paused_letter(self) -> str:
        """What xl list has at the place of its "p" for paused, when that is there or after a while."""
        row = self.row_when(lambda row: row is not None and row.state[2] == "p")
        return row.state[2] if row else NO_DOMAIN

    def first_line(self, device: str) -> str:
        """The first line of one of the guest's block devices, read by the guest."""
        begin = len(self.guest.console.text)
        self.say("first_line", device)

        def said() -> list[str]:
            return [value for name, value in facts(self.guest.console.text[begin:]) if name == "first_line"]

        self.guest.console.wait(lambda: bool(said()), ANSWER_LIMIT_S)
        if not (lines := said()):
            raise GuestError(f"{self.name} does not say what the first line of {device} is")
        return lines[-1].removeprefix(f"{device} ")

    def change_menu(self, setting: str, value: str) -> None:
        """Let the guest change a setting of its own boot menu; raises GuestError where it does not say that it did."""
        begin = len(self.guest.console.text)
        self.say("menu", f"{setting} {value}")
        done = ("menu_set", f"{setting} {value}")
        if not self.guest.console.wait(lambda: done in facts(self.guest.console.text[begin:]), ANSWER_LIMIT_S):
            raise GuestError(f"{self.name} does not say that it changed its menu to {setting}={value}")

    def press(self, keys: str) -> None:
        """Press these keys on its console."""
        self.dom0.run(f"printf %s {quoted(keys)} >{quoted(self.guest.residence.tty)}").check()

    def found_again(self) -> None:
        """Follow the domain that has the guest's name now, which has another number than before.

        Raises GuestError where there is none after a while.
        """
        before = self.guest.domid

        def is_another(created: Created) -> bool:
            return not created.problem and created.domid != before

        created = wait_until(
            lambda: look_up(self.dom0, self.name), is_another, _RESTART_LIMIT_S, meanwhile=self.guest.console.drain
        )
        if not is_another(created):
            raise GuestError(f"{self.name} was domain {before}, and none has come after it: {created.problem!r}")
        self.guest.bind(created)

    def booted_again(self, begin: int) -> Witness:
        """What the witness says of itself at its next boot, whose console stands behind `begin` characters.

        Raises GuestError where it does not become ready, ParseError where it contradicts itself.
        """
        self.guest.console.wait(lambda: ("ready", "") in facts(self.guest.console.text[begin:]), BOOT_LIMIT_S)
        return parse_witness(self.guest.console.text[begin:])

    def left_of(self, domid: int) -> list[str]:
        """What dom0 still has of the domain that the guest was before, which had the number `domid`."""
        # By its number alone: name and files are those of the guest that goes on.
        number = GuestIdentity("no guest's name", domid, "", ())
        return [str(thing) for thing in self.guest.host.leftovers(number, 30.0)]

    def is_well(self) -> bool:
        """Whether it is there and answers, so that the next thing can be done to it."""
        try:
            return (
                self.guest.created is not None and self.row() is not None and self.answer(self.ask(), 30.0) is not None
            )
        except (GuestError, ParseError):
            return False

    def _answered(self, number: int) -> WitnessStatus | None:
        return next((state for state in statuses(self.guest.console.text) if state.asked == number), None)


def set_to_restart(description: GuestDescription) -> GuestDescription:
    """The same guest, which starts again after a reboot or a crash, with room for another processor."""
    return replace(description, maxvcpus=2, on_reboot="restart", on_crash="restart")


def lively(guest: Guest) -> Life:
    """The life of `guest`, which is defined and booted; raises GuestError where it does not boot."""
    guest.define()
    if (boot := guest.boot(BOOT_LIMIT_S)).reached != READY:
        raise GuestError(f"{guest.name} did not boot: {boot.reached}")
    life = Life(guest)
    life.disks_at_boot = life.now().disks
    return life
