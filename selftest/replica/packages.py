"""The replica's packages, built by rpmbuild and installed by rpm into an empty root directory."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from selftest.replica.commands import as_root, program, run
from selftest.replica.description import ROOT_TEXTS, Entry, Source, texts_below
from selftest.replica.spec import BUILD_TIME, NAME, spec

DBPATH = "/var/lib/rpm"


def build(sources: Sequence[Source], outputs: Mapping[str, str], folder: Path) -> list[Path]:
    """The rpm files of all binary packages, built below `folder`."""
    tree, texts = folder / "tree", texts_below(ROOT_TEXTS)
    packages = [package for source in sources for package in source.packages]
    for package in packages:
        for entry in package.entries:
            _lay_out(tree, entry, texts)
        for name, text in outputs.items() if package.outputs else ():
            _write(tree / package.outputs.lstrip("/") / name, text.encode())
    file = folder / f"{NAME}.spec"
    file.write_text(spec(sources, str(tree)), "utf-8")
    run(
        [program("rpmbuild"), "-bb", "--quiet", "--target", "x86_64-linux", "--define", f"_topdir {folder}/top",
         "--define", f"_tmppath {folder}", str(file)],
        SOURCE_DATE_EPOCH=str(BUILD_TIME), HOME=str(folder),
    )  # fmt: skip
    found = sorted((folder / "top" / "RPMS").rglob("*.rpm"))
    if len(found) != len(packages):
        raise RuntimeError(f"expected {len(packages)} packages, rpmbuild made {len(found)}")
    return found


def install(rpms: Sequence[Path], root: Path) -> None:
    """Install the packages into the empty directory `root`, with all their dependencies checked."""
    root.mkdir(parents=True)
    command = [program("rpm"), "--root", str(root), "--dbpath", DBPATH, "--nosignature", "-i", *map(str, rpms)]
    run(as_root(*command))


def _lay_out(tree: Path, entry: Entry, texts: Mapping[str, Path]) -> None:
    path = tree / entry.path.lstrip("/")
    if entry.kind == "directory":
        path.mkdir(parents=True, exist_ok=True)
    elif entry.kind == "link":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(entry.target)
    else:
        _write(path, content(entry, texts))


def content(entry: Entry, texts: Mapping[str, Path]) -> bytes:
    """What is in a file: the text that is kept for it, else a placeholder that says what it is."""
    if (text := texts.get(entry.path)) is not None:
        return text.read_bytes()
    # A comment, in case that a program reads it.
    says = f"# xenproof replica: this file stands for {entry.path} of SLES 12"
    if entry.mode != "0755":
        return f"{says}\n".encode()
    lines = ["#!/bin/sh", says, f"echo 'xenproof replica: {entry.path} does nothing' >&2", "exit 99", ""]
    return "\n".join(lines).encode()


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
