"""What the probes would have printed on the host of an image, section by section, as far as its files show it."""

import posixpath
import re
from dataclasses import dataclass
from functools import cached_property

from xenproof.errors import NotEvaluable, SourceError, XenproofError
from xenproof.facts.offline_recording import SectionWriter
from xenproof.image.accounts import Accounts, read_accounts
from xenproof.image.dpkg import STATUS, dpkg_packages
from xenproof.image.dpkg_integrity import DpkgIntegrity
from xenproof.image.fstab import declared_filesystem
from xenproof.image.kernel import kernel_release
from xenproof.image.leftovers import guest_configs, managed_domains
from xenproof.image.node import is_directory, is_file
from xenproof.image.path_lookup import PathLookup, look_up
from xenproof.image.rpm.database import rpm_packages
from xenproof.image.rpm.integrity import RpmIntegrity
from xenproof.image.tree import Tree
from xenproof.image.unit_files import show_unit
from xenproof.image.unknowable import unknowable_writer
from xenproof.probing.probes import (
    KERNEL_CONFIG_CONTROL,
    RC_PATTERN,
    TAIL_BYTES,
    TEXT_PATTERNS,
    command_names,
    image_paths,
    section_name,
    stat_paths,
    tail_paths,
    text_paths,
    unit_names,
)
from xenproof.profile.profile import Profile
from xenproof.source.gather import MAX_BYTES

# The folders in which a command is searched: root's usual PATH.
PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
_EXECUTABLE = 0o111
# The limit for a running host: the output of all its probes.
MOST_KEPT_BYTES = MAX_BYTES
_MOST_TEXTS_BYTES = MAX_BYTES // 2


@dataclass(frozen=True)
class ImageSections:
    """The sections of the probes of a profile, read from an image."""

    tree: Tree
    profile: Profile

    def writer(self, name: str) -> SectionWriter:
        """The writer of the section with that name; it raises SourceError if all sections exceed the limit together."""
        write = self._writer(name)
        return lambda: self._kept(write())

    def _kept(self, text: str) -> str:
        self.tree.budget.take("bytes of text", len(text.encode("utf-8", "replace")), MOST_KEPT_BYTES)
        return text

    def _writer(self, name: str) -> SectionWriter:
        writers: dict[str, SectionWriter] = {
            "packages": self._packages,
            "commands": self._commands,
            "reader": lambda: "root\n",
            "release": lambda: f"{self.release}\n",
            "show": self._units,
            "rc": self._start_links,
            "text-list": lambda: self._texts[0].listing(),
            "text": lambda: self._texts[1],
            "stat-list": lambda: self._stats.listing(),
            "stat": self._stat_rows,
            "df-list": lambda: self._filesystems[0].listing(),
            "df": lambda: self._filesystems[1],
            "image-devices": self._volumes,
            "image-flags": self._flags,
            "kernel-config": self._kernel_config,
            "integrity": lambda: self._integrity.verified() if self._integrity else "none\n",
            "owners": lambda: self._integrity.owners() if self._integrity else "",
            "leftovers": lambda: guest_configs(self.tree),
            "managed": lambda: managed_domains(self.tree),
        }
        tails = {f"tail:{section_name(path)}": path for path in tail_paths(self.profile)}
        if name in tails:
            return lambda: self._tail(tails[name])
        return writers.get(name) or unknowable_writer(name)

    def command(self, name: str) -> str:
        """The path of a command, empty if it is not on the PATH.

        Raises NotEvaluable if it could only be in a folder whose content is unknown.
        """
        unknown: NotEvaluable | None = None
        for folder in PATH:
            try:
                found = self.tree.find(posixpath.join(folder, name))
            except NotEvaluable as error:
                unknown = unknown or error
                continue
            if found is not None and is_file(found.node) and found.node.mode & _EXECUTABLE:
                return posixpath.join(folder, name)
        if unknown is not None:
            raise unknown
        return ""

    @property
    def release(self) -> str:
        """The release of the kernel that the image would boot; raises NotEvaluable if that is unclear."""
        if isinstance(self._release, XenproofError):
            raise type(self._release)(self._release)
        return self._release

    @cached_property
    def _release(self) -> str | XenproofError:
        """The release, or the reason why it is unknown; cached, because the search may go over ten thousand kernels."""
        try:
            return kernel_release(self.tree, [path for path in text_paths(self.profile) if path.endswith("/grub.cfg")])
        except XenproofError as error:
            return error

    @cached_property
    def _accounts(self) -> Accounts:
        return read_accounts(self.tree)

    def _packages(self) -> str:
        found = dpkg_packages(self.tree) or rpm_packages(self.tree)
        if found is None:
            raise SourceError("the image has neither a database of dpkg nor one of rpm")
        return found

    def _commands(self) -> str:
        return "".join(f"{name} {self.command(name)}\n" for name in command_names(self.profile))

    def _units(self) -> str:
        return "\n".join(show_unit(self.tree, name) for name in unit_names(self.profile))

    def _start_links(self) -> str:
        return "".join(f"{path}\n" for path in self.tree.matching(RC_PATTERN) or [RC_PATTERN])

    @cached_property
    def _texts(self) -> tuple[PathLookup, str]:
        """The state of the paths, and the lines of each existing file as 'grep -H' prints them."""
        paths = text_paths(self.profile)
        for pattern in TEXT_PATTERNS:
            try:
                paths += self.tree.matching(pattern) or [pattern]
            except NotEvaluable:
                paths.append(pattern)  # the lookup gives the reason
        found = look_up(self.tree, paths, lambda: self.release, is_file)
        lookup, rows = found.without_there(), []
        left = _MOST_TEXTS_BYTES
        for path, place in found.there.items():
            try:
                lines = self.tree.lines(place.path) or ()
            except NotEvaluable as error:
                lookup.add_unknown(path, str(error))
                continue
            if (size := sum(map(len, lines)) + len(lines) * (len(path) + 2)) > left:
                lookup.add_unknown(
                    path, f"{path} has more text than is left of {_MOST_TEXTS_BYTES} bytes for all texts"
                )
                continue
            left -= size
            lookup.add_there(path, place)
            rows += [f"{path}:{line}\n" for line in lines]
        return lookup, "".join(rows)

    @cached_property
    def _stats(self) -> PathLookup:
        lookup = look_up(self.tree, stat_paths(self.profile), lambda: self.release, follow=False)
        # The program that writes a log may never have run yet.
        logs = set(self.profile.entries("logs")) - set(self.profile.entries("files"))
        return lookup.with_unknown(logs, "the image has no {}: what writes it may never have run there")

    def _stat_rows(self) -> str:
        there = self._stats.there.items()
        return "".join(f"{found.node.mode:x} {self._accounts.owner(found.node)} {path}\n" for path, found in there)

    @cached_property
    def _filesystems(self) -> tuple[PathLookup, str]:
        """The state of the directories, and their rows as 'df -PT' prints them, without any numbers."""
        found = look_up(self.tree, image_paths(self.profile), lambda: self.release, is_directory)
        lookup, rows = found.without_there(), []
        for path, place in found.there.items():
            if filesystem := place.node.filesystem or declared_filesystem(self.tree, place.path):
                lookup.add_there(path, place)
                rows.append(f"image {filesystem} - - - - {path}\n")
            else:
                lookup.add_unknown(path, f"neither the image nor its fstab tells the file system of {path}")
        header = ["Filesystem Type 1024-blocks Used Available Capacity Mounted on\n"] if rows else []
        return lookup, "".join(header + rows)

    def _volumes(self) -> str:
        """A number for each file system or subvolume, as 'stat' prints the numbers of devices."""
        nodes = {"/": self.tree.root} | {path: found.node for path, found in self._filesystems[0].there.items()}
        if not all(node.volume for node in nodes.values()):
            raise NotEvaluable("a root directory does not tell which file systems or subvolumes it was made of")
        numbers: dict[str, int] = {}
        for node in nodes.values():
            numbers.setdefault(node.volume, len(numbers) + 1)
        return "".join(f"{numbers[node.volume]} {path}\n" for path, node in nodes.items())

    def _flags(self) -> str:
        """The flags of each directory as 'lsattr' prints them, limited to those that are used."""
        there = self._filesystems[0].there.items()
        return "".join(
            f"{'---------------C------' if found.node.no_cow else '-' * 22} {path}\n" for path, found in there
        )

    def _kernel_config(self) -> str:
        if (lines := self.tree.lines(path := f"/boot/config-{self.release}")) is None:
            raise NotEvaluable(f"the image has no {path}")
        wanted = "|".join(map(re.escape, [KERNEL_CONFIG_CONTROL, *self.profile.entries("kernel_config")]))
        option = re.compile(rf"(# )?({wanted})[= ]")
        return "".join(f"{line}\n" for line in lines if option.match(line))

    @cached_property
    def _integrity(self) -> DpkgIntegrity | RpmIntegrity | None:
        """The files of the packages that the profile names, None if it names none."""
        if not (names := tuple(self.profile.entries("integrity"))):
            return None
        if self.tree.file(STATUS) is not None:
            return DpkgIntegrity(self.tree, names)
        return RpmIntegrity(self.tree, names, self._accounts)

    def _tail(self, path: str) -> str:
        if (node := self.tree.file(path)) is None:
            raise NotEvaluable(f"the image has no log {path}")
        start = max(0, node.size - TAIL_BYTES)
        return node.read(start, TAIL_BYTES).decode("utf-8", "replace")
