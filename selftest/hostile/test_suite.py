"""The whole suite as a process, on a list of hosts of which all but one are hostile."""

import contextlib
from functools import partial
from pathlib import Path

from selftest.hostile.commands import (
    BEHAVIOURS,
    drops,
    ends_at_once,
    exits_with,
    huge_packets,
)
from selftest.hostile.logins import BEFORE, ESCAPING, refuses
from selftest.hostile.server import Behaviour, Command, hostile
from selftest.lab.suite import REPOSITORY, Suite

GOOD = REPOSITORY / "selftest/data/recordings/sles12-replica.json"


def says_a_process_id(command: Command) -> None:
    command.announce(b"9" * 5000)
    command.finish(3)


HOSTS = {
    **{name: BEHAVIOURS[name][0] for name in ("5,000 digits of a number", "5,000 digits of a code", "a frame twice")},
    **{name: BEHAVIOURS[name][0] for name in ("another code on stderr", "a greeting")},
    "a process id of 5,000 digits": Behaviour(says_a_process_id),
    "a packet": Behaviour(huge_packets),
    "an end": Behaviour(ends_at_once),
    "a signal": Behaviour(partial(exits_with, b"\x1b[1mKILL")),
    "dropped": Behaviour(drops),
    "password": Behaviour(login=refuses, kinds="password"),
    "an old version": BEFORE["an old version"][0],
    "an unknown packet": BEFORE["an unknown packet"][0],
    "escapes": ESCAPING["escapes in the version string"],
    "reason": ESCAPING["escapes in the reason for no login"],
}


def test_each_hostile_host_is_an_error_of_its_own_and_the_good_one_is_judged(tmp_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        servers = {}
        for number, (name, behaviour) in enumerate(HOSTS.items()):
            folder = tmp_path / f"host{number}"
            folder.mkdir()
            servers[name] = stack.enter_context(hostile(folder, behaviour))
        pins = tmp_path / "pins"
        pins.write_text("".join((server.folder / "known_hosts").read_text() for server in servers.values()))
        good = f"recording://{GOOD}"
        run = Suite(tmp_path / "report").run(
            "--profile=sles12", f"--hosts={','.join([good, *(server.url for server in servers.values())])}",
            f"--known-hosts={pins}", f"--identity={tmp_path / 'host0' / 'id'}", "tests/host",
            limit_s=200,
        )  # fmt: skip
    assert run.exit_status == 6, run.output[-4000:]
    assert "Traceback" not in run.output
    assert "INTERNALERROR" not in run.output
    found = run.verdicts
    of_host = {url: [row for row in found if row.host == url] for url in [good, *(s.url for s in servers.values())]}
    assert len([row for row in of_host[good] if row.outcome == "pass"]) > 20
    for name, server in servers.items():
        assert {row.outcome for row in of_host[server.url]} == {"error"}, name
