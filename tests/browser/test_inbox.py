"""What a user sees: news at once, the same in every tab, page after page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.browser.conftest import Site
from tests.browser.tab import Tab

pytestmark = pytest.mark.asyncio(loop_scope="session")
OpenTab = Callable[[str], Awaitable[Tab]]


@pytest_asyncio.fixture(loop_scope="session")
async def ada(site: Site, open_tab: OpenTab) -> Tab:
    """A tab in which ada has signed in."""
    tab = await open_tab(site.web.origin)
    await tab.sign_in("ada")
    await tab.is_live()
    return tab


async def test_an_event_arrives_live(site: Site, ada: Tab) -> None:
    await expect(ada.page.get_by_text("Nothing here yet")).to_be_visible()
    await ada.shows_unread(0)
    await site.send("Hello", body="It works")
    await ada.shows("Hello")
    await ada.shows_unread(1)
    await expect(ada.item("Hello")).to_contain_text("It works")


async def test_only_the_own_inbox_is_shown(site: Site, ada: Tab) -> None:
    await site.send("For grace", to="grace")
    await site.send("For ada")
    await ada.shows("For ada")
    await ada.page.get_by_role("button", name="Signed in as ada").click()
    await ada.sign_in("grace")
    await ada.shows("For grace")


async def test_what_a_producer_writes_is_text(site: Site, ada: Tab) -> None:
    hostile = "<img src=x onerror=\"document.title='owned'\">"
    await site.send(hostile, body=f"{hostile}<script>document.title='owned'</script>", subject_type=hostile)
    await ada.shows(hostile)
    await expect(ada.page.locator("#list img, #list script")).to_have_count(0)
    await ada.shows_unread(1)


async def test_two_tabs_stay_equal(site: Site, ada: Tab, open_tab: OpenTab) -> None:
    await site.send("One", "Two", "Three")
    other = await open_tab(site.web.origin)
    await other.sign_in("ada")
    for tab in (ada, other):
        await tab.shows("Three", "Two", "One")
        await tab.shows_unread(3)

    await ada.read("Two")
    for tab in (ada, other):
        await expect(tab.item("Two").get_by_role("button")).to_have_count(0)
        await tab.shows_unread(2)

    await other.read_all()
    for tab in (ada, other):
        await expect(tab.page.locator("#list .unread")).to_have_count(0)
        await tab.shows_unread(0)
        await expect(tab.page.get_by_role("button", name="Mark all read")).to_be_disabled()


async def test_page_after_page(site: Site, open_tab: OpenTab) -> None:
    titles = [f"Number {i:02}" for i in range(45)]
    await site.send(*titles)
    newest_first = titles[::-1]
    tab = await open_tab(site.web.origin)
    await tab.sign_in("ada")
    await tab.shows(*newest_first[:20])
    await tab.shows_unread(45)

    await tab.older()
    await tab.shows(*newest_first[:40])
    await site.send("News")
    await tab.shows("News", *newest_first[:40])
    await tab.older()
    await tab.shows("News", *newest_first)
    await expect(tab.page.get_by_role("button", name="Show older")).to_be_hidden()

    await tab.read_all()
    await tab.shows_unread(0)
    await expect(tab.page.locator("#list .unread")).to_have_count(0)
    await tab.shows("News", *newest_first)


async def test_a_reload_goes_on(site: Site, ada: Tab) -> None:
    await site.send("Before")
    await ada.shows("Before")
    await ada.page.reload()
    await ada.shows("Before")
    await site.send("After")
    await ada.shows("After", "Before")
    await ada.shows_unread(2)
