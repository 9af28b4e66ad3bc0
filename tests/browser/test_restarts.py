"""The service goes away and comes back; nothing is lost and nothing shows twice."""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.browser.conftest import envoy_before, site_at
from tests.browser.tab import Tab

pytestmark = pytest.mark.asyncio(loop_scope="session")
OpenTab = Callable[[str], Awaitable[Tab]]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
async def test_a_restart(tmp_path: Path, open_tab: OpenTab, how: signal.Signals) -> None:
    async with site_at(tmp_path) as site, site.service() as server, envoy_before(site):
        tab = await open_tab(site.web.origin)
        await tab.sign_in("ada")
        await site.send("Before")
        await tab.shows("Before")
        await tab.is_live()

        server.signal(how)
        await server.ended()
        await tab.is_cut_off()
        await tab.shows("Before")
        # Sent before the page is back: the stream has to catch up.
        async with site.service():
            await site.send("While away", "Still away")
            await tab.shows("Still away", "While away", "Before")
            await tab.is_live()
            await site.send("Back")
            await tab.shows("Back", "Still away", "While away", "Before")
            await tab.shows_unread(4)
            await tab.read_all()
            await tab.shows_unread(0)
            await tab.shows("Back", "Still away", "While away", "Before")
