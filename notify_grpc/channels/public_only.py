"""A transport for URLs that strangers chose: it connects to public addresses only.

The address that is checked is the one connected to, so a name that resolves differently a moment later gains nothing.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager

import httpcore
import httpx

from notify_grpc.channels.http import NoAnswer
from notify_grpc.domain.deliveries import ErrorClass
from notify_grpc.ports.provider import Receipt

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_MAX_CONNECTIONS = 200
_KEEP_ALIVE = 50
_KEEP_ALIVE_S = 30.0
_CORE_ERRORS = (
    httpcore.TimeoutException,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.UnsupportedProtocol,
    httpcore.ConnectionNotAvailable,
)


def is_public(address: str) -> bool:
    """Whether an IP address, also one inside an IPv6 transition address, belongs to the public internet."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is None and ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF)
        ip = inner or ip
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


class _PublicBackend(httpcore.AsyncNetworkBackend):
    """Resolves, checks every address, connects to one of them. The URL's host still names the TLS certificate."""

    def __init__(self, allow_loopback: bool) -> None:
        self._allow_loopback = allow_loopback
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        last = httpcore.ConnectError("no address")
        for address in await self._addresses(host, port):
            try:
                return await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
            except httpcore.ConnectError as exc:
                last = exc
        raise last

    async def _addresses(self, host: str, port: int) -> list[str]:
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as exc:
            raise httpcore.ConnectError("the host name does not resolve") from exc
        addresses = [str(info[4][0]) for info in found]
        if not all(self._allowed(address) for address in addresses):
            raise NoAnswer(
                Receipt(
                    ErrorClass.PERMANENT, error_code="forbidden_address", error="the endpoint's address is not public"
                )
            )
        return addresses

    def _allowed(self, address: str) -> bool:
        return is_public(address) or (self._allow_loopback and ipaddress.ip_address(address).is_loopback)


class PublicTransport(httpx.AsyncBaseTransport):
    """An httpx transport over httpcore's pool, whose network backend httpx itself does not let one choose."""

    def __init__(self, *, tls: ssl.SSLContext | None = None, allow_loopback: bool = False) -> None:
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=tls or httpx.create_ssl_context(trust_env=False),
            max_connections=_MAX_CONNECTIONS,
            max_keepalive_connections=_KEEP_ALIVE,
            keepalive_expiry=_KEEP_ALIVE_S,
            network_backend=_PublicBackend(allow_loopback),
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        assert isinstance(request.stream, httpx.AsyncByteStream)
        url = request.url
        with _as_httpx_errors():
            answer = await self._pool.handle_async_request(
                httpcore.Request(
                    request.method,
                    httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
                    headers=request.headers.raw,
                    content=request.stream,
                    extensions=request.extensions,
                )
            )
        return httpx.Response(answer.status, headers=answer.headers, stream=_Body(answer), extensions=answer.extensions)

    async def aclose(self) -> None:
        await self._pool.aclose()


class _Body(httpx.AsyncByteStream):
    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _as_httpx_errors():
            async for part in self._answer.aiter_stream():
                yield part

    async def aclose(self) -> None:
        await self._answer.aclose()


@contextmanager
def _as_httpx_errors() -> Iterator[None]:
    try:
        yield
    except _CORE_ERRORS as exc:
        raise httpx.TransportError(type(exc).__name__) from exc
