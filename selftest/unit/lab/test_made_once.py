"""A folder of the cache: whole or not at all, and made by one of those who ask."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from xenproof.errors import LabError
from xenproof.lab.made_once import made_once

Ask = Callable[[Callable[[Path], object]], Path]


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    """Asks for one and the same folder, to be filled so."""
    return lambda make: made_once(tmp_path / "it", make, need_gib=0.0, purpose="making it")


def write(folder: Path) -> None:
    """Fill the folder."""
    (folder / "content").write_text("whole", "utf-8")


def test_all_who_ask_at_once_get_the_one_that_was_made(ask: Ask) -> None:
    everybody, made = Barrier(4), list[Path]()

    def make(folder: Path) -> None:
        made.append(folder)
        write(folder)

    def one(_: int) -> str:
        everybody.wait(10)
        return (ask(make) / "content").read_text("utf-8")

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(one, range(4))) == ["whole"] * 4
    assert len(made) == 1


@pytest.mark.parametrize("error", [LabError("no"), KeyboardInterrupt()], ids=["an error", "Ctrl-C"])
def test_nothing_is_left_of_one_that_could_not_be_made(ask: Ask, tmp_path: Path, error: BaseException) -> None:
    def make(folder: Path) -> None:
        write(folder)
        raise error

    with pytest.raises(type(error)):
        ask(make)
    assert not any(path.is_dir() for path in tmp_path.iterdir())
    assert (ask(write) / "content").is_file()


def test_what_a_killed_run_left_is_not_in_the_next_one(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "it.building").mkdir()
    (tmp_path / "it.building/half").touch()
    assert [path.name for path in ask(write).iterdir()] == ["content"]


def test_a_file_that_cannot_be_written_is_an_error_that_names_the_work(ask: Ask) -> None:
    with pytest.raises(LabError, match=r"making it in .*it\.building failed: .*No such file"):
        ask(lambda folder: (folder / "no/such").write_text("", "utf-8"))


def test_too_little_room_is_an_error_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"making it needs 1048576\.0 GiB free"):
        made_once(tmp_path / "it", write, need_gib=float(1 << 20), purpose="making it")
    assert not (tmp_path / "it").exists()
