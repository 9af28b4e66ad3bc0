"""The supervisor's HTTP port: health and numbers of all workers; providers' callbacks go to one of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout, web

from notify_grpc.http.listener import MAX_BODY, Listener
from notify_grpc.http.server import respond_health, respond_metrics

_FORWARD = ClientTimeout(total=10.0)
_HOP_BY_HOP = {"connection", "content-length", "host", "transfer-encoding", "keep-alive", "upgrade"}


class SupervisorHttp:
    """``worker`` gives the URL of a ready worker, "" if there is none."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        health: Callable[[], tuple[bool, Mapping[str, Any]]],
        metrics: Callable[[str], tuple[bytes, str]],
        worker: Callable[[], str],
    ) -> None:
        self._listener = Listener(host, port)
        self._health = health
        self._metrics = metrics
        self._worker = worker
        self._session: ClientSession | None = None

    @property
    def port(self) -> int:
        """The port in use, once started."""
        return self._listener.port

    async def start(self, session: ClientSession) -> None:
        """Listen; callbacks are forwarded through ``session``. Raises OSError when the port is taken."""
        self._session = session
        app = web.Application(client_max_size=MAX_BODY)
        app.router.add_get("/healthz", self._get_health)
        app.router.add_get("/metrics", self._get_metrics)
        app.router.add_route("*", "/callbacks/{provider}", self._forward)
        await self._listener.start(app)

    async def stop(self) -> None:
        """Stop listening. Idempotent, safe before start."""
        await self._listener.stop()

    async def _get_health(self, _: web.Request) -> web.Response:
        return respond_health(*self._health())

    async def _get_metrics(self, request: web.Request) -> web.Response:
        return respond_metrics(*self._metrics(request.headers.get("accept", "")))

    async def _forward(self, request: web.Request) -> web.Response:
        worker = self._worker()
        if not worker or self._session is None:
            raise web.HTTPServiceUnavailable
        headers = {k: v for k, v in request.headers.items() if k.lower() not in _HOP_BY_HOP}
        try:
            async with self._session.request(
                request.method,
                f"{worker}{request.path_qs}",
                data=await request.read(),
                headers={**headers, "x-forwarded-host": request.host},
                timeout=_FORWARD,
            ) as answer:
                return web.Response(body=await answer.read(), status=answer.status)
        except (ClientError, TimeoutError, OSError) as exc:
            raise web.HTTPServiceUnavailable from exc
