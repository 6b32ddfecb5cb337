"""A cache of limited size for the directories of a disk image, so that they are not read again for every path."""

from collections import OrderedDict
from collections.abc import Callable, Mapping

from xenproof.image.node import Node

_MOST_NAMES, _MOST_NODES = 200_000, 10_000


class KeptNodes:
    """The most recently used names of directories and files, for all file systems together.

    The key is the directory object itself, so only the same object is found again.
    """

    def __init__(self, most_names: int = _MOST_NAMES, most_nodes: int = _MOST_NODES) -> None:
        self._names: OrderedDict[object, Mapping[str, object]] = OrderedDict()
        self._nodes: OrderedDict[tuple[object, str], Node | None] = OrderedDict()
        self._most_names, self._most_nodes = most_names, most_nodes
        self._count = 0

    def names(self, directory: object, read: Callable[[], Mapping[str, object]]) -> Mapping[str, object]:
        """The names in a directory with the value for each file; `read` is called if they are not cached."""
        if (found := self._names.get(directory)) is None:
            found = self._names[directory] = read()
            self._count += len(found) + 1
            while self._count > self._most_names and len(self._names) > 1:
                self._count -= len(self._names.popitem(last=False)[1]) + 1
        self._names.move_to_end(directory)
        return found

    def node(self, directory: object, name: str, make: Callable[[], Node | None]) -> Node | None:
        """The file with that name in a directory; `make` is called if it is not cached."""
        key = directory, name
        if key not in self._nodes:
            self._nodes[key] = make()
            if len(self._nodes) > self._most_nodes:
                self._nodes.popitem(last=False)
        self._nodes.move_to_end(key)
        return self._nodes[key]
