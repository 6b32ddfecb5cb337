"""A guest on which actions run; each result is checked both in dom0 and from inside the guest."""

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
from xenproof.xen.domain_control import CreatedDomain, look_up
from xenproof.xen.domains import DomainRow, list_domains

NO_DOMAIN = "no domain"
ANSWER_LIMIT_S = 60.0
BOOT_LIMIT_S = 300.0
_RESTART_LIMIT_S = 120.0


class RunningGuest:
    """One running guest, whose witness answers requests on the console."""

    def __init__(self, guest: Guest) -> None:
        self.guest = guest
        self.disks_at_boot: tuple[str, ...] = ()
        self._asked = 0

    @property
    def dom0(self) -> Connection:
        """The connection to the host where the guest is now."""
        return self.guest.dom0

    @property
    def name(self) -> str:
        """The name with which the guest was created."""
        return self.guest.name

    def say(self, *words: str) -> None:
        """Send a line of words to the witness, on the guest's console."""
        self.dom0.run(f"echo {quoted(*words)} >{quoted(self.guest.residence.tty)}").check()

    def ask(self) -> int:
        """Request a status from the witness; returns the number of the request."""
        self._asked += 1
        self.say("tell", str(self._asked))
        return self._asked

    def answer(self, number: int, limit_s: float | None = None) -> WitnessStatus | None:
        """The status for the request `number`, or None where it does not arrive within `limit_s`."""
        limit_s = ANSWER_LIMIT_S if limit_s is None else limit_s
        self.guest.console.wait(lambda: self._answered(number) is not None, limit_s)
        return self._answered(number)

    def now(self) -> WitnessStatus:
        """The status of the guest now; raises GuestError where its witness does not answer."""
        if (answer := self.answer(self.ask())) is None:
            raise GuestError(f"{self.name} does not answer within {ANSWER_LIMIT_S:.0f} s, as it did before")
        return answer

    def until(
        self, wanted: Callable[[WitnessStatus], bool], meanwhile: Callable[[], object] = lambda: None
    ) -> WitnessStatus:
        """The first status for which `wanted` holds, or the last at the limit; calls `meanwhile` before each pause."""
        return wait_until(self.now, wanted, ANSWER_LIMIT_S, meanwhile)

    def use_processors(self, count: int) -> None:
        """Let the guest use its first `count` processors: a plugged one is idle until the guest brings it online."""
        for number in range(1, count):
            self.say("online", str(number))

    def row(self) -> DomainRow | None:
        """The guest's line of xl list, found by its number, as its name can change."""
        domid = self.guest.domid
        return next((row for row in list_domains(self.dom0) if row.domid == domid), None)

    def row_when(self, wanted: Callable[[DomainRow | None], bool]) -> DomainRow | None:
        """The guest's line of xl list as soon as `wanted` holds for it, or the last one at the limit."""
        return wait_until(self.row, wanted, ANSWER_LIMIT_S)

    def has_ended(self) -> bool:
        """Whether the guest disappears from xl list within the limit."""
        return self.row_when(lambda row: row is None) is None

    def paused_letter(self) -> str:
        """The letter of xl list for paused: "p" as soon as it is there, or the last one at the limit."""
        row = self.row_when(lambda row: row is not None and row.state[2] == "p")
        return row.state[2] if row else NO_DOMAIN

    def first_line(self, device: str) -> str:
        """The first line of one of the guest's block devices, read inside the guest."""
        begin = len(self.guest.console.text)
        self.say("first_line", device)

        def answers() -> list[str]:
            return [value for name, value in facts(self.guest.console.text[begin:]) if name == "first_line"]

        self.guest.console.wait(lambda: bool(answers()), ANSWER_LIMIT_S)
        if not (lines := answers()):
            raise GuestError(f"{self.name} does not say what the first line of {device} is")
        return lines[-1].removeprefix(f"{device} ")

    def change_menu(self, setting: str, value: str) -> None:
        """Let the guest change a setting of its own boot menu; raises GuestError where it does not confirm it."""
        begin = len(self.guest.console.text)
        self.say("menu", f"{setting} {value}")
        done = ("menu_set", f"{setting} {value}")
        if not self.guest.console.wait(lambda: done in facts(self.guest.console.text[begin:]), ANSWER_LIMIT_S):
            raise GuestError(f"{self.name} does not say that it changed its menu to {setting}={value}")

    def press(self, keys: str) -> None:
        """Send these keys to the guest's console."""
        self.dom0.run(f"printf %s {quoted(keys)} >{quoted(self.guest.residence.tty)}").check()

    def found_again(self) -> None:
        """Bind the guest to the domain that has its name now, with another number than before.

        Raises GuestError where there is none within the limit.
        """
        before = self.guest.domid

        def is_another(created: CreatedDomain) -> bool:
            return not created.problem and created.domid != before

        created = wait_until(
            lambda: look_up(self.dom0, self.name), is_another, _RESTART_LIMIT_S, meanwhile=self.guest.console.drain
        )
        if not is_another(created):
            raise GuestError(f"{self.name} was domain {before}, and none has come after it: {created.problem!r}")
        self.guest.bind(created)

    def booted_again(self, begin: int) -> Witness:
        """The witness's report of the guest's next boot, whose console output begins after `begin` characters.

        Raises ParseError where the witness does not become ready, or contradicts itself.
        """
        self.guest.console.wait(lambda: ("ready", "") in facts(self.guest.console.text[begin:]), BOOT_LIMIT_S)
        return parse_witness(self.guest.console.text[begin:])

    def left_of(self, domid: int) -> list[str]:
        """What is left in dom0 of the guest's former domain, which had the number `domid`."""
        # By number alone: the name and the files belong to the guest, which still exists.
        number = GuestIdentity("no guest's name", domid, "", ())
        return [str(thing) for thing in self.guest.host.leftovers(number, 30.0)]

    def is_well(self) -> bool:
        """Whether the guest exists and answers, so that the next action can run."""
        try:
            return (
                self.guest.created is not None and self.row() is not None and self.answer(self.ask(), 30.0) is not None
            )
        except (GuestError, ParseError):
            return False

    def _answered(self, number: int) -> WitnessStatus | None:
        return next((state for state in statuses(self.guest.console.text) if state.asked == number), None)


def set_to_restart(description: GuestDescription) -> GuestDescription:
    """The same guest, which starts again after a reboot or a crash, and can get a second processor."""
    return replace(description, maxvcpus=2, on_reboot="restart", on_crash="restart")


def boot_for_actions(guest: Guest) -> RunningGuest:
    """Define and boot `guest`, ready for actions; raises GuestError where it does not boot."""
    guest.define()
    if (boot := guest.boot(BOOT_LIMIT_S)).reached != READY:
        raise GuestError(f"{guest.name} did not boot: {boot.reached}")
    running = RunningGuest(guest)
    running.disks_at_boot = running.now().disks
    return running
