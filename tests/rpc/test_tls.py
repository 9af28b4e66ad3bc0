"""TLS and mutual TLS on both ports, from files that change while the servers run."""

from __future__ import annotations

import datetime
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2_grpc import HealthStub

from notify_grpc.domain.errors import FailedPrecondition
from notify_grpc.rpc.tls import ReloadingCredentials, TlsFiles
from tests.rpc.service import Service, refusal, running_service, serves, with_settings

HOST = "localhost"


class Authority:
    """Signs certificates, as a company's own authority would."""

    def __init__(self, name: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.certificate = self._sign(self._name, self._key.public_key(), authority=True)

    def issue(self, name: str) -> tuple[bytes, bytes]:
        """A key and its certificate, as PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return pem, self._sign(subject, key.public_key())

    def _sign(self, subject: x509.Name, key: ec.EllipticCurvePublicKey, *, authority: bool = False) -> bytes:
        now = datetime.datetime.now(datetime.UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return certificate.public_bytes(serialization.Encoding.PEM)


@pytest.fixture
def authority() -> Authority:
    return Authority("ours")


@pytest.fixture
def files(tmp_path: Path, authority: Authority) -> TlsFiles:
    """The server's files, signed by our authority, which also signs clients."""
    files = TlsFiles(tmp_path / "tls.crt", tmp_path / "tls.key", tmp_path / "ca.crt")
    write(files, authority.issue(HOST))
    assert files.client_ca is not None
    files.client_ca.write_bytes(authority.certificate)
    return files


def write(files: TlsFiles, issued: tuple[bytes, bytes]) -> None:
    key, certificate = issued
    files.key.write_bytes(key)
    files.certificate.write_bytes(certificate)


@asynccontextmanager
async def secured(files: TlsFiles) -> AsyncIterator[Service]:
    settings = with_settings(client_tls=files, internal_tls=files)
    async with running_service(settings=settings) as service:
        yield service


async def reaches(port: int, trust: bytes, identity: tuple[bytes, bytes] | None = None) -> bool:
    """Whether a new connection gets an answer."""
    key, certificate = identity or (None, None)
    credentials = grpc.ssl_channel_credentials(trust, key, certificate)
    return await serves(f"{HOST}:{port}", credentials)


async def test_tls_on_both_ports(files: TlsFiles, authority: Authority) -> None:
    async with secured(TlsFiles(files.certificate, files.key)) as service:
        for port in service.servers.ports:
            assert await reaches(port, authority.certificate)
            assert not await reaches(port, Authority("another").certificate)


async def test_a_plain_connection_gets_nothing_from_a_tls_port(files: TlsFiles) -> None:
    async with secured(TlsFiles(files.certificate, files.key)) as service:
        health: Any = HealthStub(service.client_channel)
        error = await refusal(health.Check(health_pb2.HealthCheckRequest(), timeout=10))
        assert error.code() is grpc.StatusCode.UNAVAILABLE


async def test_mutual_tls_asks_for_a_certificate_of_the_authority(files: TlsFiles, authority: Authority) -> None:
    async with secured(files) as service:
        port = service.servers.ports.internal
        assert await reaches(port, authority.certificate, authority.issue("producer"))
        assert not await reaches(port, authority.certificate)
        assert not await reaches(port, authority.certificate, Authority("another").issue("producer"))


async def test_renewed_files_serve_the_next_connection(files: TlsFiles, authority: Authority) -> None:
    async with secured(TlsFiles(files.certificate, files.key)) as service:
        port = service.servers.ports.client
        assert await reaches(port, authority.certificate)
        successor = Authority("next")
        write(files, successor.issue(HOST))
        assert await reaches(port, successor.certificate)
        assert not await reaches(port, authority.certificate)


async def test_renewed_client_authority(files: TlsFiles, authority: Authority) -> None:
    async with secured(files) as service:
        port, successor = service.servers.ports.internal, Authority("next")
        assert files.client_ca is not None
        files.client_ca.write_bytes(successor.certificate)
        assert await reaches(port, authority.certificate, successor.issue("producer"))
        assert not await reaches(port, authority.certificate, authority.issue("producer"))


async def test_files_that_do_not_belong_together_change_nothing(
    files: TlsFiles, authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    async with secured(TlsFiles(files.certificate, files.key)) as service:
        port = service.servers.ports.client
        key, certificate = authority.issue(HOST)
        files.certificate.write_bytes(certificate)
        for _ in range(2):
            assert await reaches(port, authority.certificate)
        assert [r.message for r in caplog.records].count("changed TLS files cannot be used") == 1
        files.key.write_bytes(key)
        assert await reaches(port, authority.certificate)
        files.key.unlink()
        assert await reaches(port, authority.certificate)


def test_files_that_cannot_be_used_refuse_to_start(files: TlsFiles, authority: Authority) -> None:
    files.key.write_bytes(authority.issue(HOST)[0])
    with pytest.raises(FailedPrecondition, match="TLS cannot use"):
        ReloadingCredentials(files).credentials()
    files.key.unlink()
    with pytest.raises(FailedPrecondition, match="TLS cannot use"):
        ReloadingCredentials(files).credentials()
