"""Pairs of ssh keys, made here: an emulated host would take seconds for each."""

from collections.abc import Callable
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as new_ecdsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as new_rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_ssh_private_key,
)

# As ssh-keygen makes them without options.
_MAKERS: dict[str, Callable[[], Ed25519PrivateKey | EllipticCurvePrivateKey | RSAPrivateKey]] = {
    "ed25519": Ed25519PrivateKey.generate,
    "ecdsa": lambda: new_ecdsa(SECP256R1()),
    "rsa": lambda: new_rsa(public_exponent=65537, key_size=3072),
}
KINDS = tuple(_MAKERS)
"""The kinds of host keys that Debian's openssh-server makes, as in the name `ssh_host_KIND_key`."""


@dataclass(frozen=True, slots=True)
class SshKey:
    """A private key without a passphrase and its public half, as in OpenSSH's files."""

    private: str = field(repr=False)
    public: str


def new_key(kind: str = "ed25519") -> SshKey:
    """A new key of one of KINDS."""
    key = _MAKERS[kind]()
    return SshKey(
        key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode(),
        key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode(),
    )


def public_half(private: bytes) -> str:
    """The public key of an OpenSSH private key without a passphrase; raises ValueError for anything else."""
    key = load_ssh_private_key(private, None).public_key()
    return key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
