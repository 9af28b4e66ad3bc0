"""Chromium, and for each test a service, an Envoy and a web server of its own."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from examples.front import envoy
from notify_grpc.client import NotifyClient, NotifyRequest
from tests.acceptance.process import NO_SETTINGS, Ports, Server, serving
from tests.browser.page_server import PAGE, PageServer, page_server
from tests.browser.tab import PATIENCE_MS, Tab
from tests.support.ports import free_port

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
INTERNAL_TOKEN = "producers-only"


def missing() -> str:
    """What these tests lack here; empty when they can run."""
    if CHROMIUM is None:
        return "no Chromium here"
    return "" if (PAGE / "index.html").exists() else "the page is not built: `make browser` does it"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = [item for item in items if item.path.is_relative_to(Path(__file__).parent)]
    for item in here:
        if why := missing():
            item.add_marker(pytest.mark.skip(reason=why))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """One for all tests; every tab has a profile of its own."""
    flags = ["gpu", "quic", "background-networking", "component-update", "sync"]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-first-run", *(f"--disable-{flag}" for flag in flags)]
        )
        yield browser
        await browser.close()


@dataclass
class Site:
    """A service behind Envoy, and a web server with the page."""

    web: PageServer
    cwd: Path
    ports: Ports
    settings: Mapping[str, str]

    @asynccontextmanager
    async def service(self) -> AsyncIterator[Server]:
        """The service, always on the same ports and the same file."""
        async with serving(self.cwd, ports=self.ports, settings=self.settings) as server:
            yield server

    async def send(self, *titles: str, to: str = "ada", body: str = "", subject_type: str = "") -> None:
        """Notify, once for each title, in this order."""
        async with NotifyClient(f"127.0.0.1:{self.ports.internal}", token=INTERNAL_TOKEN) as notify:
            for title in titles:
                await notify.notify(
                    NotifyRequest(
                        tenant_id="demo",
                        notification_id=title,
                        user_ids=[to],
                        title=title,
                        body=body,
                        subject_type=subject_type,
                    )
                )


@asynccontextmanager
async def site_at(cwd: Path, settings: Mapping[str, str] = NO_SETTINGS) -> AsyncIterator[Site]:
    """Everything but the service itself, which ``Site.service`` starts."""
    async with page_server() as web:
        ports = Ports(free_port(), free_port(), 0)
        yield Site(
            web, cwd, ports, {"NOTIFY_SHUTDOWN_SPREAD": "200ms", "NOTIFY_INTERNAL_TOKEN": INTERNAL_TOKEN, **settings}
        )


@asynccontextmanager
async def envoy_before(site: Site) -> AsyncIterator[None]:
    """Envoy, allowing the site's own origin. The service has to run."""
    port = free_port()
    site.web.config["api"] = f"http://127.0.0.1:{port}"
    with envoy.running(port, free_port(), [site.ports.client], [site.web.origin]):
        yield


@pytest_asyncio.fixture(loop_scope="session")
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """In dev mode, running."""
    async with site_at(tmp_path) as site, site.service(), envoy_before(site):
        yield site


@pytest_asyncio.fixture(loop_scope="session")
async def open_tab(browser: Browser) -> AsyncIterator[Callable[[str], Awaitable[Tab]]]:
    """Opens an address in a tab of a fresh profile. At the end no script may have failed in any."""
    tabs: list[Tab] = []
    async with AsyncExitStack() as stack:

        async def open_(url: str) -> Tab:
            context = await browser.new_context(viewport={"width": 760, "height": 720})
            stack.push_async_callback(context.close)
            context.set_default_timeout(PATIENCE_MS)
            tabs.append(Tab(await context.new_page()))
            await tabs[-1].page.goto(url)
            return tabs[-1]

        yield open_
        assert [complaint for tab in tabs for complaint in tab.complaints] == []
