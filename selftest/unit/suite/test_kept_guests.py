"""Guests of failed checks that the user wants to look at."""

from pathlib import Path

import pytest

from xenproof.errors import UsageError
from xenproof.source.address import parse_urls
from xenproof.suite.kept_guests import check_keepable, kept


def test_a_lab_host_keeps_nothing_and_says_so_before_anything_is_touched() -> None:
    with pytest.raises(UsageError, match="lab://debian12: a lab host ends with its run"):
        check_keepable(parse_urls("ssh://root@xen1,lab://debian12"))
    check_keepable(parse_urls("ssh://root@xen1,local://"))


def test_what_was_kept_is_said_line_by_line(tmp_path: Path) -> None:
    assert kept(tmp_path) == ()
    (tmp_path / "kept-guests").write_text("kept on ssh://root@xen1: a\nkept on ssh://root@xen1: b\n", "utf-8")
    assert kept(tmp_path) == ("kept on ssh://root@xen1: a", "kept on ssh://root@xen1: b")
