"""The suite's people, notices and walks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

from notify_grpc.domain.deliveries import Target
from notify_grpc.domain.models import Channel, Content, Inbox, Notification, UserKey
from notify_grpc.ports.store import Created, InboxStore, Notice, Recipient

ALICE = UserKey("acme", "alice")
BOB = UserKey("acme", "bob")
NAMESAKE = UserKey("umbrella", "alice")
"""Alice's name in another tenant."""
T0 = 1_750_000_000_000
"""The caller's clock in notices."""
HELLO = Content("Hello", "world")
EMAIL = Target(Channel.EMAIL, "alice@acme.test")
SMS = Target(Channel.SMS, "+15550100")
PUSH = Target(Channel.MOBILE_PUSH, "token-1")


def notice(
    *users: UserKey,
    key: str = "n-1",
    content: Content = HELLO,
    targets: Iterable[Target] = (),
    at_ms: int = T0,
    expires_at_ms: int = 0,
    traceparent: str = "",
    lease_owner: str = "",
    lease_s: float = 30.0,
) -> Notice:
    """A Notice to users of one tenant, in-app and to `targets` for each."""
    targets = tuple(targets)
    return Notice(
        tenant_id=users[0].tenant_id,
        notification_id=key,
        content=content,
        channels=(Channel.IN_APP, *dict.fromkeys(target.channel for target in targets)),
        recipients=tuple(Recipient(user.user_id, targets) for user in users),
        created_at_ms=at_ms,
        expires_at_ms=expires_at_ms,
        traceparent=traceparent,
        lease_owner=lease_owner,
        lease_s=lease_s if lease_owner else 0.0,
    )


async def send(store: InboxStore, user: UserKey, key: str = "n-1", *targets: Target) -> Created:
    """One notification for one user."""
    [created] = await store.create(notice(user, key=key, targets=targets))
    return created


async def send_many(store: InboxStore, user: UserKey, count: int) -> list[Created]:
    """`n-1`, `n-2` … for one user, all of the same millisecond."""
    return [await send(store, user, f"n-{number}") for number in range(1, count + 1)]


async def inbox_of(store: InboxStore, user: UserKey) -> Inbox:
    """The counters of a user who has some."""
    return (await store.get_inboxes([user]))[user]


async def pages(
    store: InboxStore, user: UserKey, limit: int, *, unread_only: bool = False
) -> AsyncIterator[list[Notification]]:
    """The inbox from the newest to the oldest, page by page."""
    before: int | None = None
    while True:
        page = await store.list_notifications(user, before=before, limit=limit, unread_only=unread_only)
        yield page.notifications
        if page.next_before is None:
            return
        before = page.next_before


async def whole_inbox(store: InboxStore, user: UserKey, *, unread_only: bool = False) -> list[Notification]:
    """Every row, newest first."""
    return [row async for page in pages(store, user, 100, unread_only=unread_only) for row in page]


async def whole_changes(store: InboxStore, user: UserKey, *, since: int = 0, limit: int = 100) -> list[Notification]:
    """Every row changed after `since`, in the order of the changes."""
    rows: list[Notification] = []
    more = True
    while more:
        _, found, more = await store.list_changes(user, since=since, limit=limit)
        rows += found
        since = found[-1].change_seq if found else since
    return rows


def keys(rows: Iterable[Notification]) -> list[str]:
    """The producers' keys of rows, in their order."""
    return [row.notification_id for row in rows]
