"""rpm's spec file of a source package of the replica."""

from selftest.replica.description import Entry, Package, Source

# Known on 1 October 2014, a day in the month of SLES 12's release: builds of the same description are the same.
BUILD_TIME = 1412121600
DISTRIBUTION = "xenproof replica of SUSE Linux Enterprise 12"
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


def spec(source: Source, tree: str) -> str:
    """The spec; `tree` is the folder with the files as they are to be installed, without any blank in its path."""
    head = [f"%define {name} {value}" for name, value in _MACROS.items()]
    head += _tags(source)
    head += [line for package in source.packages if package.name == source.name for line in _relations(package)]
    body = [line for package in source.packages for line in _package(source, package)]
    install = ["%install", "rm -rf %{buildroot}", f"cp -a {tree} %{{buildroot}}"]
    return "\n".join([*head, "%description", _says(source.name), *body, *install, ""])


def _tags(source: Source) -> list[str]:
    return [
        f"Name: {source.name}",
        f"Version: {source.version}",
        f"Release: {source.release}",
        f"Summary: {_says(source.name)}",
        "License: none, a placeholder",
        "Vendor: xenproof, not SUSE",
        f"Distribution: {DISTRIBUTION}",
        "AutoReqProv: no",
    ]


def _says(name: str) -> str:
    return f"Stands for {name} in xenproof's replica of SLES 12; its files are placeholders"


def _relations(package: Package) -> list[str]:
    found = [f"Requires: {name}" for name in package.requires]
    return found + [f"Conflicts: {name}" for name in package.conflicts]


def _package(source: Source, package: Package) -> list[str]:
    files = [_file(entry) for entry in package.entries]
    if package.outputs:
        files += [f"%dir %attr(0755, root, root) {package.outputs}", f"%attr(0644, root, root) {package.outputs}/*"]
    if package.name == source.name:
        return ["%files", *files]  # its tags are the head of the spec
    name = f"-n {package.name}"
    tags = [f"%package {name}", f"Summary: {_says(package.name)}", "AutoReqProv: no", *_relations(package)]
    return [*tags, f"%description {name}", _says(package.name), f"%files {name}", *files]


def _file(entry: Entry) -> str:
    if entry.kind == "link":
        return entry.path
    marks = ["%dir"] * (entry.kind == "directory") + ["%config(noreplace)"] * entry.configuration
    marks += ["%ghost"] * entry.ghost
    return " ".join([*marks, f"%attr({entry.mode}, root, root)", entry.path])
