"""The identities with which a user logs in to a host, and the host's answer to each."""

import contextlib
import os
import socket
import stat
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import paramiko

from xenproof.errors import SourceError
from xenproof.source.ssh_transport import reason

_DEFAULT_IDENTITIES = ("~/.ssh/id_ed25519", "~/.ssh/id_ecdsa", "~/.ssh/id_rsa")
# A private key has a few thousand bytes.
_MAX_IDENTITY_BYTES = 1 << 20
_POLL_S = 0.1


def authenticate(
    transport: paramiko.Transport, where: str, user: str, identity: Path | None, limit_s: float, login_limit_s: float
) -> None:
    """Log in with the named identity, else with those of the agent and the user's own.

    Each has `limit_s`, all have `login_limit_s`; if the host does not answer to one, no other is tried.  Raises
    SourceError with the identities that were tried.
    """
    tried: list[str] = []
    deadline = time.monotonic() + login_limit_s
    for name, key in _identities(identity, tried):
        tried.append(name)
        left = min(limit_s, max(0.0, deadline - time.monotonic()))
        answer = _answer(transport, user, key, left)
        if answer is None:
            return
        tried[-1] += f" ({answer.why})" if answer.why else ""
        if answer.timed_out:
            waited_s = limit_s if left == limit_s else login_limit_s
            raise SourceError(
                f"{where} timed out: it did not answer within {waited_s:.4g} s whether it lets {user!r} in; "
                f"identities tried: {', '.join(tried)}. See whether the host is overloaded"
            )
        if answer.is_last:
            break
    what = ", ".join(tried) or "none: no key in the agent and none in ~/.ssh"
    raise SourceError(
        f"{where} does not let {user!r} in; identities tried: {what}. "
        f"Name the right key, or add its public half to ~{user}/.ssh/authorized_keys on the host"
    )


@dataclass(frozen=True, slots=True)
class _No:
    """A rejected identity: `why` is the reason; if `is_last`, trying others is useless."""

    why: str = ""
    is_last: bool = False
    timed_out: bool = False


def _answer(transport: paramiko.Transport, user: str, key: paramiko.PKey, limit_s: float) -> _No | None:
    """The reason why the host rejects one identity, None if it accepts it."""
    deadline = time.monotonic() + limit_s
    answered = threading.Event()
    # paramiko's own wait raises the same exception for a refusal, a time-out and a closed connection.
    try:
        transport.auth_publickey(user, key, event=answered)
        while not answered.wait(_POLL_S) and transport.is_active():
            if time.monotonic() >= deadline:
                return _No(timed_out=True)
        if transport.is_active() and transport.is_authenticated():
            return None
        error: BaseException | None = transport.get_exception()
    except Exception as raised:  # noqa: BLE001  # any error may have ended the transport's thread
        error = raised
    if not transport.is_active():
        # The most common reason: too many keys were tried.
        return _No(f"the host then ended the connection{f': {reason(error)}' if error else ''}", is_last=True)
    if isinstance(error, paramiko.ssh_exception.PartialAuthentication):
        return _No(f"accepted, but the host asks for more: {_kinds(error.allowed_types)}")
    if isinstance(error, paramiko.BadAuthenticationType):
        return _No(f"the host takes no key, only: {_kinds(error.allowed_types)}", is_last=True)
    if error is None or isinstance(error, paramiko.AuthenticationException):
        return _No()
    return _No(reason(error), is_last=True)


def _kinds(names: Sequence[str]) -> str:
    """The login methods that a host names."""
    text = ", ".join(names)
    return text[:100] if text.isprintable() else repr(text[:100])


def _identities(identity: Path | None, tried: list[str]) -> Iterator[tuple[str, paramiko.PKey]]:
    """The named key only, else those of the agent, then the user's own; problems are appended to `tried`."""
    if identity is not None:
        try:
            key = _load(identity.expanduser())
        except SourceError as error:
            raise SourceError(f"cannot use the identity {identity}: {error}") from error
        yield f"{identity} ({key.get_name()})", key
        return
    if _agent_listens():
        try:
            agent = paramiko.Agent()
        except Exception as error:  # noqa: BLE001  # the program behind the socket may answer anything
            tried.append(f"agent (not usable: {reason(error)})")
        else:
            with contextlib.closing(agent):
                for agent_key in agent.get_keys():
                    yield f"agent key {agent_key.get_name()} {agent_key.fingerprint}", agent_key
    for name in _DEFAULT_IDENTITIES:
        try:
            path = Path(name).expanduser()
            if not path.exists():
                continue
            key = _load(path)
        except (OSError, RuntimeError) as error:  # a folder of another user; a user without a home
            tried.append(f"{name} (not usable: {reason(error)})")
            continue
        except SourceError as error:
            tried.append(f"{name} (not usable: {error})")
            continue
        yield name, key


def _agent_listens() -> bool:
    """Whether the agent is running; paramiko would leave a socket open if it is not."""
    with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as sock:
        try:
            sock.connect(os.environ.get("SSH_AUTH_SOCK", ""))
        except (OSError, ValueError):
            return False
    return True


def _load(path: Path) -> paramiko.PKey:
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode) or found.st_size > _MAX_IDENTITY_BYTES:
            problem = "it is no private key: no regular file, or too large"
        else:
            return paramiko.PKey.from_path(path)
    except OSError as error:
        raise SourceError(f"the file cannot be read ({error.strerror})") from error
    except (paramiko.PasswordRequiredException, TypeError) as error:
        raise SourceError("it has a passphrase; add it to an ssh agent instead") from error
    except Exception as error:  # cryptography and its parsers may raise anything
        raise SourceError(f"it is no private key that paramiko reads ({reason(error)})") from error
    raise SourceError(problem)
