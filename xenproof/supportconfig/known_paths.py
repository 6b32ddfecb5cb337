"""The paths that probes read, as far as a supportconfig has them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from xenproof.errors import ParseError
from xenproof.facts.files import UNKNOWN_MODE, UNKNOWN_OWNER
from xenproof.supportconfig.blocks import CONFIGURATION, MOST_BLOCK_BYTES, MOST_LINES, Blocks
from xenproof.supportconfig.listing import Listings

# Files of the supportconfig that contain every file below a folder whose name ends like this.
_WHOLE = (
    ("etc.txt", "/etc/", "conf"),
    ("etc.txt", "/etc/logrotate.d/", ""),
    ("env.txt", "/etc/default/", ""),
    ("sysconfig.txt", "/etc/sysconfig/", ""),
)


@dataclass(frozen=True)
class KnownPaths:
    """What a supportconfig contains about paths.  `derived` are texts that it has, but not as files."""

    blocks: Blocks
    listings: Listings
    derived: Mapping[str, Sequence[str]]

    def texts(self, paths: Iterable[str], patterns: Iterable[str]) -> tuple[list[str], list[str]]:
        """The lines of the sections text-list and text; raises ParseError if they are too large."""
        listing, rows = list[str](), list[str]()
        left = MOST_BLOCK_BYTES
        for path in dict.fromkeys([*paths, *(path for pattern in patterns for path in self._matching(pattern))]):
            found = self._lines(path)
            if found is not None:
                listing.append(f"there {path}")
                left -= sum(len(path) + len(line) + 2 for line in found)
                if left < 0 or len(rows) + len(found) > MOST_LINES:
                    raise ParseError(
                        f"the files of this supportconfig that are read have more than {MOST_BLOCK_BYTES >> 20} MiB "
                        f"or {MOST_LINES:,} lines together, the last of them {path}; those of a host are far smaller"
                    )
                rows += [f"{path}:{line}" for line in found]
            elif self._is_missing(path):
                listing.append(f"missing {path}")
            else:
                listing.append(f"unknown {path}\tsupportconfig does not collect {path}")
        return listing, rows

    def stats(self, paths: Iterable[str], logs: Iterable[str]) -> tuple[list[str], list[str]]:
        """The lines of the sections stat-list and stat."""
        listing, rows = list[str](), list[str]()
        logs = set(logs)
        for path in dict.fromkeys(paths):
            if (listed := self.listings.files.get(path)) is not None:
                listing.append(f"there {path}")
                rows.append(f"{listed.mode:x} {listed.owner} {path}")
            elif self._was_read(path):
                listing.append(f"there {path}")
                rows.append(f"{UNKNOWN_MODE} {UNKNOWN_OWNER} {path}")
            elif path not in logs and (self._is_missing(path) or self.listings.covers(path)):
                listing.append(f"missing {path}")
            else:
                listing.append(f"unknown {path}\tsupportconfig does not tell whether {path} is there")
        return listing, rows

    def _was_read(self, path: str) -> bool:
        """Whether the file, or one below it, was read."""
        return path in self.derived or self.blocks.was_read(path)

    def _lines(self, path: str) -> Sequence[str] | None:
        if path in self.derived:
            return self.derived[path]
        block = self.blocks.configuration(path)
        return None if block is None or block.is_missing else block.lines

    def _is_missing(self, path: str) -> bool:
        block = self.blocks.configuration(path)
        if block is not None:
            return block.is_missing
        return any(
            file in self.blocks.files and path.startswith(folder) and path.endswith(end) for file, folder, end in _WHOLE
        )

    def _matching(self, pattern: str) -> list[str]:
        folder, _, last = pattern.rpartition("/")
        found = [
            path for path in self.blocks.below(CONFIGURATION, folder) if fnmatchcase(path.rpartition("/")[2], last)
        ]
        return found or [pattern]
