"""The keys of xl.conf: one that this xl does not know."""

from collections.abc import Iterator

from selftest.mutants.families.xl_conf import XL_CONF, with_setting
from selftest.mutants.mutation import Case, Maker, Mutation, Mutator
from selftest.mutants.raw import Raw
from selftest.mutants.texts import edit_file


def _known(case: Case) -> Iterator[Mutation]:
    yield Mutation("it sets a key that no xl knows", with_setting(case.host, "mutant_key", "1"))
    for known in case.expected.names:
        if (misspelt := f"{known}s") not in case.expected.names:
            yield Mutation(f"it sets {misspelt}, a letter too many", with_setting(case.host, misspelt, "1"))


def _make_known(case: Case) -> Raw:
    def is_known(line: str) -> bool:
        name, equals, _ = line.partition("=")
        return not equals or line.startswith("#") or name.strip() in case.expected.names

    return edit_file(case.host, XL_CONF, lambda lines: [line for line in lines if is_known(line)])


MUTATORS: dict[str, Mutator] = {"known": _known}
MAKERS: dict[str, Maker] = {"known": _make_known}
