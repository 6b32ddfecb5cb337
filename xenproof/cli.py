"""The `xenproof` command."""

import contextlib
import sys
import traceback
from pathlib import Path
from typing import Annotated, NoReturn

import typer

import xenproof
from xenproof.errors import XenproofError
from xenproof.lab.cli import lab_app
from xenproof.printing import complain, say
from xenproof.profile.cli import profile_app
from xenproof.profile.load import load_profile
from xenproof.run import runs
from xenproof.run.interruption import interrupt_on_sigterm
from xenproof.run.progress import Progress
from xenproof.xlcfg.lint_cli import lint_command

_INTERRUPTED = 130  # 128 and the number of SIGINT, as in a shell

app = typer.Typer(
    help="Prove that a Xen dom0 is what its release promises.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(lab_app, name="lab")
app.add_typer(profile_app, name="profile", help="Profiles: what a host of some release must be.")
app.command("lint")(lint_command)


@app.command()
def version() -> None:
    """Print the version."""
    say(xenproof.__version__)


@app.command()
def record(
    hosts: Annotated[str, typer.Option("--hosts", help="the host, such as ssh://root@xen1")],
    output: Annotated[Path, typer.Option("--output", "-o", help="the file to write")],
    profile: Annotated[str, typer.Option("--profile", help="whose probes are run")] = "debian12",
    identity: Annotated[Path | None, typer.Option(help="the private key to log in with")] = None,
    known_hosts: Annotated[Path | None, typer.Option(help="the pinned host keys")] = None,
    backing: Annotated[
        list[Path] | None, typer.Option(help="a backing file that a qcow2 may be read with, again for each")
    ] = None,
    checks: Annotated[
        list[Path] | None, typer.Argument(help="your own checks: what their commands print is kept too")
    ] = None,
) -> None:
    """Write the raw output of every probe of a host to a file that can be replayed.

    With checks of your own, the exit status is that of these checks.
    """
    if checks:
        own: dict[str, Path | None] = {"--identity": identity, "--known-hosts": known_hosts}
        options = [f"{name}={path}" for name, path in own.items() if path is not None]
        options += [f"--backing={path}" for path in backing or ()]
        raise typer.Exit(
            _run_checks([f"--hosts={hosts}", f"--profile={profile}", f"--record={output}", *options], checks)
        )
    # Imported here, so that `xenproof lab` does not load what only the suite needs.
    import os

    from xenproof.hosts.opening import open_host
    from xenproof.run.process_identity import ProcessIdentity
    from xenproof.source.address import parse_url

    wanted, address = load_profile(profile), parse_url(hosts)
    run = runs.new_run("session", ProcessIdentity.of(os.getpid()))
    try:
        opened = open_host(
            address, wanted, run.folder, Progress(), identity=identity, known_hosts=known_hosts,
            backing=tuple(backing or ()),
        )  # fmt: skip
        try:
            if opened.recording is None:
                raise XenproofError(opened.target.blocked)
            opened.recording.write(output)
        finally:
            opened.close()
    finally:
        run.remove()
    say(f"recorded {hosts} in {output}")


def _run_checks(options: list[str], checks: list[Path]) -> int:
    """Run checks as `pytest` would in the repository, and return its exit status."""
    import pytest

    settings = Path(xenproof.__file__).parents[1] / "pytest.ini"
    return int(pytest.main(["-c", str(settings), *options, *map(str, checks)]))


def main() -> None:
    """Run the command; an error that a user can fix is printed as one message, never as a traceback.

    An internal error ends with status 3, an error of this machine with 6: 1 only means that a host does not conform.
    """
    interrupt_on_sigterm()
    try:
        app()
    except SystemExit as ended:
        if ended.code == _INTERRUPTED:  # typer makes this of a KeyboardInterrupt, and prints nothing
            _end("xenproof: interrupted", _INTERRUPTED)
        raise
    except XenproofError as error:
        _end(f"xenproof: {error}", error.exit_status)
    except KeyboardInterrupt:
        _end("xenproof: interrupted", _INTERRUPTED)
    except OSError as error:
        _end(f"xenproof: {error.strerror or error}{f': {error.filename}' if error.filename else ''}", 6)
    except Exception as error:  # noqa: BLE001  # Python would end with status 1
        trace = "".join(traceback.format_exception(error))[-8000:]
        _end(
            f"{trace}xenproof: an error of xenproof itself ({type(error).__name__}): please report it with these lines",
            3,
        )


def _end(message: str, status: int) -> NoReturn:
    with contextlib.suppress(OSError):  # without a readable stderr the exit status has to be enough
        complain(message)
    sys.exit(status)


if __name__ == "__main__":
    main()
