"""Root's ssh: a login that prints, keys that do not open, that are not there or that others can write, distrust."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping

from selftest.mutants.mutation import Case, Maker, Mutation, Mutator
from selftest.mutants.raw import NotPossible, Raw

_END = {"keys": "end", "authorized": "end", "known": "end 0", "host-keys": "end"}
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
    """What is broken here, then what is broken at the other host: each alone keeps root from logging in there."""
    keys, let_in, known = (_rows(case, name) for name in ("keys", "authorized", "known"))
    stranger = [row if number % 2 == 0 else f" {_STRANGER}" for number, row in enumerate(keys)]
    here = {
        "root has no private key": ("keys", []),
        "root's key is let in nowhere": ("keys", stranger),
        "no host is known": ("known", []),
        "only a stranger is known": ("known", [f"known {_STRANGER}"]),
        "the other host's key is revoked": ("known", [*known, *(f"revoked{row[row.index(' ') :]}" for row in known)]),
    }
    for what, (section, lines) in here.items():
        yield Mutation(what, _with(case, section, lines))
    files = [row for row in let_in if row.startswith("file ")]
    there = {
        "lets nobody in": ("authorized", []),
        "lets a stranger in only": ("authorized", [*files, f"plain {_STRANGER}"]),
        "lets root's key run one command only": ("authorized", [row.replace("plain ", "limited ") for row in let_in]),
        "was installed again, with another host key": ("host-keys", [f"host {_STRANGER}"]),
    }
    for what, (section, lines) in there.items():
        yield Mutation(f"the other host {what}", case.host, _with(case, section, lines))


MUTATORS: dict[str, Mutator] = {
    "silent": _silent,
    "usable": _usable,
    "present": _present,
    "safe": _safe,
    "trusted": _trusted,
}
# The text that hosts are synthesised from is that of a host which is ready.
MAKERS: dict[str, Maker] = {}
