"""Makes a certificate authority and a server's certificate, valid for a day, as the files that qemu expects."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

AUTHORITY = "ca-cert.pem"
_HOURS = 24


def certificates(name: str) -> Mapping[str, bytes]:
    """The files of a server that is called `name`: ca-cert.pem, server-cert.pem and server-key.pem."""
    keys = {who: rsa.generate_private_key(public_exponent=65537, key_size=2048) for who in ("ca", "server")}
    authority = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "xenproof")])
    subject = {"ca": authority, "server": x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])}
    now = datetime.now(UTC)
    files: dict[str, bytes] = {}
    for who, key in keys.items():
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject[who])
            .issuer_name(authority)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=_HOURS))  # the host's clock may be wrong
            .not_valid_after(now + timedelta(hours=_HOURS))
            .add_extension(x509.BasicConstraints(ca=who == "ca", path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .sign(keys["ca"], hashes.SHA256())
        )
        files[f"{who}-cert.pem"] = certificate.public_bytes(serialization.Encoding.PEM)
    files["server-key.pem"] = keys["server"].private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    return files
