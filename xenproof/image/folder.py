"""The files of an unpacked root directory."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path

from xenproof.errors import NotEvaluable, SourceError
from xenproof.image.budget import Budget
from xenproof.image.node import Node

# The limit for one directory.
_MOST_NAMES = 200_000
_NOTHING = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG)


@dataclass(frozen=True)
class FolderNode:
    """A file below an unpacked root directory.

    Paths are resolved here, one name at a time, and the operating system never follows a link:
    so nothing outside the directory can be reached.
    """

    path: Path
    # The original file system had these; the folder does not.
    filesystem: str = ""
    volume: str = ""
    no_cow: bool = False
    budget: Budget = field(default_factory=Budget, compare=False)

    @cached_property
    def _stat(self) -> os.stat_result:
        with self._errors():
            return os.lstat(self.path)

    @property
    def mode(self) -> int:
        """Type and permissions."""
        return self._stat.st_mode

    @property
    def uid(self) -> int:
        """The number of its owner."""
        return self._stat.st_uid

    @property
    def gid(self) -> int:
        """The number of its group."""
        return self._stat.st_gid

    @property
    def size(self) -> int:
        """Its size in bytes."""
        return self._stat.st_size

    def child(self, name: str) -> Node | None:
        """The file with that name in the directory."""
        found = FolderNode(self.path / name, budget=self.budget)
        with self._errors():
            try:
                found.__dict__["_stat"] = os.lstat(found.path)
            except OSError as error:
                if error.errno in _NOTHING:
                    return None
                raise
        return found

    def names(self) -> list[str]:
        """The names in the directory."""
        with self._errors(), os.scandir(self.path) as entries:
            found = [entry.name for entry in islice(entries, _MOST_NAMES + 1)]
        if len(found) > _MOST_NAMES:
            raise SourceError(f"{self.path} has more than {_MOST_NAMES} names")
        return found

    def target(self) -> str:
        """The target of the link."""
        with self._errors():
            return str(self.path.readlink())

    def read(self, start: int, length: int) -> bytes:
        """The bytes of the file."""
        self.budget.check()
        with self._errors():
            # The path may name another kind of file by now: a FIFO would block.
            number = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            with os.fdopen(number, "rb") as file:
                if not stat.S_ISREG(os.fstat(number).st_mode):
                    raise SourceError(f"{self.path} is no longer a regular file")
                file.seek(start)
                return file.read(length)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except PermissionError as error:
            raise NotEvaluable(f"{self.path} may not be read by this user: run as root") from error
        except (OSError, ValueError) as error:
            raise SourceError(f"cannot read {self.path}: {error}") from error
