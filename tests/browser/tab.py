"""One tab with the inbox, in the words of who looks at it."""

from __future__ import annotations

from playwright.async_api import Locator, Page, Request, expect

# Generous: a reconnect may back off, and the machine may be busy. Nothing waits this long when all is well.
PATIENCE_MS = 20_000
expect.set_options(timeout=PATIENCE_MS)


class Tab:
    """What is seen and done in one tab."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.streams_opened = 0
        page.on("request", self._count)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    @property
    def items(self) -> Locator:
        """All notifications shown, newest first."""
        return self.page.locator("#list > li")

    @property
    def sign_in_dialog(self) -> Locator:
        return self.page.get_by_role("dialog")

    def item(self, title: str) -> Locator:
        return self.items.filter(has=self.page.get_by_role("heading", name=title, exact=True))

    def _count(self, request: Request) -> None:
        # A preflight is no stream.
        self.streams_opened += request.method == "POST" and request.url.endswith("/StreamEvents")

    async def sign_in(self, credential: str) -> None:
        """Answer the dialog with a user name or a token."""
        await expect(self.sign_in_dialog).to_be_visible()
        await self.page.get_by_label("User name, or a token").fill(credential)
        await self.page.get_by_role("button", name="Go on").click()

    async def read(self, title: str) -> None:
        await self.page.get_by_role("button", name=f"Mark “{title}” read").click()

    async def read_all(self) -> None:
        await self.page.get_by_role("button", name="Mark all read").click()

    async def older(self) -> None:
        await self.page.get_by_role("button", name="Show older").click()

    async def shows(self, *titles: str) -> None:
        """Wait until exactly these are shown, in this order."""
        await expect(self.items.get_by_role("heading")).to_have_text(list(titles))

    async def shows_unread(self, count: int) -> None:
        """Wait until bell and window title say so."""
        badge = self.page.locator("#unread")
        await (expect(badge).to_have_text(str(count)) if count else expect(badge).to_be_hidden())
        await expect(self.page).to_have_title(f"({count}) Inbox" if count else "Inbox")

    async def is_live(self) -> None:
        await expect(self.page.locator("#connection")).to_have_text("Live")

    async def is_cut_off(self) -> None:
        await expect(self.page.locator("#connection")).not_to_have_text("Live")
