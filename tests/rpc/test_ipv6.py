"""Both ports on IPv6: loopback alone, or every address of the machine, IPv4's too; in plain text and with TLS."""

from __future__ import annotations

from pathlib import Path

import grpc
from cryptography.hazmat.primitives.serialization import Encoding

from notify_grpc.rpc.tls import TlsFiles
from tests.rpc.service import as_user, read_until, running_service, serves, with_settings
from tests.support.keys import certificate_for, p256, pem_of
from tests.support.ports import needs_ipv6

pytestmark = needs_ipv6


async def test_on_its_loopback_address_everything_works() -> None:
    async with running_service(settings=with_settings(host="::1")) as service:
        stream, _ = await service.listen(as_user("ann"))
        assert (await service.notify("n", "ann")).delivered == 1
        await read_until(stream, "notification")
        stream.cancel()
        for port in service.servers.ports:
            assert not await serves(f"127.0.0.1:{port}")


async def test_on_every_address_ipv4_is_served_too() -> None:
    async with running_service(settings=with_settings(host="::")) as service:
        for port in service.servers.ports:
            assert await serves(f"[::1]:{port}")
            assert await serves(f"127.0.0.1:{port}")


async def test_with_tls(tmp_path: Path) -> None:
    key = p256()
    certificate = certificate_for(key).public_bytes(Encoding.PEM)
    files = TlsFiles(tmp_path / "tls.crt", tmp_path / "tls.key")
    files.key.write_text(pem_of(key))
    files.certificate.write_bytes(certificate)
    trusting = grpc.ssl_channel_credentials(certificate)
    async with running_service(settings=with_settings(host="::1", client_tls=files, internal_tls=files)) as service:
        for port in service.servers.ports:
            assert await serves(f"[::1]:{port}", trusting)
            assert not await serves(f"[::1]:{port}")
