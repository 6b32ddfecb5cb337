"""Files of a host, as the sections `text-list` and `text` hold them: PATH:LINE, as grep -H prints it."""

from collections.abc import Callable, Iterable

from selftest.mutants.raw import Lines, NotPossible, Raw, Test, put


def paths(host: Raw) -> list[str]:
    """The files that are there."""
    return [line.removeprefix("there ") for line in host.lines("text-list") if line.startswith("there ")]


def file_lines(host: Raw, path: str) -> Lines:
    """The lines of a file; raises NotPossible if it is not there."""
    if path not in paths(host):
        raise NotPossible(f"there is no file {path}")
    return [line.removeprefix(f"{path}:") for line in host.lines("text") if line.startswith(f"{path}:")]


def with_file(host: Raw, path: str, lines: Iterable[str]) -> Raw:
    """The host with these lines in the file, which is made if it is not there."""
    host = host.edited("text-list", lambda old: put(old, _listed(path), f"there {path}"))
    return host.edited("text", lambda old: put(old, _of(path), *(f"{path}:{line}" for line in lines)))


def without_file(host: Raw, path: str) -> Raw:
    """The host without the file, which was looked for."""
    host = host.edited("text-list", lambda old: put(old, _listed(path), f"missing {path}"))
    return host.edited("text", lambda old: put(old, _of(path)))


def forget_file(host: Raw, path: str) -> Raw:
    """The host without the file and without a word of it: one that a pattern would have found."""
    return without_file(host, path).edited("text-list", lambda old: put(old, _listed(path)))


def move_file(host: Raw, old: str, new: str) -> Raw:
    """The host with the file at another path, and without a word of the old one."""
    lines = file_lines(host, old)
    return host if old == new else with_file(forget_file(host, old), new, lines)


def edit_file(host: Raw, path: str, change: Callable[[Lines], Iterable[str]]) -> Raw:
    """The host with the lines of the file changed; raises NotPossible if it is not there."""
    return with_file(host, path, change(file_lines(host, path)))


def _listed(path: str) -> Test:
    return lambda line: line.partition(" ")[2] == path


def _of(path: str) -> Test:
    return lambda line: line.startswith(f"{path}:")
