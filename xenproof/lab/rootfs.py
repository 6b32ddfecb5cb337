"""A lab host's root tree: Debian's packages, the recipe's files, a key for logging in."""

import os
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path

from xenproof.errors import LabError
from xenproof.lab.apt_sources import debian_mirrors
from xenproof.lab.archive import find_pockets
from xenproof.lab.child import all_or_none, run
from xenproof.lab.provenance import Provenance, provenance
from xenproof.lab.recipe import Recipe, RecipeFile, finish_script
from xenproof.lab.ssh_keys import new_key
from xenproof.programs import require
from xenproof.source.connection import quoted


@dataclass(frozen=True, slots=True)
class RootTree:
    """An unpacked root file system below the build folder, owned by root, or by root in fakeroot's `state`."""

    folder: Path
    state: Path
    log: Path

    def as_root(self, *words: str) -> list[str]:
        """A command that sees the tree's files with the owners that the image will have."""
        if os.geteuid() == 0:
            return list(words)
        require("fakeroot")
        return ["fakeroot", "-i", str(self.state), "-s", str(self.state), "--", *words]


def install(recipe: Recipe, folder: Path, log: Path, *, allow_expired: bool) -> tuple[RootTree, Provenance]:
    """Install the recipe's packages into a new tree below `folder`, and what it was made of; needs apt's network.

    An archive whose Release file is no longer valid is an error unless `allow_expired`.
    """
    early, used = folder / "early", folder / "used"
    used.mkdir()
    hooks = [f"--essential-hook={hook}" for hook in _early_hooks(recipe, early)]
    hooks += [f"--customize-hook={hook}" for hook in _hooks_of_provenance(used)]
    hooks += ["--aptopt=Acquire::Check-Valid-Until false"] if allow_expired else []
    pockets = find_pockets(recipe.suites, debian_mirrors(), allow_expired=allow_expired)
    archive = folder / "root.tar"
    run(
        all_or_none(
            "mmdebstrap", "--variant=minbase", "--format=tar", f"--include={','.join(recipe.packages)}",
            '--aptopt=Acquire::Languages "none"', '--aptopt=APT::Install-Recommends "false"',
            # No sync is needed: the tree is packed after all is written, and discarded after an error.
            "--dpkgopt=force-unsafe-io", *hooks, recipe.suites[0], str(archive), "-",
        ),
        stdin="".join(f"{pocket.source_line}\n" for pocket in pockets),
        log=log,
        purpose=f"installing {recipe.title}",
        limit_s=1800,
        # Below the build folder, so that the leftovers of an interrupted build are removed with it.
        env={"TMPDIR": str(folder), "LC_ALL": "C.UTF-8"},
        dies_with_us=signal.SIGKILL,
    )  # fmt: skip
    tree = RootTree(folder / "root", folder / "fakeroot.state", log)
    tree.folder.mkdir(mode=0o755)
    tree.state.touch()
    run(
        tree.as_root("tar", "--extract", f"--file={archive}", f"--directory={tree.folder}"),
        log=log, purpose="unpacking the packages", limit_s=300,
    )  # fmt: skip
    archive.unlink()
    return tree, provenance(used / "lists", (used / "packages").read_text("utf-8"), recipe.suites)


def configure(recipe: Recipe, tree: RootTree, keys: Path) -> None:
    """Write the recipe's files, mask its units, and authorize a new key, stored in `keys`, for root."""
    for path, file in recipe.files.items():
        write(tree.folder / path, file)
    for unit in recipe.masked:
        (tree.folder / "etc/systemd/system" / unit).symlink_to("/dev/null")
    write(tree.folder / "xenproof-finish", RecipeFile(finish_script(), 0o755))
    lab_key, root_key = new_key(), new_key()
    with os.fdopen(os.open(keys / "id_ed25519", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(lab_key.private)
    # Host keys are made by openssh-server's installation, so they are new with each image.
    pins = sorted((tree.folder / "etc/ssh").glob("ssh_host_*_key.pub"))
    if not pins:
        raise LabError(f"openssh-server made no host keys in {tree.folder}/etc/ssh, expected at least one")
    host_keys = [path.read_text("utf-8") for path in pins]
    (keys / "host_keys").write_text("".join(host_keys), "utf-8")
    (tree.folder / "root/.ssh").mkdir(mode=0o700, exist_ok=True)
    # As on hosts between which xl migrates: root of each can log in on the other without a prompt.
    for name, text in {
        "authorized_keys": f"{lab_key.public} xenproof-lab\n{root_key.public} root\n",
        "id_ed25519": root_key.private,
        "known_hosts": "".join(f"* {line}" for line in host_keys),
    }.items():
        write(tree.folder / "root/.ssh" / name, RecipeFile(text, 0o600))


def make_disk(recipe: Recipe, tree: RootTree, disk: Path) -> None:
    """Make a raw disk with one ext4 partition that holds the tree; needs neither root nor loop devices."""
    start = 1 << 20
    with disk.open("wb") as out:
        out.truncate(recipe.disk_gib << 30)
    run(["sfdisk", "--quiet", str(disk)], stdin="start=2048, type=83, bootable\n", log=tree.log,
        purpose="partitioning the disk", limit_s=60)  # fmt: skip
    blocks = ((recipe.disk_gib << 30) - start) // 1024
    run(
        tree.as_root(
            require("mke2fs"), "-q", "-t", "ext4", "-L", "dom0-root",
            "-E", f"offset={start},lazy_itable_init=1,lazy_journal_init=1,root_owner=0:0",
            "-d", str(tree.folder), str(disk), f"{blocks}k",
        ),
        log=tree.log, purpose="making the file system", limit_s=300,
    )  # fmt: skip


def write(path: Path, file: RecipeFile) -> None:
    """Write one file of the recipe, with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a" if file.appended else "w", encoding="utf-8") as out:
        out.write(file.content)
    path.chmod(file.mode)


def remove(tree: RootTree) -> None:
    """Remove the tree."""
    shutil.rmtree(tree.folder)
    tree.state.unlink()


def _hooks_of_provenance(used: Path) -> list[str]:
    """Hooks that copy apt's verified Release files, and the names and versions of all packages, into `used`."""
    lists, packages = quoted(str(used / "lists")), quoted(str(used / "packages"))
    return [
        f'mkdir {lists} && cp "$1"/var/lib/apt/lists/*Release {lists}',
        f"dpkg-query --admindir=\"$1/var/lib/dpkg\" -W -f='${{Package}} ${{Version}}\\n' >{packages}",
    ]


def _early_hooks(recipe: Recipe, folder: Path) -> list[str]:
    hooks = []
    for path, file in recipe.early_files.items():
        local = folder / path.replace("/", "_")
        write(local, file)
        # $1 is the tree; mmdebstrap runs each hook with sh.
        hooks.append(f'mkdir -p "$1/{Path(path).parent}"')
        hooks.append(f"upload {local} /{path}")
        hooks.append(f'chmod {file.mode:o} "$1/{path}"')
    return hooks
