"""The identity of a run: the names of all that the run makes on hosts begin with it, the same on each host."""

import secrets
import string
import time
from dataclasses import dataclass, field
from pathlib import Path

from xenproof.guest.host.shared_table import SharedTable

_LETTERS = string.ascii_letters + string.digits


@dataclass(frozen=True, slots=True)
class RunIdentity:
    """A run, made once on this machine and shared by all its workers, so that a guest can move to another host.

    `id` is random, `folder` is shared by the workers on this machine, `began` in seconds since the epoch is the start
    of the report's time line.
    """

    id: str
    folder: Path
    began: float = field(compare=False)

    @staticmethod
    def of(folder: Path, began: float | None = None) -> "RunIdentity":
        """The identity of the run whose workers share `folder`; the first call makes it."""
        with SharedTable(folder, "", "run").held() as table:
            row = table.setdefault("identity", {})
            made = row.setdefault("id", "".join(secrets.choice(_LETTERS) for _ in range(8)))
        return RunIdentity(made, folder, time.time() if began is None else began)

    @property
    def prefix(self) -> str:
        """The beginning of the names of the run's guests, and the name of its working folder on each host."""
        return f"xenproof-{self.id}"

    def new_name(self) -> str:
        """A name for a guest that no other guest of any run has, on any host."""
        with SharedTable(self.folder, "", "run").held() as table:
            row = table.setdefault("names", {})
            row["last"] = str(int(row.get("last", "0")) + 1)
            return f"{self.prefix}-{row['last']}"
