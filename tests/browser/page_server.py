"""A web server as an application has one: the built page, and a login that gives out tokens."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

PAGE = Path(__file__).resolve().parents[2] / "examples" / "web" / "dist"


class PageServer:
    """Serves the page at ``origin``. ``token`` is what its login gives out; None refuses."""

    def __init__(self) -> None:
        self.origin = ""
        self.config: dict[str, str] = {}
        self.token: Callable[[], str | None] = lambda: None
        self.tokens_asked = 0

    def with_login(self, token: Callable[[], str | None]) -> None:
        """Let the page fetch its tokens here."""
        self.token = token
        self.config["tokenUrl"] = "/token"

    async def configuration(self, _: web.Request) -> web.Response:
        return web.json_response(self.config)

    async def login(self, _: web.Request) -> web.Response:
        self.tokens_asked += 1
        token = self.token()
        return web.Response(status=401) if token is None else web.Response(text=token)

    async def index(self, _: web.Request) -> web.FileResponse:
        return web.FileResponse(PAGE / "index.html")


@asynccontextmanager
async def page_server() -> AsyncIterator[PageServer]:
    """Listens on a port of its own."""
    server = PageServer()
    app = web.Application()
    app.router.add_get("/", server.index)
    app.router.add_get("/config.json", server.configuration)
    app.router.add_post("/token", server.login)
    app.router.add_static("/assets", PAGE / "assets")
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        server.origin = f"http://127.0.0.1:{port}"
        yield server
    finally:
        await runner.cleanup()
