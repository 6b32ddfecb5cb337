"""Commands that users' own checks run on a host: recorded on a live host, answered from a recording later."""

import json
import os
import time
from collections.abc import Iterable
from contextlib import AbstractContextManager
from pathlib import Path

from xenproof.errors import SourceError
from xenproof.source.connection import Completed, Connection, Stream
from xenproof.source.probe import RecordedCommand, Recording
from xenproof.source.redact import redacted

HOW_TO_RECORD = "record it with `pytest ... --record FILE`, with the check that runs it"


class NotingConnection:
    """A live host; each command that ends on it is written to a file as one line, without its secrets.

    Each process of a run has its own file.  A command that did not end is not written, so a
    replay has no answer to it either.
    """

    def __init__(self, connection: Connection, notes: Path) -> None:
        self._connection = connection
        self._notes = notes

    @property
    def url(self) -> str:
        """The host's URL as the user wrote it."""
        return self._connection.url

    def run(self, command: str, *, limit_s: float = 30.0, stdin: bytes = b"", max_bytes: int = 16 << 20) -> Completed:
        """Run a command on the connection, and record it."""
        done = self._connection.run(command, limit_s=limit_s, stdin=stdin, max_bytes=max_bytes)
        row = without_secrets(done).to_plain()
        handle = os.open(self._notes, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(handle, "a", encoding="utf-8") as out:
            out.write(json.dumps({"at": time.time(), **row}) + "\n")
        return done

    def follow(self, command: str, *, keep_stdin: bool = False) -> AbstractContextManager[Stream]:
        """Follow a command on the connection; its output is not recorded."""
        return self._connection.follow(command, keep_stdin=keep_stdin)

    def close(self) -> None:
        """End the connection."""
        self._connection.close()


class ReplayedConnection:
    """A recorded host: answers the recorded commands, and no others.

    For a command that ran several times it returns the recorded answers in order, then the last one again.
    """

    def __init__(self, recording: Recording) -> None:
        self._host = recording.host
        self._answers: dict[str, list[RecordedCommand]] = {}
        for found in recording.commands:
            self._answers.setdefault(found.command, []).append(found)

    @property
    def url(self) -> str:
        """The URL of the recorded host."""
        return self._host

    def run(self, command: str, *, limit_s: float = 30.0, stdin: bytes = b"", max_bytes: int = 16 << 20) -> Completed:
        """The recorded output of the command; raises SourceError that names the command if it was not recorded."""
        del limit_s, stdin, max_bytes  # no command runs
        answers = self._answers.get(_named(command))
        if not answers:
            raise SourceError(
                f"the recording of {self._host} does not have the command {command!r}, "
                f"only {len(self._answers)} others; {HOW_TO_RECORD}"
            )
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        return Completed(command, found.exit_code, found.stdout, found.stderr, 0.0)

    def follow(self, command: str, *, keep_stdin: bool = False) -> AbstractContextManager[Stream]:
        """Raise SourceError: followed commands are not recorded."""
        del keep_stdin
        raise SourceError(f"{command!r} cannot be followed on the recording of {self._host}: use host.run")

    def close(self) -> None:
        """Do nothing."""


def without_secrets(done: Completed) -> RecordedCommand:
    """A command that ended, in the form of a recording."""
    return RecordedCommand(_named(done.command), redacted(done.stdout)[0], redacted(done.stderr)[0], done.exit_code)


def noted(files: Iterable[Path]) -> tuple[RecordedCommand, ...]:
    """The commands in the files of all processes of a run, in the order in which they ended.

    A command whose answer was always the same appears once.  Raises SourceError if a file cannot be read.
    """
    rows = []
    try:
        for path in files:
            rows += [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    except (OSError, ValueError) as error:
        raise SourceError(f"cannot read the commands that were noted: {error}") from error
    answers: dict[str, list[RecordedCommand]] = {}
    for row in sorted(rows, key=lambda row: row["at"]):
        found = RecordedCommand.from_plain(row)
        answers.setdefault(found.command, []).append(found)
    return tuple(
        answer for same in answers.values() for answer in (same[:1] if all(row == same[0] for row in same) else same)
    )


def _named(command: str) -> str:
    """The command as a recording stores it: it may contain a password."""
    return redacted(command.encode())[0].decode()
