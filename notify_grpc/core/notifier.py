"""The service's front: what both servers, and in-process users, call."""

from __future__ import annotations

import asyncio
import logging
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from contextlib import AsyncExitStack
from functools import partial
from types import TracebackType
from typing import Self

from notify_grpc.core.commands import Dispatch, NotifyCommand, NotifyResult, RecipientStatus
from notify_grpc.core.dispatch import Attempted, Dispatcher
from notify_grpc.core.inbox import InboxService, that_fit
from notify_grpc.core.local_bus import LocalBus
from notify_grpc.core.realtime.events import Event, EventKind
from notify_grpc.core.realtime.registry import RealtimeSettings, SessionRegistry
from notify_grpc.core.recipients import chosen_channels, resolve
from notify_grpc.core.results import summarise
from notify_grpc.core.validation import LIMITS, check_id, check_notify, check_text, check_users, page_limit
from notify_grpc.domain.clock import Clock, SystemClock
from notify_grpc.domain.cursor import Cursor
from notify_grpc.domain.deliveries import Attempt, Delivery, Job
from notify_grpc.domain.errors import InvalidArgument, NotFound, NotifyError
from notify_grpc.domain.ids import MAX_ID_CHARS, is_id
from notify_grpc.domain.models import Notification, Status, UserKey
from notify_grpc.ports.bus import OFFLINE, Bus, DataChange, Presence, UserPresence, Wake
from notify_grpc.ports.events import EventSink, NoEvents, ServiceEvent
from notify_grpc.ports.store import Created, DeliveryFilter, Erased, Notice, Report, Store
from notify_grpc.ports.telemetry import Metrics, NoMetrics, NoTracer, Tracer

log = logging.getLogger(__name__)
_DEFAULT_BUDGET_S = 10.0
_LAST_CALLS_S = 1.0
_UNANSWERED = NotifyError("not answered yet")


class Notifier:
    """Stores, pushes and dispatches notifications.

    ``async with Notifier(MemoryStore()) as notifier`` needs nothing else. Opening opens what was passed in (store, bus,
    presence, dispatcher); closing closes it in reverse order.
    """

    def __init__(
        self,
        store: Store,
        *,
        dispatcher: Dispatcher | None = None,
        bus: Bus | None = None,
        presence: Presence | None = None,
        realtime: RealtimeSettings = RealtimeSettings(),
        clock: Clock = SystemClock(),
        metrics: Metrics = NoMetrics(),
        tracer: Tracer = NoTracer(),
        events: EventSink = NoEvents(),
    ) -> None:
        self._store = store
        self._dispatcher = dispatcher or Dispatcher(store, (), owner="in-process", clock=clock)
        self._bus = bus or LocalBus()
        self._presence = presence
        self._clock = clock
        self._tracer = tracer
        self._events = events
        self.sessions = SessionRegistry(store, presence=presence, settings=realtime, clock=clock, metrics=metrics)
        self.inbox = InboxService(store, self.sessions, self._bus, clock, events)
        self._resources = AsyncExitStack()
        self._storing: set[asyncio.Task[list[NotifyResult | NotifyError]]] = set()

    async def open(self) -> None:
        """Open everything, or nothing: a failure half-way closes what was opened. Raises what the parts raise."""
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._store.close)
            await self._store.open()
            stack.push_async_callback(self.sessions.close)
            await self.sessions.open()
            stack.push_async_callback(self._bus.close)
            await self._bus.open(self.sessions)
            if self._presence is not None:
                stack.push_async_callback(self._presence.close)
                await self._presence.open(self.sessions.live_sessions)
            stack.push_async_callback(self._finish_storing)
            stack.push_async_callback(self._dispatcher.close)
            await self._dispatcher.open()
            stack.push_async_callback(self._finish_storing, _LAST_CALLS_S)
            self._resources = stack.pop_all()

    async def close(self) -> None:
        """End sessions, finish what is being stored and sent, close everything. Idempotent, safe before open."""
        await self._resources.aclose()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def notify(self, command: NotifyCommand, *, budget_s: float | None = None) -> NotifyResult:
        """Store one item per recipient, push it live, send it; when this returns, all rows are committed.

        ``budget_s`` bounds the first attempts of an INLINE dispatch; what is unfinished goes on by itself. A cancelled
        call is stored and sent all the same, or not at all. Raises InvalidArgument, and as the store does.
        """
        [outcome] = await self.notify_many([command], budget_s=budget_s)
        if isinstance(outcome, NotifyError):
            raise outcome
        return outcome

    async def notify_many(
        self, commands: Sequence[NotifyCommand], *, budget_s: float | None = None
    ) -> list[NotifyResult | NotifyError]:
        """Several calls at once, each with its own result or error, in order."""
        outcomes: list[NotifyResult | NotifyError] = []
        planned: list[tuple[int, NotifyCommand, Notice]] = []
        for place, command in enumerate(commands):
            try:
                planned.append((place, command, await self._plan(command)))
                outcomes.append(_UNANSWERED)
            except NotifyError as exc:
                outcomes.append(exc)
        if planned:
            for (place, *_), outcome in zip(planned, await self._finish(planned, budget_s), strict=True):
                outcomes[place] = outcome
        return outcomes

    async def _finish(
        self, planned: Sequence[tuple[int, NotifyCommand, Notice]], budget_s: float | None
    ) -> list[NotifyResult | NotifyError]:
        """In a task of its own, so that a caller who goes away takes nothing back."""
        work = self._store_and_send([(c, n) for _, c, n in planned], budget_s)
        task = asyncio.get_running_loop().create_task(work)
        self._storing.add(task)
        task.add_done_callback(self._stored)
        return await asyncio.shield(task)

    def _stored(self, task: asyncio.Task[list[NotifyResult | NotifyError]]) -> None:
        self._storing.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.debug("a notification failed", exc_info=task.exception())

    async def publish_data_change(self, change: DataChange) -> int:
        """Tell live sessions everywhere that something changed; how many took it here. Raises InvalidArgument."""
        check_users("user_ids", [user.user_id for user in change.users], LIMITS.recipients)
        check_id("tenant_id", change.users[0].tenant_id)
        check_id("idempotency_key", change.idempotency_key)
        check_text("subject_ref", change.subject_ref, LIMITS.subject_chars)
        check_text("subject_type", change.subject_type, LIMITS.subject_chars)
        self._bus.publish_data_change(change)
        return self.sessions.publish_data_change(change)

    async def get_status(
        self, tenant_id: str, notification_id: str, *, user_ids: Sequence[str] = (), cursor: str = "", limit: int = 0
    ) -> tuple[list[RecipientStatus], str]:
        """A page of a notification's recipients by user id, and the next cursor. Raises NotFound, InvalidArgument."""
        check_id("tenant_id", tenant_id)
        check_id("notification_id", notification_id)
        if user_ids:
            check_users("user_ids", user_ids, LIMITS.recipients)
        size = page_limit(limit)
        after = _parse_user_cursor(cursor)
        rows = await self._store.list_recipients(
            tenant_id, notification_id, user_ids=user_ids, after=after, limit=size + 1
        )
        if not rows and not cursor:
            raise NotFound("no such notification")
        kept = that_fit(rows[:size])
        deliveries = await self._store.list_deliveries_of([n.id for n in kept])
        next_cursor = _user_cursor(kept[-1]) if len(kept) < len(rows) else ""
        return [RecipientStatus(n, deliveries.get(n.id, ())) for n in kept], next_cursor

    async def list_deliveries(
        self, where: DeliveryFilter, *, cursor: str = "", limit: int = 0
    ) -> tuple[list[Delivery], str]:
        """A page of deliveries, oldest first, and the next cursor. Raises InvalidArgument."""
        check_text("tenant_id", where.tenant_id, MAX_ID_CHARS)
        if cursor and not is_id(cursor):
            raise InvalidArgument("cursor", "is not a cursor of this service")
        size = page_limit(limit)
        rows = await self._store.list_deliveries(where, after=cursor, limit=size + 1)
        return rows[:size], rows[size - 1].id if len(rows) > size else ""

    async def retry_delivery(self, id: str) -> tuple[Delivery, list[Attempt]]:
        """Make a finished or parked delivery due again. Raises NotFound, FailedPrecondition."""
        check_id("id", id)
        if not is_id(id):
            raise NotFound("no such delivery")
        delivery = await self._store.retry_delivery(id)
        self._dispatcher.wake()
        self._announce_delivery("delivery.retrying", delivery)
        return await self._store.get_delivery(id)

    async def apply_report(self, report: Report) -> None:
        """Take what a provider says later about a delivery; what changes nothing is no error. Raises as the store."""
        delivery = await self._store.report_delivery(report)
        if delivery is not None:
            self._announce_delivery(f"delivery.{delivery.state}", delivery)

    async def get_presence(self, tenant_id: str, user_ids: Sequence[str]) -> list[UserPresence]:
        """Where these users are online, over all instances, in their order. Raises InvalidArgument, Unavailable."""
        check_id("tenant_id", tenant_id)
        check_users("user_ids", user_ids, LIMITS.presence_users)
        users = [UserKey(tenant_id, u) for u in user_ids]
        if self._presence is None:
            return [self._local_presence(u) for u in users]
        found = await self._presence.find(list(dict.fromkeys(users)))
        return [found.get(u, OFFLINE) for u in users]

    async def erase_user(self, user: UserKey) -> Erased:
        """Remove every row of a user; their live sessions are told to start anew. Raises InvalidArgument."""
        check_id("tenant_id", user.tenant_id)
        check_id("user_id", user.user_id)
        erased = await self._store.erase_user(user)
        self.sessions.reached(user, 0, 0)
        self._bus.publish_wakes([Wake(user, 0, 0)])
        return erased

    def _announce_delivery(self, type: str, delivery: Delivery) -> None:
        self._events.publish(
            ServiceEvent(
                type,
                self._clock.now_ms(),
                delivery.tenant_id,
                delivery.user_id,
                delivery.notification_id,
                {"delivery_id": delivery.id, "channel": delivery.channel.value},
            )
        )

    async def _plan(self, command: NotifyCommand) -> Notice:
        now_ms = self._clock.now_ms()
        users = check_notify(command, now_ms)
        channels = chosen_channels(command, self._dispatcher)
        recipients = await resolve(command, users, channels, self._dispatcher, self._store)
        return Notice(
            command.tenant_id,
            command.notification_id,
            command.content,
            channels,
            recipients,
            now_ms,
            command.expires_at_ms,
            self._tracer.traceparent(),
            self._dispatcher.owner,
            self._dispatcher.lease_s,
        )

    async def _store_and_send(
        self, planned: Sequence[tuple[NotifyCommand, Notice]], budget_s: float | None
    ) -> list[NotifyResult | NotifyError]:
        answers = await self._store.create_many([notice for _, notice in planned])
        live: list[set[str]] = []
        inline: list[Job] = []
        for (command, notice), created in zip(planned, answers, strict=True):
            if isinstance(created, NotifyError):
                live.append(set())
                continue
            live.append(self._push(notice, created))
            jobs = [Job(d, notice.content, notice.traceparent) for one in created for d in one.deliveries]
            if command.dispatch is Dispatch.QUEUED:
                self._dispatcher.submit(jobs)
            else:
                inline += jobs
        attempted = await self._attempt(inline, budget_s) if inline else {}
        return [
            created
            if isinstance(created, NotifyError)
            else summarise(
                notice,
                created,
                live=pushed,
                with_provider=self._dispatcher.channels,
                attempted=attempted,
                explain=command.return_results,
            )
            for (command, notice), created, pushed in zip(planned, answers, live, strict=True)
        ]

    async def _attempt(self, jobs: Sequence[Job], budget_s: float | None) -> dict[str, Attempted]:
        return await self._dispatcher.attempt(jobs, _DEFAULT_BUDGET_S if budget_s is None else budget_s)

    def _push(self, notice: Notice, created: Sequence[Created]) -> set[str]:
        """Offer each new row to the user's sessions here and wake the other instances; the users with a taker."""
        live: set[str] = set()
        wakes: list[Wake] = []
        for one in created:
            if one.duplicate:
                continue
            user = UserKey(notice.tenant_id, one.user_id)
            if self.sessions.publish(user, one.epoch, one.change_seq, partial(_event, notice, one)):
                live.add(one.user_id)
            if self._bus.shared:
                wakes.append(Wake(user, one.epoch, one.change_seq))
        if wakes:
            self._bus.publish_wakes(wakes)
        return live

    async def _finish_storing(self, timeout_s: float | None = None) -> None:
        """For a while, so that what is stored finds a dispatcher; again once that is closed: then nobody waits long."""
        if self._storing:
            await asyncio.wait(self._storing, timeout=timeout_s)

    def _local_presence(self, user: UserKey) -> UserPresence:
        sessions = self.sessions.sessions_of(user)
        return UserPresence(len(sessions), min(1, len(sessions)), frozenset(s.device_type for s in sessions))


def _event(notice: Notice, one: Created) -> Event:
    """The live event of a new row; whoever reads it is the session it was delivered to."""
    notification = Notification(
        one.id,
        notice.tenant_id,
        one.user_id,
        notice.notification_id,
        notice.content,
        notice.channels,
        Status.DELIVERED,
        one.position,
        one.change_seq,
        notice.created_at_ms,
        delivered_at_ms=notice.created_at_ms,
        expires_at_ms=notice.expires_at_ms,
        traceparent=notice.traceparent,
    )
    return Event(EventKind.NOTIFICATION, notification, Cursor(one.epoch, one.change_seq), one.unread)


def _user_cursor(row: Notification) -> str:
    return "u" + urlsafe_b64encode(row.user_id.encode()).decode().rstrip("=")


def _parse_user_cursor(text: str) -> str:
    if not text:
        return ""
    try:
        if text[0] != "u":
            raise ValueError(text)
        user_id = urlsafe_b64decode(text[1:] + "=" * (-len(text[1:]) % 4)).decode()
        check_id("cursor", user_id)
        return user_id
    except (ValueError, InvalidArgument):
        raise InvalidArgument("cursor", "is not a cursor of this service") from None
