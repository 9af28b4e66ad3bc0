"""Where an aiohttp application listens."""

from __future__ import annotations

import socket

from aiohttp import web

MAX_BODY = 1 << 20


class Listener:
    """Serves an application on one address; port 0 takes any free one."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._asked_port = port
        self._runner: web.AppRunner | None = None

    @property
    def port(self) -> int:
        """The port in use, once started."""
        assert self._runner is not None
        return int(self._runner.addresses[0][1])

    async def start(self, app: web.Application) -> None:
        """Listen. Raises OSError when the port is taken."""
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
        await runner.setup()
        try:
            await self._site(runner).start()
        except BaseException:
            await runner.cleanup()
            raise
        self._runner = runner

    def _site(self, runner: web.AppRunner) -> web.BaseSite:
        if self._host != "::" or not socket.has_dualstack_ipv6():
            return web.TCPSite(runner, self._host, self._asked_port)
        # asyncio would take IPv6 alone; gRPC's ports take both.
        address = (self._host, self._asked_port)
        return web.SockSite(runner, socket.create_server(address, family=socket.AF_INET6, dualstack_ipv6=True))

    async def stop(self) -> None:
        """Stop listening. Idempotent, safe before start."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()
