"""Fresh keys and certificates for tests."""

from __future__ import annotations

import ssl
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def p256() -> ec.EllipticCurvePrivateKey:
    """A P-256 key."""
    return ec.generate_private_key(ec.SECP256R1())


def pem_of(key: PrivateKey) -> str:
    """PKCS #8, unencrypted."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def point_of(key: ec.EllipticCurvePrivateKey) -> bytes:
    """The public key, uncompressed (65 bytes)."""
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def base64url(raw: bytes) -> str:
    """Without padding."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def certificate_for(key: PrivateKey) -> x509.Certificate:
    """Self-signed, for localhost, 127.0.0.1 and ::1, valid for an hour around now."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    addresses = [x509.IPAddress(ip_address(address)) for address in ("127.0.0.1", "::1")]
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost"), *addresses]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, SHA256())
    )


@dataclass(frozen=True)
class LoopbackTls:
    """Both ends of a TLS connection to loopback."""

    server: ssl.SSLContext
    client: ssl.SSLContext


def loopback_tls(folder: Path, *alpn: str) -> LoopbackTls:
    """A server context with a fresh certificate, and a client context that trusts nothing else."""
    key = p256()
    certificate = certificate_for(key).public_bytes(Encoding.PEM).decode()
    (folder / "server.pem").write_text(pem_of(key) + certificate)
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(folder / "server.pem")
    if alpn:
        server.set_alpn_protocols(list(alpn))
    return LoopbackTls(server, ssl.create_default_context(cadata=certificate))
