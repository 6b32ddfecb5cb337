"""What is kept of the directories of a disk image, so that none is read for every path: no more than a fixed number."""

from collections import OrderedDict
from collections.abc import Callable, Mapping

from xenproof.image.node import Node

_MOST_NAMES, _MOST_NODES = 200_000, 10_000


class KeptNodes:
    """The names of directories and the files that were looked up, the latest of them, for all file systems together.

    A directory is its own key, so it must be the same object to be known again.
    """

    def __init__(self, most_names: int = _MOST_NAMES, most_nodes: int = _MOST_NODES) -> None:
        self._names: OrderedDict[object, Mapping[str, object]] = OrderedDict()
        self._nodes: OrderedDict[tuple[object, str], Node | None] = OrderedDict()
        self._most_names, self._most_nodes = most_names, most_nodes
        self._count = 0

    def names(self, directory: object, read: Callable[[], Mapping[str, object]]) -> Mapping[str, object]:
        """The names in a directory with what stands for each file; `read` gives them where they are not kept."""
        if (found := self._names.get(directory)) is None:
            found = self._names[directory] = read()
            self._count += len(found) + 1
            while self._count > self._most_names and len(self._names) > 1:
                self._count -= len(self._names.popitem(last=False)[1]) + 1
        self._names.move_to_end(directory)
        return found

    def node(self, directory: object, name: str, make: Callable[[], Node | None]) -> Node | None:
        """The file of that name in a directory; `make` gives it where it is not kept."""
        key = directory, name
        if key not in self._nodes:
            self._nodes[key] = make()
            if len(self._nodes) > self._most_nodes:
                self._nodes.popitem(last=False)
        self._nodes.move_to_end(key)
        return self._nodes[key]
