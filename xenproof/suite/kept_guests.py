"""`--keep-guests`: the guests of failed checks stay on their host, and the run prints how to end them."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from xenproof.errors import UsageError
from xenproof.guest.guest import Guest
from xenproof.source.address import Address, Scheme
from xenproof.source.connection import quoted
from xenproof.suite.failed import has_failed
from xenproof.suite.run_context import RunContext

_FILE = "kept-guests"
KeepGuests = Callable[[Guest], bool]


def check_keepable(addresses: Sequence[Address]) -> None:
    """Raise UsageError, before anything is touched, for hosts that end with the run."""
    if brief := [address.url for address in addresses if address.scheme is Scheme.LAB]:
        raise UsageError(
            f"--keep-guests keeps nothing on {', '.join(brief)}: a lab host ends with its run, and its guests with it; "
            "expected ssh://user@host or local:// in --hosts"
        )


@pytest.fixture
def keep_guests(request: pytest.FixtureRequest, run_context: RunContext) -> KeepGuests:
    """Keeps a guest of this check on its host if the user wants that and the check failed; returns whether it does."""

    def maybe(guest: Guest) -> bool:
        if not run_context.options.keep_guests or not has_failed(request.node):
            return False
        if not guest.kept:
            guest.keep()
            end, folder = quoted("xl", "destroy", guest.name), guest.host.folder.path
            with (run_context.folder / _FILE).open("a", encoding="utf-8") as out:
                out.write(f"kept on {guest.dom0.url}: {guest.name}; end it with {end} and remove {folder}\n")
        return True

    return maybe


def kept(run_folder: Path) -> tuple[str, ...]:
    """One line for each guest that was kept, with how to end it."""
    file = run_folder / _FILE
    return tuple(file.read_text("utf-8").splitlines()) if file.is_file() else ()
