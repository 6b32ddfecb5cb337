"""rpm's spec file of the replica's packages: one for all, since each run of rpmbuild takes its time."""

from collections.abc import Sequence

from selftest.replica.description import Entry, Package, Source

# Known on 1 October 2014, a day in the month of SLES 12's release: builds of the same description are the same.
BUILD_TIME = 1412121600
# What all of them are said to be built from.
NAME = "xenproof-replica-of-sles12"
_OF_ALL = (
    "License: none, a placeholder",
    "Vendor: xenproof, not SUSE",
    "Distribution: xenproof replica of SUSE Linux Enterprise 12",
    "AutoReqProv: no",
)
# No dependency is guessed from file contents, for there are none; nothing is stripped, nothing compressed.
_MACROS = {
    "debug_package": "%{nil}",
    "__os_install_post": "%{nil}",
    "_build_id_links": "none",
    "_binary_payload": "w0.gzdio",
    "_source_payload": "w0.gzdio",
    "_docdir": "/usr/share/doc/packages",
    "_mandir": "/usr/share/man",
    "_buildhost": "replica.invalid",
    "use_source_date_epoch_as_buildtime": "1",
}


def spec(sources: Sequence[Source], tree: str) -> str:
    """The spec of all packages; `tree` is the folder with their files, without any blank in its path."""
    head = [f"%define {name} {value}" for name, value in _MACROS.items()]
    head += [f"Name: {NAME}", "Version: 1", "Release: 1", "Summary: Makes the packages of the replica", *_OF_ALL]
    body = [line for source in sources for package in source.packages for line in _package(source, package)]
    install = ["%install", "rm -rf %{buildroot}", f"cp -a {tree} %{{buildroot}}"]
    return "\n".join([*head, "%description", "It makes no package of its own.", *body, *install, ""])


def _says(name: str) -> str:
    return f"Stands for {name} in xenproof's replica of SLES 12; its files are placeholders"


def _relations(package: Package) -> list[str]:
    found = [f"Requires: {name}" for name in package.requires]
    return found + [f"Conflicts: {name}" for name in package.conflicts]


def _package(source: Source, package: Package) -> list[str]:
    name, says = f"-n {package.name}", _says(package.name)
    tags = [f"Version: {source.version}", f"Release: {source.release}", f"Summary: {says}", "AutoReqProv: no"]
    files = [_file(entry) for entry in package.entries]
    if package.outputs:
        files += [f"%dir %attr(0755, root, root) {package.outputs}", f"%attr(0644, root, root) {package.outputs}/*"]
    return [f"%package {name}", *tags, *_relations(package), f"%description {name}", says, f"%files {name}", *files]


def _file(entry: Entry) -> str:
    if entry.kind == "link":
        return entry.path
    marks = ["%dir"] * (entry.kind == "directory") + ["%config(noreplace)"] * entry.configuration
    marks += ["%ghost"] * entry.ghost
    return " ".join([*marks, f"%attr({entry.mode}, root, root)", entry.path])
