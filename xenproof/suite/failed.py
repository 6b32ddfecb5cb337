"""Whether a check has failed, for what looks after it: evidence is kept while its guest is still there."""

from collections.abc import Generator

import pytest

_FAILED = pytest.StashKey[bool]()


def has_failed(item: pytest.Item) -> bool:
    """Whether set-up or call of this test failed."""
    return item.stash.get(_FAILED, False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember it."""
    report = yield
    if report.failed:
        item.stash[_FAILED] = True
    return report
