"""What a hostile host does with the script of the probes, by name."""

import time
from collections.abc import Callable
from functools import partial

from paramiko import Message
from paramiko.common import (
    cMSG_CHANNEL_DATA,
    cMSG_CHANNEL_EXTENDED_DATA,
    cMSG_CHANNEL_OPEN,
    cMSG_CHANNEL_REQUEST,
    cMSG_GLOBAL_REQUEST,
    cMSG_IGNORE,
)

from selftest.hostile.server import Behaviour, Command


def silent(command: Command) -> None:
    """Nothing is said, nothing is read."""
    command.wait()


def begins(command: Command) -> None:
    """The start frame, then silence."""
    command.announce()
    mark, count = command.read_script()
    command.both(command.frames(mark, count)[0])
    command.wait()


def one_probe(command: Command) -> None:
    """The first probe, then silence; the same in each round."""
    command.announce()
    mark, count = command.read_script()
    command.both(b"".join(command.frames(mark, count)[:2]))
    command.wait()


def trickles(command: Command) -> None:
    """A byte every now and then, for ever."""
    command.announce()
    mark, count = command.read_script()
    command.both(command.frames(mark, count)[0])
    while not command.ended.wait(0.05):
        command.channel.sendall(b"x")


def greets(command: Command) -> None:
    """What a login shell that is no shell says."""
    command.channel.sendall(b"This account is not available\n")
    command.finish(1)


def greets_and_waits(command: Command) -> None:
    command.channel.sendall(b"Press any key to continue")
    command.wait()


def ends_at_once(command: Command) -> None:
    command.finish(0)


def without_exit_code(command: Command) -> None:
    command.announce()
    mark, count = command.read_script()
    command.both(b"".join(command.frames(mark, count)))
    command.channel.close()


def end_of_output_only(command: Command) -> None:
    """The output ends, the command does not."""
    command.announce()
    mark, count = command.read_script()
    command.both(b"".join(command.frames(mark, count)))
    command.channel.shutdown_write()
    command.wait()


def framed(change: Callable[[list[bytes], bytes], tuple[list[bytes], list[bytes]]], command: Command) -> None:
    """The frames, changed on stdout and on stderr."""
    command.announce()
    mark, count = command.read_script()
    out, err = change(command.frames(mark, count), mark)
    command.channel.sendall(b"".join(out))
    command.channel.sendall_stderr(b"".join(err))
    command.finish()


def _digits(rows: list[bytes], mark: bytes) -> tuple[list[bytes], list[bytes]]:
    row = b"x\n%s %s 0 0\n" % (mark, b"1" + b"0" * 5000)
    return [rows[0], row, *rows[2:]], [rows[0], row, *rows[2:]]


def _digits_of_code(rows: list[bytes], mark: bytes) -> tuple[list[bytes], list[bytes]]:
    row = b"x\n%s 0 %s 0\n" % (mark, b"9" * 5000)
    return [rows[0], row, *rows[2:]], [rows[0], row, *rows[2:]]


def _twice(rows: list[bytes], mark: bytes) -> tuple[list[bytes], list[bytes]]:
    rows = [*rows[:2], rows[1], *rows[2:]]
    return rows, rows


def _swapped(rows: list[bytes], mark: bytes) -> tuple[list[bytes], list[bytes]]:
    rows = [rows[0], rows[2], rows[1], *rows[3:]]
    return rows, rows


def _other_code(rows: list[bytes], mark: bytes) -> tuple[list[bytes], list[bytes]]:
    return rows, [rows[0], rows[1].replace(b" 0 0 0", b" 0 1 0"), *rows[2:]]


def _endless(rows: list[bytes], mark: bytes) -> tuple[list[bytes], list[bytes]]:
    return rows[:-1], rows[:-1]


def floods(command: Command, stderr: bool = False, size: int = 1 << 15) -> None:
    """More output than is accepted."""
    command.announce()
    mark, count = command.read_script()
    command.both(command.frames(mark, count)[0])
    send = command.channel.sendall_stderr if stderr else command.channel.sendall
    while not command.ended.is_set():
        send(b"y" * size)


def floods_both(command: Command) -> None:
    command.announce()
    mark, count = command.read_script()
    command.both(command.frames(mark, count)[0])
    while not command.ended.is_set():
        command.both(b"y" * (1 << 15))


def floods_beyond_the_window(command: Command, kind: int = 0) -> None:
    """Data without any regard to the window: on stdout, stderr (1) or another stream."""
    command.announce()
    body = b"y" * 30_000
    while not command.ended.is_set() and command.transport.is_active():
        message = Message()
        message.add_byte(cMSG_CHANNEL_EXTENDED_DATA if kind else cMSG_CHANNEL_DATA)
        message.add_int(command.channel.remote_chanid)
        if kind:
            message.add_int(kind)
        message.add_string(body)
        command.transport._send_user_message(message)


def huge_packets(command: Command) -> None:
    """A packet of 10 MB, which paramiko's own client would read."""
    message = Message()
    message.add_byte(cMSG_IGNORE)
    message.add_string(b"y" * (10 << 20))
    command.transport._send_user_message(message)
    command.wait()


def asks_for_ever(command: Command) -> None:
    """Requests that want an answer, one after the other."""
    while not command.ended.is_set() and command.transport.is_active():
        message = Message()
        message.add_byte(cMSG_GLOBAL_REQUEST)
        message.add_string("no such request")
        message.add_boolean(True)
        command.transport._send_user_message(message)


def opens_for_ever(command: Command) -> None:
    """Channels that nobody asked for, one after the other."""
    while not command.ended.is_set() and command.transport.is_active():
        message = Message()
        message.add_byte(cMSG_CHANNEL_OPEN)
        message.add_string("forwarded-tcpip")
        for number in (1, 1 << 20, 1 << 15):
            message.add_int(number)
        message.add_string("x" * 20_000)
        command.transport._send_user_message(message)


def exchanges_keys_for_ever(command: Command) -> None:
    """One exchange of keys after the other."""
    while not command.ended.is_set() and command.transport.is_active():
        command.transport.renegotiate_keys()


def begins_to_exchange_keys(command: Command) -> None:
    """An exchange of keys that never goes on."""
    command.announce()
    command.transport._send_kex_init()
    command.transport._parse_kex_init = lambda _: time.sleep(20)
    command.wait()


def reads_nothing(command: Command) -> None:
    """The window is opened wide, and nothing is read from the socket any more."""
    transport = command.transport
    command.announce()
    message = Message()
    message.add_byte(bytes([93]))  # the window of the channel
    message.add_int(command.channel.remote_chanid)
    message.add_int(1 << 30)
    transport._send_user_message(message)
    transport.packetizer.read_message = lambda: (command.ended.wait(20), 1 / 0)
    command.wait()


def announces(process_id: bytes, command: Command) -> None:
    """Another process id than a process may have, then nothing."""
    command.announce(process_id)
    command.wait()


def drops(command: Command) -> None:
    command.announce()
    command.transport.close()


def exits_with(kind: bytes, command: Command) -> None:
    """A signal that does not exist ended the command."""
    message = Message()
    message.add_byte(cMSG_CHANNEL_REQUEST)
    message.add_int(command.channel.remote_chanid)
    message.add_string("exit-signal")
    message.add_boolean(False)
    message.add_string(kind)
    message.add_boolean(False)
    message.add_string("\x1b]0;x\x07")
    message.add_string("en")
    command.transport._send_user_message(message)
    command.channel.close()


SILENCE = "did not end within"
"""What every host that says nothing is told by."""

BEYOND = f"sent more than the .* allowed|{SILENCE}|broke|login shell"

BEHAVIOURS: dict[str, tuple[Behaviour, str]] = {
    "no answer to a channel": (Behaviour(opens=False), "it opened no channel within 1 s"),
    "no answer to a command": (Behaviour(starts=False), "it did not answer within 1 s"),
    "silence": (Behaviour(silent), rf"{SILENCE}.*got 0 of 3 probes, waited for the first frame"),
    "silence behind the first frame": (Behaviour(begins), rf"{SILENCE}.*got 0 of 3 probes, waited for probe 'p0'"),
    "a byte at a time": (Behaviour(trickles), rf"{SILENCE}.*got 0 of 3 probes, waited for probe 'p0'"),
    "a greeting": (Behaviour(greets), "look at the login shell.*account is not available"),
    "a greeting, then silence": (Behaviour(greets_and_waits), rf"look at the login shell.*Press any key.*{SILENCE}"),
    "an end without a word": (Behaviour(ends_at_once), "look at the login shell"),
    "no exit code": (Behaviour(without_exit_code), "without telling its exit code"),
    "an end of output only": (Behaviour(end_of_output_only), r"\A\Z"),
    "5,000 digits of a number": (Behaviour(partial(framed, _digits)), "expected the frame 1 of"),
    "5,000 digits of a code": (Behaviour(partial(framed, _digits_of_code)), "expected the frame 1 of"),
    "a frame twice": (Behaviour(partial(framed, _twice)), "the frame of its probe 0 came twice"),
    "frames in another order": (Behaviour(partial(framed, _swapped)), "expected the frame 1 of"),
    "another code on stderr": (Behaviour(partial(framed, _other_code)), "'0 0 0' on stdout and '0 1 0' on stderr"),
    "a flood": (Behaviour(floods), "more than 16 MiB on stdout.*got 0 of 3 probes|did not end within"),
    "a flood on stderr": (Behaviour(partial(floods, stderr=True)), "more than 16 MiB on stderr|did not end within"),
    "a flood of single bytes": (Behaviour(partial(floods, size=1)), SILENCE),
    "a flood beyond the window": (Behaviour(floods_beyond_the_window), BEYOND),
    "a flood of stderr beyond it": (
        Behaviour(partial(floods_beyond_the_window, kind=1)), BEYOND
    ),
    "a flood of another stream": (Behaviour(partial(floods_beyond_the_window, kind=7)), f"{SILENCE}|broke|no channel"),
    "a huge packet": (Behaviour(huge_packets), f"{SILENCE}|broke while a command ran|did not start a command"),
    "requests without end": (Behaviour(asks_for_ever), f"{SILENCE}|broke"),
    "channels without end": (Behaviour(opens_for_ever), f"{SILENCE}|broke"),
    "new keys without end": (Behaviour(exchanges_keys_for_ever), f"{SILENCE}|broke|did not start"),
    "new keys that never come": (Behaviour(begins_to_exchange_keys), f"{SILENCE}|broke|did not start"),
    "nothing is read": (Behaviour(reads_nothing), f"{SILENCE}|broke"),
    "a process id of 5,000 digits": (Behaviour(partial(announces, b"9" * 5000)), SILENCE),
    "the process id of init": (Behaviour(partial(announces, b"1")), SILENCE),
    "a connection that is dropped": (Behaviour(drops), "broke"),
    "a signal that there is not": (Behaviour(partial(exits_with, b"\x1b[1mKILL")), "login shell|exit code"),
}  # fmt: skip
"""What is wrong with a host, and what reading it says then."""
