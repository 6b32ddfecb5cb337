"""Whether a check has failed, for its teardown: evidence is collected while the guest still exists."""

from collections.abc import Generator

import pytest

_FAILED = pytest.StashKey[bool]()


def has_failed(item: pytest.Item) -> bool:
    """Whether set-up or call of this test failed."""
    return item.stash.get(_FAILED, False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note for the item that a phase failed."""
    report = yield
    if report.failed:
        item.stash[_FAILED] = True
    return report
