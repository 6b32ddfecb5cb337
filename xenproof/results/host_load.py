"""What a host got of its processors while a check ran."""

from dataclasses import dataclass

STARVED = 1 / 3
"""A lab host that was denied a larger share of the processor time that it wanted is starved.

Its time limits prove nothing then.  docs/decisions/0044 has the measurements behind this value.
"""

LEAST_WANTED_S = 1.0
"""Of a host that wanted less processor time than this, the share says nothing."""


@dataclass(frozen=True, slots=True)
class HostLoad:
    """The processors of a host while a check ran, for `seconds`.

    Of a lab host: its QEMU ran for `ran_s`, all threads together, and could have run for `denied_s` more, while this
    machine ran something else.  Of another host: `steal` is the share of dom0's processor time that Xen gave to others,
    `load` the load of dom0 over the last minute.  `pressure` is the share of the time in which something waited for a
    processor: on this machine for a lab host, else in dom0.  None is what is not known.
    """

    seconds: float
    ran_s: float | None = None
    denied_s: float | None = None
    pressure: float | None = None
    steal: float | None = None
    load: float | None = None

    @property
    def wanted_s(self) -> float:
        """The processor time that a lab host wanted, in seconds, 0 for any other host."""
        return (self.ran_s or 0.0) + (self.denied_s or 0.0)

    @property
    def denied(self) -> float:
        """The share of the processor time that a lab host wanted and did not get; 0 where that says nothing."""
        return (self.denied_s or 0.0) / self.wanted_s if self.wanted_s >= LEAST_WANTED_S else 0.0

    @property
    def starved(self) -> bool:
        """Whether time limits that passed on the host prove nothing."""
        return self.denied > STARVED

    def __str__(self) -> str:
        parts = []
        if self.ran_s is not None and self.denied_s is not None:
            parts.append(
                f"in {self.seconds:.0f} s its QEMU ran for {self.ran_s:.1f} s and was denied {self.denied_s:.1f} s, "
                f"{self.denied:.0%} of what it wanted"
            )
        if self.steal is not None:
            parts.append(f"{self.steal:.0%} of dom0's processor time was stolen")
        if self.load is not None:
            parts.append(f"its load was {self.load:.2f}")
        if self.pressure is not None:
            where = "on this machine" if self.ran_s is not None else "in dom0"
            parts.append(f"something waited for a processor {where} in {self.pressure:.0%} of the time")
        return "; ".join(parts) or "nothing is known of its load"


def added(loads: list[HostLoad]) -> HostLoad:
    """The load of a lab host over all these checks; checks that ran at the same time count once each."""
    ran = [load for load in loads if load.ran_s is not None]
    return HostLoad(
        sum(load.seconds for load in ran),
        sum(load.ran_s or 0.0 for load in ran),
        sum(load.denied_s or 0.0 for load in ran),
    )
