"""The real program on ::1: what it prints, its probe, its commands, TLS, and workers that share the ports."""

from __future__ import annotations

import signal
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from tests.acceptance.process import Done, Server, run, serving
from tests.support.keys import certificate_for, p256, pem_of
from tests.support.ports import needs_ipv6

pytestmark = needs_ipv6
HERE = {"NOTIFY_LISTEN_HOST": "::1"}


async def healthy(server: Server) -> bool:
    """Whether the operators' port, at the URL it announced, says so."""
    [url] = [word for word in server.announcement.split() if word.startswith("http://")]
    async with httpx.AsyncClient() as http:
        return (await http.get(url)).status_code == 200


async def test_it_says_where_it_listens_and_is_found_there(tmp_path: Path) -> None:
    async with serving(tmp_path, settings=HERE) as server:
        client, internal, metrics = server.ports
        assert server.announcement.splitlines()[:3] == [
            f"  recipients  [::1]:{client}",
            f"  producers   [::1]:{internal}",
            f"  operators   http://[::1]:{metrics}/healthz",
        ]
        assert await server.command("health") == Done(0, "SERVING\n", "")
        assert await healthy(server)
        sent = await run("send", "--to", "ada", "--title", "Hi", "--server", f"[::1]:{internal}")
        assert sent.code == 0, sent.err
        shown = await run("inbox", "--as", "ada", "--server", f"[::1]:{client}")
        assert shown.out.startswith("1 unread")


async def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    async with serving(tmp_path, settings=HERE) as server:
        taken = {"NOTIFY_STORE_DRIVER": "memory", "NOTIFY_CLIENT_PORT": str(server.ports.client)}
        done = await run("serve", env={**server.env, **taken})
        assert done.code == 1
        assert f"error: cannot start: cannot listen on [::1]:{server.ports.client}" in done.err


async def test_with_tls(tmp_path: Path) -> None:
    key, certificate = tmp_path / "tls.key", tmp_path / "tls.crt"
    private = p256()
    key.write_text(pem_of(private))
    certificate.write_bytes(certificate_for(private).public_bytes(Encoding.PEM))
    tls = {
        f"NOTIFY_{port}_TLS_{what}_FILE": str(path)
        for port in ("CLIENT", "INTERNAL")
        for what, path in (("CERT", certificate), ("KEY", key))
    }
    async with serving(tmp_path, settings=HERE | tls) as server:
        trust = ("--ca", str(certificate))
        assert (await server.command("health", *trust)).out == "SERVING\n"
        assert (await server.command("health")).code == 1
        assert (await server.command("send", "--to", "ada", *trust)).code == 0


@pytest.mark.timeout(120)
@pytest.mark.parametrize("host", ["::1", "::"])
async def test_workers_share_the_ports(tmp_path: Path, postgres_dsn: str, host: str) -> None:
    on = {"NOTIFY_STORE_DRIVER": "postgres", "NOTIFY_POSTGRES_DSN": postgres_dsn, "NOTIFY_LISTEN_HOST": host}
    async with serving(tmp_path, "--workers", "2", settings=on) as server:
        assert await healthy(server)
        assert (await server.command("health")).out == "SERVING\n"
        for name in ("127.0.0.1", "[::1]") if host == "::" else ("[::1]",):
            sent = await run("send", "--to", "ada", "--server", f"{name}:{server.ports.internal}")
            assert sent.code == 0, sent.err
        server.signal(signal.SIGTERM)
        assert await server.ended() == 0
