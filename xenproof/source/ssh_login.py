"""Connects to a host by name, checks its key and logs in: the result is an authenticated ssh transport."""

import socket
import time
from pathlib import Path

import paramiko

from xenproof.errors import HostKeyError, SourceError
from xenproof.source.host_keys import HostKey, HostKeys
from xenproof.source.ssh_auth import authenticate
from xenproof.source.ssh_transport import BoundedTransport, end, given_up_after, reason

KEEPALIVE_S = 15
RETRY_PAUSE_S = 0.2
FIRST_TRY_S = 3.0

# Curve25519 and AES in counter mode are the fastest on a host with an emulated processor; the other algorithms
# are for hosts without them.  CBC, 3DES and MD5 are not offered.
_KEX = (
    "curve25519-sha256@libssh.org",
    "mlkem768x25519-sha256",
    "ecdh-sha2-nistp256",
    "ecdh-sha2-nistp384",
    "ecdh-sha2-nistp521",
    "diffie-hellman-group14-sha256",
    "diffie-hellman-group-exchange-sha256",
)
_CIPHERS = ("aes128-ctr", "aes192-ctr", "aes256-ctr", "aes128-gcm@openssh.com", "aes256-gcm@openssh.com")
_DIGESTS = ("hmac-sha2-256-etm@openssh.com", "hmac-sha2-256", "hmac-sha2-512-etm@openssh.com", "hmac-sha2-512")


class NotReachable(SourceError):
    """The host does not answer as an ssh server (yet); a retry may help."""


def log_in(
    host: str,
    port: int,
    user: str,
    *,
    identity: Path | None,
    pins: HostKeys,
    connect_limit_s: float,
    retry_until_s: float,
    login_limit_s: float = 120.0,
    transport_class: type[paramiko.Transport] = BoundedTransport,
) -> paramiko.Transport:
    """An authenticated transport to a host whose key is pinned.

    Each try has `connect_limit_s`, and so does each identity; all identities together have `login_limit_s`.
    While the host does not answer, new tries begin until
    `retry_until_s` seconds have passed; a wrong key or a refused login is never retried.  Raises
    HostKeyError or SourceError.
    """
    deadline = time.monotonic() + retry_until_s
    limit_s = min(FIRST_TRY_S, connect_limit_s) if retry_until_s else connect_limit_s
    while True:
        try:
            transport = _shake_hands(host, port, pins, limit_s, transport_class)
            break
        except NotReachable as error:
            if time.monotonic() + RETRY_PAUSE_S >= deadline:
                if retry_until_s:
                    raise NotReachable(f"{error}; tried again for {retry_until_s:g} s") from error
                raise
        time.sleep(RETRY_PAUSE_S)
        # A forwarded port may swallow the first tries while a host boots; a slow host needs a long try.
        limit_s = min(limit_s * 2, connect_limit_s)
    try:
        with given_up_after(transport, login_limit_s + connect_limit_s):
            authenticate(transport, place(host, port), user, identity, connect_limit_s, login_limit_s)
        transport.set_keepalive(KEEPALIVE_S)
    except BaseException:
        end(transport)
        raise
    return transport


def place(host: str, port: int) -> str:
    """`host` and `port` in the usual notation: `xen1:22`, `[fe80::1]:22`."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _shake_hands(
    host: str,
    port: int,
    pins: HostKeys,
    limit_s: float,
    transport_class: type[paramiko.Transport],
    any_key: bool = False,
) -> paramiko.Transport:
    where = place(host, port)
    pinned = pins.pinned(host, port)
    transport = _transport(_socket(host, port, limit_s), limit_s, transport_class)
    try:
        if pinned and not any_key:
            transport.get_security_options().key_types = _algorithms(pinned)
        try:
            transport.start_client(timeout=limit_s)
            # After a time-out start_client returns without an error; this call raises then.
            key = transport.get_remote_server_key()
        except paramiko.ssh_exception.IncompatiblePeer as error:
            if pinned and not any_key:
                # The host may have none of the pinned types: accept any key, to report which one the host has.
                end(transport)
                return _shake_hands(host, port, pins, limit_s, transport_class, any_key=True)
            raise SourceError(
                f"{where} and xenproof share no way to encrypt: {reason(error)}; look at its sshd -T"
            ) from error
        except Exception as error:  # any error may have ended the transport's thread
            raise NotReachable(
                f"{where} accepts connections but does not answer as an ssh server within {limit_s:g} s "
                f"({reason(error)}); see whether sshd runs there and is not overloaded"
            ) from error
        _check(HostKey(key.get_name(), key.asbytes()), pinned, host, port, pins)
    except BaseException:
        end(transport)
        raise
    return transport


def _socket(host: str, port: int, limit_s: float) -> socket.socket:
    where = place(host, port)
    try:
        sock = socket.create_connection((host, port), limit_s)
    except socket.gaierror as error:
        raise NotReachable(
            f"the host name {host!r} is unknown ({error.strerror}); check its spelling or DNS"
        ) from error
    except ConnectionRefusedError as error:
        raise NotReachable(
            f"{where} refuses connections: nothing listens on port {port}; see whether sshd runs there"
        ) from error
    except TimeoutError as error:
        raise NotReachable(
            f"{where} did not answer within {limit_s:g} s; see whether the host is up and no firewall is in between"
        ) from error
    except OSError as error:
        raise NotReachable(
            f"{where} cannot be reached ({error.strerror}); check the address and the network"
        ) from error
    # Without this each command waits about 40 ms for a delayed acknowledgement.
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def _transport(sock: socket.socket, limit_s: float, transport_class: type[paramiko.Transport]) -> paramiko.Transport:
    try:
        transport = transport_class(sock)
    except BaseException:
        sock.close()
        raise
    transport.banner_timeout = limit_s
    transport.handshake_timeout = limit_s
    options = transport.get_security_options()
    known = set(options.kex)
    options.kex = tuple(name for name in _KEX if name in known)
    options.ciphers = _CIPHERS
    options.digests = _DIGESTS
    return transport


def _algorithms(pinned: list[HostKey]) -> tuple[str, ...]:
    """The signature algorithms of the pinned key types, so that the host sends a pinned key."""
    names: list[str] = []
    for key in pinned:
        names += ["rsa-sha2-512", "rsa-sha2-256"] if key.type == "ssh-rsa" else [key.type]
    known = paramiko.Transport._key_info  # type: ignore[attr-defined]  # the stubs lack it
    return tuple(name for name in dict.fromkeys(names) if name in known) or tuple(known)


def _check(key: HostKey, pinned: list[HostKey], host: str, port: int, pins: HostKeys) -> None:
    if key in pinned:
        return
    pin = pins.pin_command(host, port, key)
    if not pinned:
        raise HostKeyError(
            f"the key of {place(host, port)} is unknown: {key.type} with fingerprint {key.fingerprint}; "
            f"compare it with `ssh-keygen -lf` on the host's console, then pin it with: {pin}"
        )
    raise HostKeyError(
        f"the key of {place(host, port)} has CHANGED: expected {' or '.join(map(str, pinned))}, found {key}; "
        "somebody may be in between. Only if the host was installed anew: "
        f"{pins.forget_command(host, port)} && {pin}"
    )
