"""The HTTP client all providers share: one deadline, one size limit, and a plain answer to "did it go out?"."""

from __future__ import annotations

import asyncio
import json
import logging
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx

from notify_grpc.domain.deliveries import ErrorClass
from notify_grpc.ports.provider import Receipt

MAX_ANSWER_BYTES = 64 * 1024
"""Answers are ids and error codes; whoever sends more is not read further."""

# At DEBUG and INFO these write URLs and headers: device tokens, push endpoints, bearer tokens.
for _library in ("httpx", "httpcore", "hpack"):
    logging.getLogger(_library).setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True)
class Request:
    """What to send. ``headers`` may hold credentials and is kept out of ``repr``, and so is the body."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """A status line and what could be read of the rest."""

    status: int
    headers: httpx.Headers = field(repr=False)
    body: bytes = field(repr=False)
    complete: bool = True
    """False if the body was cut off by the deadline, the connection or the size limit."""

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> Mapping[str, object]:
        """The body as a JSON object; empty if it is none, or not all there."""
        try:
            value = json.loads(self.body) if self.complete else {}
        except (ValueError, RecursionError):
            return {}
        return value if isinstance(value, dict) else {}


class NoAnswer(Exception):
    """No answer to classify; ``receipt`` says what that means: above all, whether the request may have arrived."""

    def __init__(self, receipt: Receipt) -> None:
        super().__init__(receipt.error)
        self.receipt = receipt


class Deadline:
    """The end of an attempt, however many requests it takes and however slowly their bytes arrive."""

    def __init__(self, seconds: float) -> None:
        self.at = asyncio.get_running_loop().time() + seconds


class HttpClient:
    """Pooled connections without redirects, cookies, proxies or environment. ``open`` before use, ``close`` after.

    ``http2`` speaks only HTTP/2, also without TLS (prior knowledge, RFC 9113 §3.3).
    """

    def __init__(
        self,
        *,
        http2: bool = False,
        tls: ssl.SSLContext | None = None,
        make_transport: Callable[[], httpx.AsyncBaseTransport] | None = None,
    ) -> None:
        self._http2 = http2
        self._tls = tls
        self._make_transport = make_transport
        self._client: httpx.AsyncClient | None = None

    async def open(self) -> None:
        """Make the pool; opens no connection. Idempotent."""
        if self._client is None:
            self._client = httpx.AsyncClient(
                http1=not self._http2,
                http2=self._http2,
                verify=self._tls or True,
                transport=self._make_transport() if self._make_transport else None,
                timeout=None,  # each request has a deadline of its own
                follow_redirects=False,
                trust_env=False,
                cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            )

    async def close(self) -> None:
        """Close every connection. Idempotent, safe before open."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def send(self, request: Request, deadline: Deadline) -> Answer:
        """Send once. Raises NoAnswer when no status line came back in time."""
        if self._client is None:
            raise RuntimeError("the provider is not open")
        progress = _Progress()
        # Identity: a compressed answer could be small on the wire and large in memory.
        headers = {"accept-encoding": "identity", **request.headers}
        try:
            async with asyncio.timeout_at(deadline.at):
                async with self._client.stream(
                    request.method,
                    request.url,
                    headers=headers,
                    content=request.body,
                    extensions={"trace": progress.trace},
                ) as response:
                    await progress.read(response)
        except (httpx.HTTPError, TimeoutError) as exc:
            if progress.response is None:
                raise progress.no_answer(exc) from exc
        return progress.answer()


class _Progress:
    """How far one request came."""

    def __init__(self) -> None:
        self.went_out = False
        self.response: httpx.Response | None = None
        self.body = bytearray()
        self.complete = False

    async def trace(self, event: str, info: Mapping[str, object]) -> None:
        """Called by the transport (its documented ``trace`` extension) at each step."""
        if event.endswith("send_request_headers.started"):
            self.went_out = True

    async def read(self, response: httpx.Response) -> None:
        self.response = response
        async for chunk in response.aiter_raw():
            self.body += chunk
            if len(self.body) > MAX_ANSWER_BYTES:
                return
        self.complete = True

    def answer(self) -> Answer:
        assert self.response is not None
        return Answer(self.response.status_code, self.response.headers, bytes(self.body), self.complete)

    def no_answer(self, exc: Exception) -> NoAnswer:
        code = "timeout" if isinstance(exc, TimeoutError) else type(exc).__name__
        if self.went_out:
            return NoAnswer(Receipt(ErrorClass.UNKNOWN_OUTCOME, error_code=code, error="no answer to the request"))
        return NoAnswer(Receipt(ErrorClass.TRANSIENT, error_code=code, error="could not connect"))
