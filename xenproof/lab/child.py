"""Programs that the lab runs: they end with us, and their last words are in the error."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from xenproof.errors import LabError
from xenproof.programs import require


def all_or_none(*words: str) -> list[str]:
    """A command as root of a PID namespace of its own: when it ends, however it ends, so does all that it started.

    A program that installs a system has children in a chroot that outlive it when it is killed.  Whoever is
    not root is the root of a user namespace as well, with the ids that /etc/subuid and /etc/subgid grant.
    Unlike in mmdebstrap's own one, files of ours are still ours there, so nobody else has to be let into
    the folders above the tree.
    """
    isolation = ["--pid", "--fork", "--kill-child", "--mount-proc"]
    return [require("unshare"), *_own_ids(), *isolation, require(words[0]), *words[1:]]


def _own_ids() -> list[str]:
    return [] if os.geteuid() == 0 else ["--user", "--map-auto", "--map-root-user"]


def scrap(folder: Path) -> None:
    """Remove `folder` with all that a command in a namespace of ours left there; raises LabError if it stays."""
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        subprocess.run(
            [require("unshare"), *_own_ids(), "rm", "-rf", "--", str(folder)],
            check=False, timeout=120, capture_output=True,
        )  # fmt: skip
    if folder.exists():
        raise LabError(f"{folder} is left from an interrupted build and cannot be removed; remove it as root")


def bound_to_parent(sig: signal.Signals, words: Sequence[str]) -> list[str]:
    """The command that becomes `words` and gets `sig` when its parent dies, however that dies.

    Not done by Python between fork and exec: it takes locks around such a fork, and a Ctrl-C at the wrong moment is
    lost there, with the lock of its logging held for ever.
    """
    return [require("setpriv"), "--pdeathsig", sig.name, "--", require(words[0]), *words[1:]]


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

    Raises LabError with the tail of the log if it fails or does not end within `limit_s`.  The
    command gets SIGTERM, then SIGKILL, when we are interrupted.
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
    dies_with_us: signal.Signals = signal.SIGTERM,
) -> Iterator["subprocess.Popen[bytes]"]:
    """`command` while it runs, in a session of its own so that Ctrl-C reaches it through us only."""
    with log.open("ab") as out:
        process = subprocess.Popen(
            bound_to_parent(dies_with_us, command),
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(env or {})},
            cwd=folder,
            start_new_session=True,
        )
    try:
        if process.stdin is not None:
            try:
                process.stdin.write(stdin.encode())
                process.stdin.close()
            except BrokenPipeError:
                pass  # its exit code and its log say why it did not read
        yield process
    finally:
        end(process)


def end(process: "subprocess.Popen[bytes]", patience_s: float = 15.0) -> None:
    """End `process` and its session, politely first."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(patience_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def tail(log: Path, count: int = 20) -> str:
    """The last lines of `log`, as the end of an error message."""
    try:
        lines = log.read_text("utf-8", "replace").splitlines()[-count:]
    except OSError as error:
        return f"its log {log} cannot be read: {error.strerror}"
    shown = "\n".join(f"  | {line}" for line in lines if line.strip())
    return f"the end of {log}:\n{shown}" if shown else f"{log} is empty"


def _ending(code: int) -> str:
    return f"exit status {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"
