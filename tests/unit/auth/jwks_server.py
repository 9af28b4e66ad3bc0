"""A real HTTP server that publishes keys, counts who asks, and can fail in several ways."""

from __future__ import annotations

import asyncio
import json
from types import TracebackType
from typing import Any, Self

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

RSA_KEY = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
OTHER_RSA_KEY = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
ED_KEY = ed25519.Ed25519PrivateKey.generate()
PRIVATE_KEYS: dict[str, Any] = {"RS256": RSA_KEY, "ES256": EC_KEY, "EdDSA": ED_KEY}


def jwk(algorithm: str, kid: str, key: Any = None, **more: str) -> dict[str, Any]:
    """The public half of a key, as a JWKS lists it."""
    public = (key or PRIVATE_KEYS[algorithm]).public_key()
    described = json.loads(jwt.get_algorithm_by_name(algorithm).to_jwk(public))
    return {**described, "kid": kid, "use": "sig", **more}


class JwksServer:
    """Serves ``keys`` at ``url``. ``status``, ``raw_body`` and ``hold`` make it fail or wait; ``requests`` counts."""

    def __init__(self, *keys: dict[str, Any]) -> None:
        self.keys = list(keys)
        self.requests = 0
        self.status = 200
        self.raw_body: bytes | None = None
        self.hold = asyncio.Event()
        self.hold.set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self.hold.set()
        self._server.close()
        await self._server.wait_closed()

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/keys"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.requests += 1
        await self.hold.wait()
        body = json.dumps({"keys": self.keys}).encode() if self.raw_body is None else self.raw_body
        head = f"HTTP/1.1 {self.status} Whatever\r\ncontent-length: {len(body)}\r\nconnection: close\r\n"
        writer.write(f"{head}location: {self.url}\r\n\r\n".encode() + body)
        writer.close()
