"""Boot options: configured and not generated, generated and not booted, an option less, another default."""

import re
from collections.abc import Callable, Iterator

from selftest.mutants.families.grub import with_words, words_of
from selftest.mutants.families.hypervisor import field, with_field
from selftest.mutants.mutation import Case, Maker, Mutation, Mutator
from selftest.mutants.raw import Lines, NotPossible, Raw, put
from selftest.mutants.texts import edit_file, file_lines, paths

HYPERVISOR, KERNEL = "hypervisor", "kernel"
_CMDLINE = "/proc/cmdline"
_NEW = "mutant=1"
# What a generated line has beside the configured options, in the words of GRUB's script for Xen.
_ADDED = re.compile(r"placeholder|ro|rw|root=.*|rootflags=.*|BOOT_IMAGE=.*|\$\{xen_rm_opts\}|no-real-mode|edd=off")
_LOADERS = {
    # multiboot2 /boot/xen-4.17-amd64.gz placeholder loglvl=all
    HYPERVISOR: re.compile(r"(\s*(?:multiboot2?|xen_hypervisor)\s+\S+)(.*)"),
    # module2 /boot/vmlinuz-6.1.0-56-amd64 placeholder root=UUID=4f01 ro quiet
    KERNEL: re.compile(r"(\s*(?:module2?|xen_module)\s+(?:--\S+\s+)*\S*(?:vmlinu|Image)\S*)(.*)"),
}
_VARIABLES = {
    HYPERVISOR: ("GRUB_CMDLINE_XEN_DEFAULT",),
    # Xen's own variables win where they are set.
    KERNEL: ("GRUB_CMDLINE_LINUX_XEN_REPLACE_DEFAULT", "GRUB_CMDLINE_LINUX_DEFAULT"),
}
# For every entry, also that for recovery.
_ALWAYS = {HYPERVISOR: ("GRUB_CMDLINE_XEN",), KERNEL: ("GRUB_CMDLINE_LINUX_XEN_REPLACE", "GRUB_CMDLINE_LINUX")}
# menuentry 'Debian GNU/Linux, with Xen hypervisor' --class debian {
_ENTRY = re.compile(r"\s*menuentry '([^']*)'.*")
_DEFAULT = re.compile(r"(\s*set default=)\"?(?!\$\{next_entry\})[^\"]*\"?\s*")
# Given once; a second one would mean something else.
_ONCE = ("dom0_mem=", "dom0_max_vcpus=")

Change = Callable[[Lines], Lines]


def grub_cfg(host: Raw) -> str:
    """The path of the menu; raises NotPossible if there is none."""
    for path in paths(host):
        if path.endswith("/grub.cfg"):
            return path
    raise NotPossible("there is no grub.cfg")


def in_menu(host: Raw, what: str, change: Change) -> Raw:
    """The host whose grub.cfg gives changed options to the hypervisor or to dom0's kernel, in every entry with Xen."""

    def changed(line: str) -> str:
        found = _LOADERS[what].fullmatch(line)
        return " ".join((found[1], *change(found[2].split()))) if found else line

    return edit_file(host, grub_cfg(host), lambda lines: [changed(line) for line in lines])


def in_configuration(host: Raw, what: str, change: Change) -> Raw:
    """The host that configures changed options."""
    name = next((name for name in _VARIABLES[what] if words_of(host, name)), _VARIABLES[what][-1])
    return with_words(host, name, change(words_of(host, name) or []))


def running(host: Raw, what: str) -> Lines:
    """The options of what runs."""
    if what == HYPERVISOR:
        return field(host, "xen_commandline").split()
    return " ".join(file_lines(host, _CMDLINE)).split()


def in_running(host: Raw, what: str, change: Change) -> Raw:
    """The host that runs with changed options."""
    words = " ".join(change(running(host, what)))
    if what == HYPERVISOR:
        return with_field(host, "xen_commandline", words)
    return edit_file(host, _CMDLINE, lambda _: [words])


def everywhere(host: Raw, what: str, option: str) -> Raw:
    """The host with the option configured, generated and running."""

    def added(words: Lines) -> Lines:
        same = next((prefix for prefix in _ONCE if option.startswith(prefix)), option)
        return [*(word for word in words if not word.startswith(same)), option]

    return in_running(in_menu(in_configuration(host, what, added), what, added), what, added)


def replaced_everywhere(host: Raw, what: str, is_it: Callable[[str], bool], *new: str) -> Raw:
    """The host with `new` instead of some options, wherever they were configured, generated and running."""

    def change(words: Lines) -> Lines:
        return put(words, is_it, *new) if any(map(is_it, words)) else words

    for name in (*_VARIABLES[what], *_ALWAYS[what]):
        if words := words_of(host, name):
            host = with_words(host, name, change(words))
    return in_running(in_menu(host, what, change), what, change)


def own(words: Lines) -> Lines:
    """The options that someone configured."""
    return [word for word in words if not _ADDED.fullmatch(word)]


def _more(words: Lines) -> Lines:
    return [*words, _NEW]


def _without_last(words: Lines) -> Lines:
    last = own(words)[-1:]
    return [word for word in words if word not in last]


def _other_order(words: Lines) -> Lines:
    first, *_, last = own(words)
    return [{first: last, last: first}.get(word, word) for word in words]


def _generated(case: Case) -> Iterator[Mutation]:
    _only_true(case)
    host, what = case.host, case.name
    yield Mutation("an option was configured, and grub.cfg is older", in_configuration(host, what, _more))
    yield Mutation("grub.cfg has an option that is not configured", in_menu(host, what, _more))
    if own(running(host, what)):
        yield Mutation("grub.cfg lacks an option that is configured", in_menu(host, what, _without_last))
    if len(set(own(running(host, what)))) > 1:
        yield Mutation("grub.cfg has the options in another order", in_menu(host, what, _other_order))


def _running(case: Case) -> Iterator[Mutation]:
    _only_true(case)
    host, what = case.host, case.name
    yield Mutation("grub.cfg is newer than what runs", in_menu(in_configuration(host, what, _more), what, _more))
    yield Mutation("what runs has an option that was typed in at boot", in_running(host, what, _more))
    if own(running(host, what)):
        yield Mutation("what runs lacks an option of grub.cfg", in_running(host, what, _without_last))
    if len(set(own(running(host, what)))) > 1:
        yield Mutation("what runs has the options in another order", in_running(host, what, _other_order))


def _has(case: Case) -> Iterator[Mutation]:
    for want in case.expected.names:
        yield Mutation(f"it runs without {want}", in_running(case.host, case.name, _swapped(want)))
        longer = in_running(case.host, case.name, _swapped(want, f"{want}0"))
        yield Mutation(f"it runs with {want}0 instead of {want}", longer)


def _swapped(old: str, *new: str) -> Change:
    return lambda words: [other for word in words for other in (new if word == old else (word,))]


def _default_xen(case: Case) -> Iterator[Mutation]:
    want = case.expected.value is not True
    title = _title(case.host, with_xen=want)
    done = "the default entry loads Xen" if want else "the default entry loads no Xen"
    yield Mutation(done, with_default(case.host, title))
    if (environment := f"{grub_cfg(case.host).rpartition('/')[0]}/grubenv") in paths(case.host):
        saved = with_default(case.host, "${saved_entry}")
        lines = ["# GRUB Environment Block", f"saved_entry={title}", "#" * 40]
        yield Mutation(f"{done}, by grubenv", edit_file(saved, environment, lambda _: lines))
    if title == next(found[1] for line in file_lines(case.host, grub_cfg(case.host)) if (found := _ENTRY.match(line))):
        # GRUB boots the first entry, without a word, where the default names none.
        for entry in ("mutant", "99", "mutant>0"):
            yield Mutation(f"{done}: the default, {entry}, is gone", with_default(case.host, entry))


def with_default(host: Raw, entry: str) -> Raw:
    """The host whose grub.cfg boots this entry by itself."""
    return edit_file(
        host, grub_cfg(host), lambda lines: [_DEFAULT.sub(lambda found: f'{found[1]}"{entry}"', line) for line in lines]
    )


def _title(host: Raw, *, with_xen: bool) -> str:
    """The first entry of the menu's top that loads Xen, or that does not."""
    title = ""
    for line in file_lines(host, grub_cfg(host)):
        if found := _ENTRY.fullmatch(line):
            title = "" if line[:1].isspace() else found[1]
        elif title and re.match(r"\s*(multiboot|xen_hypervisor|linux)", line):
            if with_xen is not line.strip().startswith("linux"):
                return title
            title = ""
    raise NotPossible(f"no entry of grub.cfg boots {'with' if with_xen else 'without'} Xen")


def _only_true(case: Case) -> None:
    if case.expected.value is not True:
        raise NotPossible(f"{case.expected.key} is false: nobody wants options that differ")


def _make_agree(case: Case) -> Raw:
    _only_true(case)
    return case.host


def _make_has(case: Case) -> Raw:
    host = case.host
    for option in case.expected.names:
        if option not in running(host, case.name):
            host = everywhere(host, case.name, option)
    return host


def _make_default(case: Case) -> Raw:
    return with_default(case.host, _title(case.host, with_xen=case.expected.value is True))


MUTATORS: dict[str, Mutator] = {
    "generated": _generated,
    "running": _running,
    "has": _has,
    "default_xen": _default_xen,
}
MAKERS: dict[str, Maker] = {
    "generated": _make_agree,
    "running": _make_agree,
    "has": _make_has,
    "default_xen": _make_default,
}
