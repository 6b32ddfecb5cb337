"""The menu in grub.cfg: its entries, what they load, and which is the default."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from xenproof.errors import NotEvaluable, ParseError
from xenproof.facts.texts import Texts, parse_texts
from xenproof.probing.family import Family
from xenproof.probing.probes import host_probe
from xenproof.source.probe import ProbeOutput

# menuentry 'Debian GNU/Linux, with Xen hypervisor' --class debian $menuentry_id_option 'xen-gnulinux-simple-4f01' {
_ITEM = re.compile(r"\s*(menuentry|submenu) '((?:[^']|'\\'')*)'(.*)\{\s*")
_ID = re.compile(r"(?:\$menuentry_id_option|--id[ =]) *'?([^' ]+)'?")
# multiboot2 /boot/xen-4.17-amd64.gz placeholder loglvl=all ${xen_rm_opts}
_LOADER = re.compile(r"\s*(multiboot2?|module2?|linux(?:efi|16)?|xen_hypervisor|xen_module)\s+(.*)")
_KERNEL = re.compile(r"(?:\S*/)?(?:vmlinu|linux|kernel|bzImage|Image)[^/]*")
# set default="0"
_DEFAULT = re.compile(r"\s*set default=\"?([^\"]*)\"?\s*")
_SAVED = "${saved_entry}"
# The depth of nested menus; distributions write one level.
_DEEPEST = 16
REMOVAL_OPTIONS = "${xen_rm_opts}"


@dataclass(frozen=True, slots=True)
class MenuEntry:
    """An entry: its title and identity, and the options it passes to Xen (None without Xen) and to Linux.

    `kernel_file` is the path of Linux's file as GRUB uses it; empty without Linux.
    """

    title: str
    id: str
    xen: tuple[str, ...] | None
    kernel: tuple[str, ...] | None
    kernel_file: str = ""


@dataclass(frozen=True, slots=True)
class Submenu:
    """A menu below an entry of the parent menu."""

    title: str
    id: str
    items: tuple["MenuEntry | Submenu", ...]


@dataclass(frozen=True, slots=True)
class GrubMenu:
    """The menu of grub.cfg, and its default as GRUB resolves it."""

    path: str
    items: tuple[MenuEntry | Submenu, ...]
    default: str

    @property
    def entries(self) -> list[MenuEntry]:
        """Every entry, in the order of the file."""
        return list(_flat(self.items))

    @property
    def default_entry(self) -> MenuEntry:
        """The entry that boots by default; raises NotEvaluable if the default is a menu without an entry."""
        return self._default[0]

    @property
    def default_is_there(self) -> bool:
        """Whether the default names an existing entry; false for an entry that was removed or renamed."""
        return self._default[1]

    @property
    def _default(self) -> tuple[MenuEntry, bool]:
        here: Sequence[MenuEntry | Submenu] = self.items
        names = self.default.split(">") if self.default else []
        is_there = True
        while here:
            named = _named(names.pop(0), here) if names else here[0]
            is_there = is_there and named is not None
            # GRUB boots the first entry of a menu if the default names none of its entries.
            item = named or here[0]
            if isinstance(item, MenuEntry):
                return item, is_there
            here = item.items
        raise NotEvaluable(f"the default of {self.path}, {self.default!r}, is a menu without an entry")

    @property
    def xen_entry(self) -> MenuEntry:
        """The default entry if it loads Xen, else the first entry that does; raises NotEvaluable if none does."""
        if (entry := self.default_entry).xen is not None:
            return entry
        found = next((entry for entry in self.entries if entry.xen is not None), None)
        if found is None:
            raise NotEvaluable(f"no entry of {self.path} loads Xen: run grub-mkconfig with Xen installed")
        return found


def _flat(items: Sequence[MenuEntry | Submenu]) -> Iterator[MenuEntry]:
    for item in items:
        if isinstance(item, MenuEntry):
            yield item
        else:
            yield from _flat(item.items)


def _named(name: str, items: Sequence[MenuEntry | Submenu]) -> MenuEntry | Submenu | None:
    if re.fullmatch(r"[0-9]{1,4}", name):
        return items[int(name)] if int(name) < len(items) else None
    return next((item for item in items if name in (item.title, item.id)), None)


def parse_grub_menu(output: ProbeOutput) -> GrubMenu:
    """The menu of the only grub.cfg; raises ParseError if it has no entry or is truncated."""
    return grub_menu(parse_texts(output))


def grub_menu(texts: Texts) -> GrubMenu:
    """The menu in `texts`; raises NotEvaluable if the host has no grub.cfg, ParseError if it has two."""
    paths = [path for path in texts.lines if path.endswith("/grub.cfg")]
    if not paths:
        if why := next((why for path, why in texts.unknown.items() if path.endswith("/grub.cfg")), None):
            raise NotEvaluable(why)
        raise NotEvaluable("there is no grub.cfg on this host where the profile expects it")
    if len(paths) > 1:
        raise ParseError(f"expected one grub.cfg, found {', '.join(sorted(paths))}: name yours in the profile's files")
    lines = texts.of(paths[0])
    items = tuple(_items(iter(lines), paths[0], depth=0))
    if not any(_flat(items)):
        raise ParseError(f"{paths[0]} has no menu entry in {len(lines)} lines")
    return GrubMenu(paths[0], items, _default(texts, paths[0]))


def _items(lines: Iterator[str], path: str, *, depth: int) -> Iterator[MenuEntry | Submenu]:
    if depth > _DEEPEST:
        raise ParseError(f"{path} has menus in one another, more than {_DEEPEST} deep")
    for line in lines:
        if depth and line.strip() == "}":
            return
        if (found := _ITEM.fullmatch(line)) is None:
            continue
        title = found[2].replace("'\\''", "'")
        id_match = _ID.search(found[3])
        id_ = id_match[1] if id_match else title
        if found[1] == "submenu":
            yield Submenu(title, id_, tuple(_items(lines, path, depth=depth + 1)))
        else:
            yield _entry(lines, path, title, id_)
    if depth:
        raise ParseError(f"{path} is cut off inside a menu")


def _entry(lines: Iterator[str], path: str, title: str, id_: str) -> MenuEntry:
    xen: tuple[str, ...] | None = None
    kernel: tuple[str, ...] | None = None
    kernel_file = ""
    for line in lines:
        if line.strip() == "}":
            return MenuEntry(title, id_, xen, kernel, kernel_file)
        if (found := _LOADER.fullmatch(line)) is None:
            continue
        words = tuple(word for word in found[2].split() if not word.startswith("--"))
        if found[1].startswith(("multiboot", "xen_hypervisor")):
            xen = words[1:]
        elif words and kernel is None and (found[1].startswith("linux") or _KERNEL.fullmatch(words[0])):
            kernel_file, *options = words
            kernel = tuple(options)
    raise ParseError(f"{path} is cut off inside the entry {title!r}")


def _default(texts: Texts, path: str) -> str:
    found = [match[1] for line in texts.of(path) if (match := _DEFAULT.fullmatch(line))]
    # The first assignment is that of next_entry, which applies to one boot only.
    lasting = [value for value in found if value != "${next_entry}"]
    if not lasting:
        raise ParseError(f"{path} does not set its default entry")
    if lasting[-1] != _SAVED:
        return lasting[-1]
    environment = texts.of(f"{path.rpartition('/')[0]}/grubenv")
    return next((line.partition("=")[2] for line in environment if line.startswith("saved_entry=")), "0")


GRUB_MENU = Family("grub_menu", host_probe, parse_grub_menu)
