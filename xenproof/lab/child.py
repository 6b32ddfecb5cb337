"""Runs the lab's programs: they end with this process, and an error quotes the end of their output."""

import os
import shutil
import signal
import subprocess
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from xenproof.errors import LabError
from xenproof.lab.shown import shown
from xenproof.programs import require

_LONGEST_LINE = 8000


def all_or_none(*words: str) -> list[str]:
    """A command as root of a PID namespace of its own: when it ends, however it ends, all its children end, too.

    A killed installer of a system would leave children in its chroot.  A user who is not root becomes the root of a
    user namespace as well, with the ids that /etc/subuid and /etc/subgid grant.  Unlike in mmdebstrap's own
    namespace, the user's files still belong to the user there, so the folders above the tree need not be opened to
    other ids.
    """
    isolation = ["--pid", "--fork", "--kill-child", "--mount-proc"]
    return [require("unshare"), *_own_ids(), *isolation, require(words[0]), *words[1:]]


def _own_ids() -> list[str]:
    return [] if os.geteuid() == 0 else ["--user", "--map-auto", "--map-root-user"]


def scrap(folder: Path) -> None:
    """Remove `folder` with all files of a command in such a namespace; raises LabError if that fails."""
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        subprocess.run(
            [require("unshare"), *_own_ids(), "rm", "-rf", "--", str(folder)],
            check=False, timeout=120, capture_output=True,
        )  # fmt: skip
    if folder.exists():
        raise LabError(f"{folder} is left from an interrupted build and cannot be removed; remove it as root")


def bound_to_parent(sig: signal.Signals, words: Sequence[str]) -> list[str]:
    """The command that runs `words` and gets `sig` when its parent ends, however that ends.

    Not done with Python's preexec_fn: Python takes locks around such a fork, and a Ctrl-C at the wrong moment is lost
    there and leaves the lock of logging held.
    """
    # The parent may have ended before the signal was asked for, which then never comes.
    only_with_us = 'test "$PPID" = "$0" && exec "$@"'
    bound = [require("setpriv"), "--pdeathsig", sig.name, "--", "sh", "-c", only_with_us, str(os.getpid())]
    return [*bound, require(words[0]), *words[1:]]


def run(
    command: Sequence[str],
    *,
    log: Path,
    purpose: str,
    limit_s: float,
    env: Mapping[str, str] | None = None,
    stdin: str = "",
    dies_with_us: signal.Signals = signal.SIGTERM,
) -> None:
    """Run `command` to its end with its output appended to `log`.

    Raises LabError with the tail of the log if it fails or does not end within `limit_s`.  On an
    interrupt, the command gets SIGTERM, then SIGKILL.
    """
    with started(command, log=log, env=env, stdin=stdin, dies_with_us=dies_with_us) as process:
        try:
            code = process.wait(limit_s)
        except subprocess.TimeoutExpired:
            raise LabError(f"{purpose} did not end within {limit_s:.0f} s; {tail(log)}") from None
    if code != 0:
        raise LabError(f"{purpose} failed: {Path(command[0]).name} ended with {_ending(code)}; {tail(log)}")


@contextmanager
def started(
    command: Sequence[str],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    stdin: str = "",
    folder: Path | None = None,
    pass_fds: Collection[int] = (),
    dies_with_us: signal.Signals = signal.SIGTERM,
) -> Iterator["subprocess.Popen[bytes]"]:
    """Start `command`, and end it with the context; in a session of its own, so that Ctrl-C does not reach it."""
    with log.open("ab") as out:
        process = subprocess.Popen(
            bound_to_parent(dies_with_us, command),
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(env or {})},
            cwd=folder,
            pass_fds=pass_fds,
            start_new_session=True,
        )
    try:
        if process.stdin is not None:
            try:
                process.stdin.write(stdin.encode())
                process.stdin.close()
            except BrokenPipeError:
                pass  # its exit code and its log show why it did not read
        yield process
    finally:
        end(process)


def end(process: "subprocess.Popen[bytes]", patience_s: float = 15.0) -> None:
    """End `process` and its session: SIGTERM, and SIGKILL after `patience_s`."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(patience_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def tail(log: Path, count: int = 20) -> str:
    """The last lines of `log`, for the end of an error message, without what apt prints of passwords."""
    try:
        lines = log.read_text("utf-8", "replace").splitlines()[-count:]
    except OSError as error:
        return f"its log {log} cannot be read: {error.strerror}"
    end = "\n".join(f"  | {shown(line[:_LONGEST_LINE])}" for line in lines if line.strip())
    return f"the end of {log}:\n{end}" if end else f"{log} is empty"


def _ending(code: int) -> str:
    return f"exit status {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"
