"""What holds after every fault, whatever the store.

I1 every id answered OK is in the inbox exactly once · I2 positions dense, changes in order · I3 `unread` equals the
count · I4 each delivery is terminal, parked or due · I5 provider accepts per delivery ≤ 1 + unknown outcomes · I6 no
row crosses a tenant or user
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Iterable, Mapping

from notify_grpc.domain.deliveries import OPEN, WAITING, Attempt, Delivery, ErrorClass
from notify_grpc.domain.models import EMPTY_INBOX, Notification, UserKey
from notify_grpc.ports.store import Store

Answered = Mapping[UserKey, Collection[str]]
"""notification_ids that a Notify answered OK, by recipient."""
_PAGE = 100
_OVERDUE_MS = 120_000
"""A lease that ran out this long ago should have been swept."""


async def check_invariants(
    store: Store, answered: Answered, *, accepts: Mapping[str, int] | None = None, settled: bool = False
) -> None:
    """All six, for these users, on a store that nobody prunes.

    ``accepts`` is the provider's ledger: how often it took each delivery id. ``settled``: no delivery is open any more.
    Raises AssertionError that names the invariant.
    """
    ledger = Counter(accepts or {})
    known: set[str] = set()
    for user, ids in answered.items():
        rows = await _inbox(store, user)
        _check_ids(user, rows, ids)
        await _check_order(store, user, rows)
        deliveries = await _deliveries(store, rows)
        known.update(delivery.id for delivery, _ in deliveries)
        _check_deliveries(deliveries, ledger, settled=settled)
        _check_scope(user, rows, (delivery for delivery, _ in deliveries))
    if accepts is not None:
        assert not set(accepts) - known, f"I5: accepted, but of no delivery we know: {set(accepts) - known}"


async def _inbox(store: Store, user: UserKey) -> list[Notification]:
    rows: list[Notification] = []
    before: int | None = None
    while True:
        page = await store.list_notifications(user, before=before, limit=_PAGE)
        rows += page.notifications
        if page.next_before is None:
            return rows
        before = page.next_before


async def _changes(store: Store, user: UserKey) -> list[Notification]:
    rows: list[Notification] = []
    more, since = True, 0
    while more:
        _, found, more = await store.list_changes(user, since=since, limit=_PAGE)
        rows += found
        since = found[-1].change_seq if found else since
    return rows


async def _deliveries(store: Store, rows: Collection[Notification]) -> list[tuple[Delivery, list[Attempt]]]:
    found: list[tuple[Delivery, list[Attempt]]] = []
    refs = [row.id for row in rows]
    for first in range(0, len(refs), _PAGE):
        of = await store.list_deliveries_of(refs[first : first + _PAGE])
        found += [one for several in of.values() for one in several]
    return found


def _check_ids(user: UserKey, rows: Collection[Notification], ids: Collection[str]) -> None:
    counts = Counter(row.notification_id for row in rows)
    assert {id: counts[id] for id in ids} == dict.fromkeys(ids, 1), f"I1: {user}"
    assert not [id for id, count in counts.items() if count > 1], f"I1: {user}"


async def _check_order(store: Store, user: UserKey, rows: Collection[Notification]) -> None:
    inbox = (await store.get_inboxes([user])).get(user, EMPTY_INBOX)
    assert [row.position for row in rows] == list(range(len(rows), 0, -1)), f"I2: positions of {user}"
    assert inbox.last_position == len(rows), f"I2: {user}"
    changes = [row.change_seq for row in await _changes(store, user)]
    assert changes == sorted(set(changes)), f"I2: changes of {user}"
    assert len(changes) == len(rows), f"I2: {user} has rows a stream never shows"
    assert inbox.last_seq >= max(changes, default=0), f"I2: {user}"
    assert inbox.unread == sum(not row.read_at_ms for row in rows), f"I3: {user}"


def _check_deliveries(
    deliveries: Iterable[tuple[Delivery, list[Attempt]]], ledger: Counter[str], *, settled: bool
) -> None:
    now_ms = time.time_ns() // 1_000_000
    for delivery, audit in deliveries:
        if delivery.state in WAITING:
            assert not delivery.lease_owner, f"I4: {delivery.id} waits and is held by {delivery.lease_owner}"
        elif delivery.state in OPEN:
            assert delivery.lease_until_ms > now_ms - _OVERDUE_MS, f"I4: {delivery.id} is held for ever"
        assert not settled or delivery.state not in OPEN, f"I4: {delivery.id} is {delivery.state}"
        unknown = sum(attempt.error_class is ErrorClass.UNKNOWN_OUTCOME for attempt in audit)
        assert ledger[delivery.id] <= 1 + unknown, f"I5: {delivery.id} taken {ledger[delivery.id]} ×, {unknown} unknown"


def _check_scope(user: UserKey, rows: Iterable[Notification], deliveries: Iterable[Delivery]) -> None:
    owners = {row.user for row in rows} | {UserKey(one.tenant_id, one.user_id) for one in deliveries}
    assert owners <= {user}, f"I6: {user} sees rows of {owners - {user}}"
