"""An ssh transport that a peer can neither flood nor block: limits that paramiko's own transport lacks."""

import contextlib
import logging
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ClassVar

import paramiko
from paramiko.common import (
    MSG_CHANNEL_CLOSE,
    MSG_CHANNEL_DATA,
    MSG_CHANNEL_EXTENDED_DATA,
    MSG_CHANNEL_REQUEST,
    MSG_CHANNEL_WINDOW_ADJUST,
)
from paramiko.packet import Packetizer

from xenproof.errors import SourceError

# OpenSSH accepts no larger packet either.  The peer states the size before it is authenticated.
MAX_PACKET_BYTES = 256 << 10
# RFC 4253 lets a server write lines before its version line, which has 255 characters at most.
MAX_GREETING_BYTES = 16 << 10
THREAD_LIMIT_S = 5.0
_MOST_POSTPONED = 1000
# The messages on an open channel, 93 to 98: its window, data, end of input, close and requests (RFC 4254, section 9).
_OF_A_CHANNEL = range(MSG_CHANNEL_WINDOW_ADJUST, MSG_CHANNEL_REQUEST + 1)
_QUOTED_CHARACTERS = 200

# Our errors report what happened.  paramiko's log quotes the peer without a limit, and has tracebacks of its own;
# pytest would keep all of it in memory for the report of a test.
_LOG = logging.getLogger("paramiko")
_LOG.addHandler(logging.NullHandler())
_LOG.setLevel(logging.CRITICAL)
_LOG.propagate = False


class BoundedPacketizer(Packetizer):
    """Limits the size of packets and of the greeting, and lets the peer start the exchange of new keys."""

    # The limit of OpenSSH's client for AES; its server requests new keys by its own limits.  paramiko would do so
    # every 512 MiB, and the connection is lost if a command of the host ends at that moment (paramiko issue 822).
    REKEY_BYTES = 64 << 30

    def __init__(self, sock: object) -> None:
        super().__init__(sock)  # type: ignore[arg-type]  # the stubs require a socket class
        self._greeting_bytes = 0

    def read_all(self, n: int, check_rekey: bool = False) -> bytes:
        """The data that paramiko reads; raises SSHException if it is more than a packet may have."""
        if not 0 <= n <= MAX_PACKET_BYTES:
            raise paramiko.SSHException(f"it sent a packet of {n} bytes, more than {MAX_PACKET_BYTES}")
        return super().read_all(n, check_rekey)

    def start_handshake(self, timeout: float) -> None:
        """Do nothing: the caller of start_client waits with a limit, and paramiko's timer would delay our exit."""

    def _read_timeout(self, timeout: float) -> bytes:
        if self._greeting_bytes > MAX_GREETING_BYTES:
            raise paramiko.SSHException(f"more than {MAX_GREETING_BYTES} bytes before the end of its version")
        data: bytes = super()._read_timeout(timeout)  # type: ignore[misc]  # the stubs lack it
        self._greeting_bytes += len(data)
        return data


class BoundedTransport(paramiko.Transport):
    """A transport that limits the data in each channel to its window, and that a key exchange never blocks.

    paramiko's thread also sends messages, such as keepalives, and then waits for the end of a key exchange
    that only this same thread could complete.  Here such messages are sent after the exchange.

    That thread closes a channel when the peer does.  Another thread may just then be about to send the end of the
    input, and sshd ends the whole connection for a message of a channel that is closed (paramiko issue 1705).  Here
    nothing is sent on a channel after its close.
    """

    def __init__(self, sock: object) -> None:
        super().__init__(sock, packetizer_class=BoundedPacketizer)  # type: ignore[arg-type]  # as above
        self._postponed: list[paramiko.Message] = []
        # The peer's numbers of the channels that we closed, until it gives a number to another channel.
        self._closed: set[int] = set()

    def _send_user_message(self, data: paramiko.Message) -> None:
        if threading.current_thread() is not self or self.clear_to_send.is_set():
            super()._send_user_message(data)  # type: ignore[misc]  # the stubs lack it
            return
        if len(self._postponed) == _MOST_POSTPONED:
            raise paramiko.SSHException(f"it asked for more than {_MOST_POSTPONED} answers while keys were exchanged")
        self._postponed.append(data)

    def _send_message(self, data: paramiko.Message) -> None:
        # Called with the lock under which messages of channels are sent, so none comes between the two lines below.
        head = data.asbytes()[:5]
        kind, number = head[0], int.from_bytes(head[1:], "big")
        if kind in _OF_A_CHANNEL and number in self._closed:
            return
        super()._send_message(data)  # type: ignore[misc]  # the stubs lack it
        if kind == MSG_CHANNEL_CLOSE:
            self._closed.add(number)

    def _parse_channel_open_success(self, m: paramiko.Message) -> None:
        self._closed.discard(int.from_bytes(m.asbytes()[4:8], "big"))
        super()._parse_channel_open_success(m)  # type: ignore[misc]  # the stubs lack it

    def _parse_newkeys(self, m: paramiko.Message) -> None:
        super()._parse_newkeys(m)  # type: ignore[misc]  # the stubs lack it
        postponed, self._postponed = self._postponed, []
        for message in postponed:
            self._send_user_message(message)


def _data(channel: paramiko.Channel, message: paramiko.Message) -> None:
    if _has_room(channel, message):
        channel._feed(message)  # type: ignore[attr-defined]  # the stubs lack it


def _extended_data(channel: paramiko.Channel, message: paramiko.Message) -> None:
    if _has_room(channel, message):
        channel._feed_extended(message)  # type: ignore[attr-defined]  # the stubs lack it


def _has_room(channel: paramiko.Channel, message: paramiko.Message) -> bool:
    """Whether the channel can still be read; raises if the data exceeds the window, which paramiko does not check."""
    if channel.closed:
        return False
    held = len(channel.in_buffer) + len(channel.in_stderr_buffer)
    if held + len(message.asbytes()) > channel.in_window_size + MAX_PACKET_BYTES:
        raise paramiko.SSHException(f"it sent more than the {channel.in_window_size} bytes that it was allowed to")
    return True


def _channel_request(channel: paramiko.Channel, message: paramiko.Message) -> None:
    """Store the signal that ended a command as a shell does, 128 + N: paramiko drops that message."""
    copy = paramiko.Message(message.asbytes())
    copy.get_int()  # skip the channel number
    kind, _ = copy.get_text(), copy.get_boolean()
    if kind == "exit-signal" and (found := signal.Signals.__members__.get(f"SIG{copy.get_text()}")) is not None:
        channel.exit_status = 128 + int(found)
        channel.status_event.set()
        return
    channel._handle_request(message)  # type: ignore[attr-defined]  # the stubs lack it


class SessionTransport(BoundedTransport):
    """The transport of commands."""

    _channel_handler_table: ClassVar[dict[int, Callable[[paramiko.Channel, paramiko.Message], None]]] = {
        **paramiko.Transport._channel_handler_table,  # type: ignore[attr-defined]  # the stubs lack it
        MSG_CHANNEL_DATA: _data,
        MSG_CHANNEL_EXTENDED_DATA: _extended_data,
        MSG_CHANNEL_REQUEST: _channel_request,
    }


def end(transport: paramiko.Transport) -> None:
    """Close `transport` and wait until its thread has ended, which paramiko's own `close` does not do.

    That thread may be writing a traceback to its log.  Before Python 3.11.8 two threads may not parse source at
    once (gh-106905), and pytest parses source to report an interrupted run: it would end with a SystemError.
    """
    transport.close()
    if transport.is_alive():
        transport.join(THREAD_LIMIT_S)


@contextmanager
def given_up_after(transport: paramiko.Transport, limit_s: float) -> Iterator[threading.Event]:
    """Close `transport` if the context takes longer than `limit_s`; the event is then set.

    A peer that stops reading blocks every write to it, on every channel: only closing ends that.  Raises SourceError
    while Python itself ends: to start a thread would then wait for ever.
    """
    if sys.is_finalizing():
        raise SourceError("this process is ending: its connections end with it")
    ended = threading.Event()

    def give_up() -> None:
        ended.set()
        with contextlib.suppress(Exception):
            transport.close()

    timer = threading.Timer(limit_s, give_up)
    timer.daemon = True
    timer.start()
    try:
        yield ended
    finally:
        timer.cancel()
        timer.join(THREAD_LIMIT_S)


def reason(error: BaseException) -> str:
    """The message of an error, in at most 200 characters, because it may quote the peer."""
    text = str(error) or type(error).__name__
    text = text if text.isprintable() else repr(text)
    return text if len(text) <= _QUOTED_CHARACTERS else text[:_QUOTED_CHARACTERS] + "..."
