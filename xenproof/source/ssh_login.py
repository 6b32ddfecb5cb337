"""From a host's name to an authenticated ssh transport, with the host's key checked on the way."""

import contextlib
import logging
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import paramiko

from xenproof.errors import HostKeyError, SourceError
from xenproof.source.host_keys import HostKey, HostKeys

KEEPALIVE_S = 15
RETRY_PAUSE_S = 0.2
FIRST_TRY_S = 3.0
THREAD_LIMIT_S = 5.0

# Curve25519 and AES in counter mode are the fastest on a host whose processor is emulated; the rest
# is for hosts that lack them.  CBC, 3DES and MD5 are not offered.
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
_DEFAULT_IDENTITIES = ("~/.ssh/id_ed25519", "~/.ssh/id_ecdsa", "~/.ssh/id_rsa")

# Our errors say what happened; without a handler, logging would print paramiko's tracebacks as well.
logging.getLogger("paramiko").addHandler(logging.NullHandler())


class NotReachable(SourceError):
    """The host does not answer as an ssh server (yet); trying again may help."""


def log_in(
    host: str,
    port: int,
    user: str,
    *,
    identity: Path | None,
    pins: HostKeys,
    connect_limit_s: float,
    retry_until_s: float,
    transport_class: type[paramiko.Transport] = paramiko.Transport,
) -> paramiko.Transport:
    """An authenticated transport to a host whose key is pinned.

    Each try ends after `connect_limit_s`.  Where the host does not answer, new tries begin until
    `retry_until_s` seconds have passed; a wrong key or login is never tried again.  Raises
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
        # A forwarded port may swallow the first tries of a host that boots, a slow host needs a long one.
        limit_s = min(limit_s * 2, connect_limit_s)
    try:
        transport.auth_timeout = connect_limit_s
        _authenticate(transport, place(host, port), user, identity)
        transport.set_keepalive(KEEPALIVE_S)
    except BaseException:
        end(transport)
        raise
    return transport


def end(transport: paramiko.Transport) -> None:
    """Close `transport` and wait until its thread is gone, which paramiko's own `close` does not.

    That thread may be writing a traceback for its log.  Before Python 3.11.8 no two threads may parse source at a time
    (gh-106905), and pytest parses its own to tell of an interrupted run: it would end by a SystemError.
    """
    transport.close()
    if transport.is_alive():
        transport.join(THREAD_LIMIT_S)


def place(host: str, port: int) -> str:
    """`host` and `port` as a reader expects them: `xen1:22`, `[fe80::1]:22`."""
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
            # At the end of its time start_client returns as if all were well; this raises then.
            key = transport.get_remote_server_key()
        except paramiko.ssh_exception.IncompatiblePeer as error:
            if pinned and not any_key:
                # None of the pinned types, perhaps: ask for any key, to show which one the host has.
                end(transport)
                return _shake_hands(host, port, pins, limit_s, transport_class, any_key=True)
            raise SourceError(f"{where} and xenproof share no way to encrypt: {error}; look at its sshd -T") from error
        except (paramiko.SSHException, EOFError, OSError) as error:
            raise NotReachable(
                f"{where} accepts connections but does not answer as an ssh server within {limit_s:g} s "
                f"({_reason(error)}); see whether sshd runs there and is not overloaded"
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
    # Without this each command waits some 40 ms for a delayed acknowledgement.
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
    """The signature algorithms of the pinned key types, so that the host shows a key that is pinned."""
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


def _authenticate(transport: paramiko.Transport, where: str, user: str, identity: Path | None) -> None:
    tried: list[str] = []
    for name, key in _identities(identity, tried):
        tried.append(name)
        try:
            if not transport.auth_publickey(user, key):
                return
            tried[-1] += " (accepted, but the host asks for more)"
        except paramiko.AuthenticationException:
            continue
        except (paramiko.SSHException, EOFError, OSError) as error:
            # Most often: too many keys were tried.
            tried[-1] += f" (the host then ended the connection: {_reason(error)})"
            break
    what = ", ".join(tried) or "none: no key in the agent and none in ~/.ssh"
    raise SourceError(
        f"{where} does not let {user!r} in; identities tried: {what}. "
        f"Name the right key, or add its public half to ~{user}/.ssh/authorized_keys on the host"
    )


def _identities(identity: Path | None, tried: list[str]) -> Iterator[tuple[str, paramiko.PKey]]:
    """The named key only, else those of the agent, then the user's own; problems are noted in `tried`."""
    if identity is not None:
        try:
            key = _load(identity.expanduser())
        except SourceError as error:
            raise SourceError(f"cannot use the identity {identity}: {error}") from error
        yield f"{identity} ({key.get_name()})", key
        return
    with contextlib.closing(paramiko.Agent()) as agent:
        for agent_key in agent.get_keys():
            yield f"agent key {agent_key.get_name()} {agent_key.fingerprint}", agent_key
    for name in _DEFAULT_IDENTITIES:
        path = Path(name).expanduser()
        if not path.exists():
            continue
        try:
            key = _load(path)
        except SourceError as error:
            tried.append(f"{name} (not usable: {error})")
            continue
        yield name, key


def _load(path: Path) -> paramiko.PKey:
    try:
        return paramiko.PKey.from_path(path)
    except OSError as error:
        raise SourceError(f"the file cannot be read ({error.strerror})") from error
    except (paramiko.PasswordRequiredException, TypeError) as error:
        raise SourceError("it has a passphrase; add it to an ssh agent instead") from error
    except (paramiko.SSHException, ValueError) as error:
        raise SourceError(f"it is no private key that paramiko reads ({_reason(error)})") from error


def _reason(error: BaseException) -> str:
    return str(error) or type(error).__name__
