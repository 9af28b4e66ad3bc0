"""Tokens run out, and pages of strangers get nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import expect

from notify_grpc.cli.token import mint
from tests.browser.conftest import Site, envoy_before, site_at
from tests.browser.page_server import page_server
from tests.browser.tab import Tab
from tests.support.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")
OpenTab = Callable[[str], Awaitable[Tab]]
SECRET = "an HS256 secret of 32 bytes or more"
REAL = {"NOTIFY_AUTH_DEV_MODE": "false", "NOTIFY_AUTH_JWT_SECRET": SECRET, "NOTIFY_AUTH_JWT_LEEWAY": "0"}


def token(lifetime_s: float, user: str = "ada") -> str:
    return mint(user, "demo", secret=SECRET, lifetime_s=lifetime_s)


@pytest_asyncio.fixture(loop_scope="session")
async def real_site(tmp_path: Path) -> AsyncIterator[Site]:
    """Not in dev mode: only JWTs are good."""
    async with (
        site_at(tmp_path, REAL | {"NOTIFY_LISTEN_HOST": "127.0.0.1"}) as site,
        site.service(),
        envoy_before(site),
    ):
        yield site


async def test_a_token_that_runs_out_is_asked_for_again(real_site: Site, open_tab: OpenTab) -> None:
    tab = await open_tab(real_site.web.origin)
    await tab.sign_in(token(4))
    await real_site.send("Before")
    await tab.shows("Before")
    await expect(tab.sign_in_dialog).to_contain_text("Your sign-in has ended")
    await tab.shows("Before")

    await real_site.send("Meanwhile")
    await tab.sign_in(token(300))
    await tab.shows("Meanwhile", "Before")
    await tab.shows_unread(2)
    await tab.is_live()


async def test_a_wrong_token_is_refused(real_site: Site, open_tab: OpenTab) -> None:
    await real_site.send("Secret")
    tab = await open_tab(real_site.web.origin)
    await tab.sign_in("ada")  # a token of dev mode
    await expect(tab.sign_in_dialog).to_contain_text("Your sign-in has ended")
    await tab.shows()


async def test_fresh_tokens_keep_the_page_alive(real_site: Site, open_tab: OpenTab) -> None:
    lifetime_s = 8
    real_site.web.with_login(lambda: token(lifetime_s))
    tab = await open_tab(real_site.web.origin)
    await tab.is_live()
    # Tokens this short are announced to expire every second, so the first one is over by then.
    await eventually(lambda: real_site.web.tokens_asked > lifetime_s + 2, timeout=30)
    await real_site.send("Still here")
    await tab.shows("Still here")
    await tab.read("Still here")
    await tab.shows_unread(0)
    await expect(tab.sign_in_dialog).to_be_hidden()
    assert tab.streams_opened == 1

    real_site.web.token = lambda: None
    await expect(tab.sign_in_dialog).to_contain_text("Your sign-in has ended")


async def test_another_origin_gets_nothing(site: Site, open_tab: OpenTab) -> None:
    await site.send("Secret")
    async with page_server() as stranger:
        stranger.config |= site.web.config
        tab = await open_tab(stranger.origin)
        blocked: list[str] = []
        tab.page.on("console", lambda message: blocked.append(message.text))
        await tab.sign_in("ada")
        await eventually(lambda: any("blocked by CORS policy" in text for text in blocked), timeout=20)
        await tab.shows()
        await tab.is_cut_off()
    welcome = await open_tab(site.web.origin)
    await welcome.sign_in("ada")
    await welcome.shows("Secret")
