"""The wire between the two hosts of a pair: it can be cut, and made slow, late or lossy."""

from dataclasses import dataclass

from xenproof.errors import LabError, UsageError
from xenproof.lab.machine import NIC, WIRE
from xenproof.lab.qmp import monitor
from xenproof.run import runs
from xenproof.source.connection import Connection, quoted


@dataclass(frozen=True, slots=True)
class Quality:
    """How a wire is in each direction: its speed in Mbit/s (None: as fast as it gets), delay and loss."""

    rate_mbit: float | None = None
    delay_ms: float = 0.0
    loss_percent: float = 0.0

    def __post_init__(self) -> None:
        """Raise UsageError for what no wire is."""
        right = (self.rate_mbit is None or 0 < self.rate_mbit <= 10_000) and 0 <= self.delay_ms <= 60_000
        if not right or not 0 <= self.loss_percent <= 100:
            raise UsageError(
                "expected a speed above 0 and up to 10000 Mbit/s, a delay of 0 to 60000 ms and a loss of 0 to 100 %, "
                f"found {self.rate_mbit} Mbit/s, {self.delay_ms} ms, {self.loss_percent} %"
            )

    @property
    def command(self) -> str:
        """The command that gives what a host sends this quality: that of its kernel's netem."""
        words = ["tc", "qdisc", "replace", "dev", NIC, "root", "netem", "limit", "10000"]
        if self.rate_mbit is not None:
            words += ["rate", f"{self.rate_mbit * 1000:.0f}kbit"]
        return quoted(*words, "delay", f"{self.delay_ms:g}ms", "loss", f"{self.loss_percent:g}%")


def set_quality(quality: Quality, *hosts: Connection) -> None:
    """Give the wire this quality in what each of `hosts` sends; raises SourceError where one does not do it.

    It stays until it is set again, or until the host reboots.
    """
    for host in hosts:
        host.run(quality.command, limit_s=60).check()


def cut(pair: str) -> None:
    """Pull the cable: both hosts lose their carrier; raises LabError where the pair is not up."""
    _set_links(pair, up=False)


def mend(pair: str) -> None:
    """Plug the cable in again; raises LabError where the pair is not up."""
    _set_links(pair, up=True)


def ends(pair: str) -> list[runs.Run]:
    """The runs of the hosts of a pair that are up."""
    return [run for run in runs.running() if run.member is not None and run.member.pair == pair]


def _set_links(pair: str, *, up: bool) -> None:
    if not (found := ends(pair)):
        raise LabError(f"no host of the pair {pair} is up, so its wire is gone, too")
    for run in found:
        with monitor(run.folder / "qmp.sock") as qmp:
            qmp.command("set_link", name=WIRE, up=up)
