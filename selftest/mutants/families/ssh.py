"""Root's ssh: a login that prints, keys that do not open, that are not there or that others can write, distrust."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping

from selftest.mutants.mutation import Case, Maker, Mutation, Mutator
from selftest.mutants.raw import NotPossible, Raw

_END = {"keys": "end", "authorized": "end", "known": "end 0"}
_REFUSED = (' Load key "id_rsa": incorrect passphrase supplied to decrypt private key', " Load key: bad permissions")
_STRANGER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
# A mode of a folder or a file that its group, or everybody, can write to.
_OPENED = {"4": ("41f8", "41c7"), "8": ("81b0", "8182")}


def _with(case: Case, section: str, lines: Iterable[str]) -> Raw:
    return case.host.with_lines(section, [*lines, _END[section]])


def _rows(case: Case, section: str) -> list[str]:
    if case.expected.value is not True:
        raise NotPossible("only a profile that promises a key has something to break")
    if not (rows := case.host.lines(section)[:-1]):
        raise NotPossible(f"the host has no {section}")
    return rows


def _silent(case: Case) -> Iterator[Mutation]:
    for noise in ("Welcome!", "\x1b[2J", "bash: warning: setlocale: LC_ALL: cannot change locale"):
        about: Mapping[str, str] = {**case.host.about, "login noise": noise}
        yield Mutation(f"root's login prints {noise!r}", dataclasses.replace(case.host, about=about))


def _usable(case: Case) -> Iterator[Mutation]:
    rows = _rows(case, "keys")
    yield Mutation("root has no private key", _with(case, "keys", []))
    for said in _REFUSED:
        lines = (said if number % 2 else row.replace("key 0", "key 255") for number, row in enumerate(rows))
        yield Mutation(f"no key opens:{said}", _with(case, "keys", lines))


def _present(case: Case) -> Iterator[Mutation]:
    if case.name == "known_hosts":
        rows = _rows(case, "known")
        yield Mutation("no host is known", _with(case, "known", []))
        revoked = (f"revoked{row[row.index(' ') :]}" for row in rows)
        yield Mutation("each known host is revoked", _with(case, "known", revoked))
        return
    files = [row for row in _rows(case, "authorized") if row.startswith("file ")]
    yield Mutation("there is no file of authorized keys", _with(case, "authorized", []))
    yield Mutation("the file of authorized keys is empty", _with(case, "authorized", files))


def _safe(case: Case) -> Iterator[Mutation]:
    for row in case.host.lines("ssh"):
        word, _, rest = row.partition(" ")
        if word != "path":
            continue
        mode, owner, path = rest.split(" ", 2)
        for other in _OPENED[mode[0]]:
            yield Mutation(f"{path} has mode {other}", _replaced(case, row, f"path {other} {owner} {path}"))
        yield Mutation(f"{path} is not root's", _replaced(case, row, f"path {mode} 1000 {path}"))


def _replaced(case: Case, old: str, new: str) -> Raw:
    return case.host.edited("ssh", lambda lines: [new if line == old else line for line in lines])


def _trusted(case: Case) -> Iterator[Mutation]:
    keys, let_in, known = (_rows(case, name) for name in ("keys", "authorized", "known"))
    yield Mutation("root has no private key", _with(case, "keys", []))
    stranger = [row if number % 2 == 0 else f" {_STRANGER}" for number, row in enumerate(keys)]
    yield Mutation("root's key is let in nowhere", _with(case, "keys", stranger))
    limited = (row.replace("plain ", "limited ") for row in let_in)
    yield Mutation("root's key may run one command only", _with(case, "authorized", limited))
    yield Mutation("no host is known", _with(case, "known", []))
    yield Mutation("only a stranger is known", _with(case, "known", [f"known {_STRANGER}"]))
    revoked = [f"revoked{row[row.index(' ') :]}" for row in known]
    yield Mutation("the other host's key is revoked", _with(case, "known", [*known, *revoked]))


MUTATORS: dict[str, Mutator] = {
    "silent": _silent,
    "usable": _usable,
    "present": _present,
    "safe": _safe,
    "trusted": _trusted,
}
# The text that hosts are synthesised from is that of a host which is ready.
MAKERS: dict[str, Maker] = {}
