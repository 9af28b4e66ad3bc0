"""The picture in the README, made anew each time in build/inbox.png."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.async_api import expect

from tests.browser.conftest import envoy_before, site_at
from tests.browser.tab import Tab

pytestmark = pytest.mark.asyncio(loop_scope="session")
OpenTab = Callable[[str], Awaitable[Tab]]
PICTURE = Path(__file__).resolve().parents[2] / "build" / "inbox.png"


class Sample(NamedTuple):
    title: str
    body: str
    kind: str
    minutes_ago: int
    read: bool = True


# Oldest first, as they are sent.
SAMPLES = [
    Sample("Your invoice for October is ready", "€ 49.00, due on 14 November.", "invoice", 2_900),
    Sample("Backup finished", "318 GB in 41 minutes, nothing skipped.", "backup", 1_500),
    Sample("Grace reviewed “Retry budget for webhooks”", "Two small remarks, otherwise ready.", "review", 190),
    Sample("Deployment of checkout 2.14 is live", "3 of 3 regions are healthy.", "deployment", 52, read=False),
    Sample("Linus mentioned you", "“Ada, can you have a look at the fence in the claim query?”", "mention", 14, False),
    Sample("Your parcel has left the house", "It arrives tomorrow between 9 and 11.", "parcel", 0, read=False),
]


def send_back_in_time(database: Path) -> None:
    """Give the samples their age; the service must not run."""
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.executemany(
            "UPDATE notify_notifications SET created_at_ms = created_at_ms - ? WHERE notification_id = ?",
            [(sample.minutes_ago * 60_000, sample.title) for sample in SAMPLES],
        )


async def test_a_picture(tmp_path: Path, open_tab: OpenTab) -> None:
    async with site_at(tmp_path) as site:
        async with site.service():
            for sample in SAMPLES:
                await site.send(sample.title, body=sample.body, subject_type=sample.kind)
        send_back_in_time(tmp_path / "notify.db")
        async with site.service(), envoy_before(site):
            tab = await open_tab(site.web.origin)
            await tab.sign_in("ada")
            for sample in SAMPLES:
                if sample.read:
                    await tab.read(sample.title)
            await tab.shows(*[sample.title for sample in reversed(SAMPLES)])
            await tab.shows_unread(sum(not sample.read for sample in SAMPLES))
            await expect(tab.item("Linus mentioned you").get_by_text("14 minutes ago")).to_be_visible()
            await tab.is_live()
            await tab.page.set_viewport_size({"width": 760, "height": 742})
            await tab.page.mouse.move(5, 730)
            PICTURE.parent.mkdir(exist_ok=True)
            await tab.page.screenshot(path=PICTURE, animations="disabled")
    assert PICTURE.stat().st_size < 200_000
