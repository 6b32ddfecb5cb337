"""What a process got of the processors, by the counters of its threads."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from xenproof.run.processor_time import ProcessorClock, read_clock, some_pressure_s

PRESSURE = (
    "some avg10=90.74 avg60=50.47 avg300=21.29 total=15979262853\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=7\n"
)
LIMIT_S = 30.0


def proc_with(folder: Path, threads: dict[int, str], pressure: str | None = PRESSURE) -> Path:
    """A /proc with the process 7, whose threads have these schedstat files."""
    for number, text in threads.items():
        (folder / "7" / "task" / str(number)).mkdir(parents=True)
        (folder / "7" / "task" / str(number) / "schedstat").write_text(text)
    if pressure is not None:
        (folder / "pressure").mkdir()
        (folder / "pressure" / "cpu").write_text(pressure)
    return folder


def test_all_threads_count(tmp_path: Path) -> None:
    clock = read_clock(7, proc_with(tmp_path, {7: "1000000000 2000000000 3\n", 8: "500000000 0 1\n"}))
    assert clock is not None
    span = clock.since(ProcessorClock(clock.at_s - 4.0, {}, 15979.0))
    assert (span.seconds, span.ran_s, span.denied_s) == (4.0, 1.5, 2.0)
    assert span.pressed_s == pytest.approx(0.262853)


def test_only_what_happened_in_the_span_counts() -> None:
    before = ProcessorClock(1.0, {7: (100, 200), 8: (10, 20), 9: (5000000000, 5000000000)}, None)
    # 8 has ended, 10 has begun, and 9 is another thread with the same number.
    now = ProcessorClock(3.0, {7: (1000000100, 200), 9: (10, 0), 10: (0, 1000000000)}, 4.0)
    span = now.since(before)
    assert (span.seconds, span.pressed_s) == (2.0, None)
    assert (span.ran_s, span.denied_s) == pytest.approx((1.0, 1.0))


def test_a_thread_that_ends_while_it_is_read_hides_no_other(tmp_path: Path) -> None:
    # QEMU starts and ends threads for its disks all the time.
    proc = proc_with(tmp_path, {7: "1000000000 2000000000 3\n", 8: "500000000 0 1\n"})
    (proc / "7" / "task" / "8" / "schedstat").unlink()
    (proc / "7" / "task" / "9").symlink_to("gone")
    clock = read_clock(7, proc)
    assert clock is not None
    assert dict(clock.threads) == {7: (1000000000, 2000000000)}


@pytest.mark.parametrize("threads", [{7: "0 0 0\n"}, {7: "0 0 0\n", 8: "0 0 0\n"}])
def test_a_kernel_that_does_not_count_is_none(tmp_path: Path, threads: dict[int, str]) -> None:
    # It prints zeros: without CONFIG_SCHEDSTATS, and where delay accounting is off.
    assert read_clock(7, proc_with(tmp_path, threads)) is None


def test_a_thread_that_has_not_run_yet_is_one(tmp_path: Path) -> None:
    clock = read_clock(7, proc_with(tmp_path, {7: "5 6 1\n", 8: "0 0 0\n"}))
    assert clock is not None
    assert dict(clock.threads) == {7: (5, 6), 8: (0, 0)}


def test_pressure_that_is_switched_off_is_none(tmp_path: Path) -> None:
    # Some kernels have the file, and refuse to read it: EOPNOTSUPP.  A folder is as hard to read.
    proc = proc_with(tmp_path, {7: "1 2 3\n"}, pressure=None)
    (proc / "pressure" / "cpu").mkdir(parents=True)
    clock = read_clock(7, proc)
    assert clock is not None
    assert clock.pressed_s is None


@pytest.mark.parametrize("threads", [{}, {7: ""}, {7: "1 2\n"}, {7: "a b c\n"}, {7: "-1 -2 -3\n"}])
def test_counters_that_cannot_be_read_are_none(tmp_path: Path, threads: dict[int, str]) -> None:
    assert read_clock(7, proc_with(tmp_path, threads)) is None


def test_a_kernel_without_pressure_has_the_other_counters(tmp_path: Path) -> None:
    clock = read_clock(7, proc_with(tmp_path, {7: "1 2 3\n"}, pressure=None))
    assert clock is not None
    assert clock.pressed_s is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (PRESSURE, 15979.262853),
        ("full total=5\nsome avg10=0.00 total=1000000", 1.0),
        ("", None),
        ("some avg10=0.00\n", None),
        ("some total=-5\n", None),
        ("some total=\u0663\n", None),
        (f"some total={'9' * 5000}\n", None),
    ],
)
def test_pressure_is_the_time_in_which_something_waited(text: str, seconds: float | None) -> None:
    assert some_pressure_s(text) == seconds


def test_two_processes_on_one_processor_deny_each_other() -> None:
    busy = "import time\nend = time.monotonic() + 60\nwhile time.monotonic() < end: pass"
    only = min(os.sched_getaffinity(0))
    running = [
        subprocess.Popen([sys.executable, "-c", busy], preexec_fn=lambda: os.sched_setaffinity(0, {only}))
        for _ in range(2)
    ]
    try:
        before = read_clock(running[0].pid)
        deadline = time.monotonic() + LIMIT_S
        while True:
            now = read_clock(running[0].pid)
            assert before is not None
            assert now is not None
            span = now.since(before)
            if span.denied_s > 0.05 and span.ran_s > 0.01:
                break
            assert time.monotonic() < deadline, span
            time.sleep(0.02)  # a poll with the deadline above
        assert span.ran_s + span.denied_s <= span.seconds * 1.5 + 0.1
    finally:
        for process in running:
            process.kill()
            process.wait()
    assert read_clock(running[0].pid) is None
