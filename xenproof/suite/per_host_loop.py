"""The tests of many hosts, made for one host after the other: all at once they would fill the memory.

pytest collects the tests of the first host.  The tests of each further host are made from those when its turn comes,
go through the same selection (-k, -m, --deselect), and are released when they have run.
"""

import dataclasses
from collections.abc import Iterator, Sequence

import pytest

_NAME = "xenproof-per-host-loop"
# With one of these options, pytest needs the tests of all hosts before the first one runs.
_ALL_AT_ONCE = ("collectonly", "lf", "failedfirst", "newfirst", "stepwise", "usepdb")


class PerHostLoop:
    """Runs the tests collected for the first host on each of the other hosts, too."""

    def __init__(self, urls: Sequence[str]) -> None:
        self._urls = urls
        self._first: list[pytest.Function] | None = None

    @staticmethod
    def add_where_it_fits(config: pytest.Config, urls: Sequence[str]) -> None:
        """Run the tests host by host, where nothing needs them all before the first one runs."""
        if PerHostLoop.fits(config, urls):
            config.pluginmanager.register(PerHostLoop(urls), _NAME)

    @staticmethod
    def fits(config: pytest.Config, urls: Sequence[str]) -> bool:
        """Whether the run examines several hosts in one process, and no argument names a test of a single host."""
        in_workers = hasattr(config, "workerinput") or config.getoption("dist", "no") != "no"
        asked = any(config.getoption(name, False) for name in _ALL_AT_ONCE)
        return len(urls) > 1 and not in_workers and not asked and not any("[" in arg for arg in config.args)

    @staticmethod
    def collected(config: pytest.Config, urls: Sequence[str]) -> Sequence[str]:
        """The hosts for which pytest collects tests: the first where the others follow one after the other, or all."""
        return urls[:1] if config.pluginmanager.has_plugin(_NAME) else urls

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Store the tests of the first host before some of them are deselected."""
        if self._first is None:
            found = (item for item in items if isinstance(item, pytest.Function) and hasattr(item, "callspec"))
            self._first = [item for item in found if item.callspec.params.get("target") == self._urls[0]]

    def pytest_report_collectionfinish(self) -> str:
        """The line that tells the user that further hosts follow."""
        return f"for the first of {len(self._urls)} hosts; the others follow, one after the other"

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Run as pytest's own loop, with the next host's tests ready when those of one host end."""
        if session.testsfailed and not session.config.option.continue_on_collection_errors:
            return None  # pytest's own loop reports it
        done, left = 0, len(self._urls)
        batches = self._batches(session)
        following = next(batches)
        while following or left:
            session.items, following = following, next(batches, [])
            left -= 1
            # The number of the remaining tests is an estimate, for the progress in the terminal.
            session.testscollected = done + len(session.items) + left * len(following)
            for item, nextitem in zip(session.items, [*session.items[1:], *following[:1], None], strict=False):
                session.config.hook.pytest_runtest_protocol(item=item, nextitem=nextitem)
                if session.shouldfail:
                    raise session.Failed(session.shouldfail)
                if session.shouldstop:
                    raise session.Interrupted(session.shouldstop)
            done += len(session.items)
        session.testscollected = done
        return True

    def _batches(self, session: pytest.Session) -> Iterator[list[pytest.Item]]:
        """The tests of each host."""
        yield session.items
        # Without nfplugin, which serves --nf: pytest would store the name of each test on each host, and read them all
        # at each start.
        plugins = session.config.pluginmanager
        known = plugins.get_plugin("nfplugin")
        select = plugins.subset_hook_caller("pytest_collection_modifyitems", [known] if known else [])
        for url in self._urls[1:]:
            items: list[pytest.Item] = [_on(item, self._urls[0], url) for item in self._first or ()]
            select(session=session, config=session.config, items=items)
            yield items


def _on(item: pytest.Function, first: str, url: str) -> pytest.Function:
    """The same test on another host."""
    ids = [url if part == first else part for part in item.callspec._idlist]
    callspec = dataclasses.replace(item.callspec, params={**item.callspec.params, "target": url}, _idlist=ids)
    return pytest.Function.from_parent(
        item.parent,
        name=f"{item.originalname}[{callspec.id}]",
        callspec=callspec,
        fixtureinfo=item._fixtureinfo,
        keywords={callspec.id: True},
        originalname=item.originalname,
    )
