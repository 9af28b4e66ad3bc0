"""/healthz, /metrics and /callbacks/<provider> on one port, for operators and providers; never for recipients."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol

from aiohttp import web

from notify_grpc.domain.errors import NotifyError, Unauthenticated
from notify_grpc.http.listener import MAX_BODY, Listener
from notify_grpc.ports.store import AWAY, Report

log = logging.getLogger(__name__)


class Callbacks(Protocol):
    """One provider's receiving end; channels.callbacks has them."""

    @property
    def provider(self) -> str: ...

    async def verify_and_parse(self, headers: Mapping[str, str], url: str, body: bytes) -> list[Report]: ...

    def challenge(self, url: str) -> str | None: ...


class HttpServer:
    """Plain HTTP, cluster-only by configuration.

    ``health`` gives (healthy, details) for /healthz, ``metrics`` the body and content type of /metrics for an Accept
    header, ``snapshot`` the numbers for a supervisor; ``apply`` takes each verified report. ``base_url`` is how
    providers call this port (signatures cover it).
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        health: Callable[[], tuple[bool, Mapping[str, Any]]],
        metrics: Callable[[str], tuple[bytes, str]],
        snapshot: Callable[[], str] | None = None,
        callbacks: Sequence[Callbacks] = (),
        apply: Callable[[Report], Awaitable[None]] | None = None,
        base_url: str = "",
    ) -> None:
        self._listener = Listener(host, port)
        self._health = health
        self._metrics = metrics
        self._snapshot = snapshot
        self._callbacks = {c.provider: c for c in callbacks}
        self._apply = apply
        self._base_url = base_url.rstrip("/")

    @property
    def port(self) -> int:
        """The port in use, once started."""
        return self._listener.port

    async def start(self) -> None:
        """Listen. Raises OSError when the port is taken."""
        app = web.Application(client_max_size=MAX_BODY)
        app.router.add_get("/healthz", self._get_health)
        app.router.add_get("/metrics", self._get_metrics)
        if self._snapshot is not None:
            app.router.add_get("/metrics.json", self._get_snapshot)
        app.router.add_get("/callbacks/{provider}", self._get_callback)
        app.router.add_post("/callbacks/{provider}", self._post_callback)
        await self._listener.start(app)

    async def stop(self) -> None:
        """Stop listening. Idempotent, safe before start."""
        await self._listener.stop()

    async def _get_health(self, _: web.Request) -> web.Response:
        return respond_health(*self._health())

    async def _get_metrics(self, request: web.Request) -> web.Response:
        return respond_metrics(*self._metrics(request.headers.get("accept", "")))

    async def _get_snapshot(self, _: web.Request) -> web.Response:
        assert self._snapshot is not None
        return web.json_response(text=self._snapshot())

    def _callback(self, request: web.Request) -> tuple[Callbacks, str]:
        callbacks = self._callbacks.get(request.match_info["provider"])
        if callbacks is None:
            raise web.HTTPNotFound
        url = f"{self._base_url}{request.path_qs}" if self._base_url else str(request.url)
        return callbacks, url

    async def _get_callback(self, request: web.Request) -> web.Response:
        callbacks, url = self._callback(request)
        with suppress(Unauthenticated):
            answer = callbacks.challenge(url)
            if answer is not None:
                return web.Response(text=answer)
        raise web.HTTPForbidden

    async def _post_callback(self, request: web.Request) -> web.Response:
        callbacks, url = self._callback(request)
        headers = {name.lower(): value for name, value in request.headers.items()}
        try:
            for report in await callbacks.verify_and_parse(headers, url, await request.read()):
                if self._apply is not None:
                    await self._apply(report)
        except Unauthenticated as exc:
            log.warning("callback refused", extra={"provider": callbacks.provider, "reason": str(exc)})
            raise web.HTTPForbidden from exc
        except AWAY as exc:
            raise web.HTTPServiceUnavailable from exc
        except NotifyError as exc:
            raise web.HTTPBadRequest from exc
        return web.Response(status=204)


def respond_health(healthy: bool, details: Mapping[str, Any]) -> web.Response:
    """200 or 503, with what operators should see as JSON."""
    return web.json_response({"status": "ok" if healthy else "unavailable", **details}, status=200 if healthy else 503)


def respond_metrics(body: bytes, content_type: str) -> web.Response:
    """The text a scraper reads."""
    return web.Response(body=body, headers={"content-type": content_type})
