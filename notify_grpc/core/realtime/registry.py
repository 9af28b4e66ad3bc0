"""This process's live sessions by user: admission, fan-out and what time does to them."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from random import Random

from notify_grpc.core.realtime.data_changes import DataChanges
from notify_grpc.core.realtime.delivered import DeliveredRecorder
from notify_grpc.core.realtime.events import Event, EventKind
from notify_grpc.core.realtime.session import Session, SessionLimits, SessionStats
from notify_grpc.domain.clock import Clock, SystemClock
from notify_grpc.domain.cursor import Cursor
from notify_grpc.domain.errors import ResourceExhausted, Unauthenticated, Unavailable
from notify_grpc.domain.ids import new_id
from notify_grpc.domain.models import EMPTY_INBOX, DeviceType, UserKey
from notify_grpc.ports.bus import DataChange, LiveSession, Presence, SessionSignal, Wake
from notify_grpc.ports.store import AWAY, InboxStore
from notify_grpc.ports.telemetry import Metrics, NoMetrics

log = logging.getLogger(__name__)
TICK_S = 1.0
_LEAVE_S = 5.0
"""How long the reader of an ended session may take for what is queued; its token's end gives it no time."""
_CHECK_BATCH = 1_000


@dataclass(frozen=True, slots=True)
class RealtimeSettings:
    """How sessions live. Times in seconds."""

    heartbeat_s: float = 30.0
    store_check_s: float = 10.0
    """How often sessions are compared with the store; covers lost wake-ups (must stay ≤ 15)."""
    auth_warning_s: float = 60.0
    """How long before a credential's end `auth_expiring` is sent."""
    max_lifetime_s: float = 3_600.0
    """Streams are asked to reconnect after this time ± 10 %."""
    reconnect_spread_s: float = 5.0
    max_sessions: int = 20_000
    max_sessions_per_user: int = 20
    retry_interval_s: float = 5.0
    retry_max_attempts: int = 3
    """Times a data change is sent at most until acknowledged; 0 sends it once and never repeats."""
    session: SessionLimits = field(default_factory=SessionLimits)


class SessionRegistry:
    """All live sessions of this process. Implements BusListener."""

    def __init__(
        self,
        store: InboxStore,
        *,
        presence: Presence | None = None,
        settings: RealtimeSettings = RealtimeSettings(),
        clock: Clock = SystemClock(),
        metrics: Metrics = NoMetrics(),
        random: Random | None = None,
    ) -> None:
        self.settings = settings
        self._store = store
        self._presence = presence
        self._clock = clock
        self._metrics = metrics
        self._random = random or Random()
        self._by_user: dict[UserKey, list[Session]] = {}
        self._by_id: dict[str, Session] = {}
        self._stats = SessionStats()
        self._by_device: Counter[DeviceType] = Counter()
        self._data_changes = DataChanges(settings.retry_interval_s, settings.retry_max_attempts, clock)
        self._delivered = DeliveredRecorder(store, clock)
        self._tasks: list[asyncio.Task[None]] = []
        self._draining = False

    async def open(self) -> None:
        """Start the ticker, the check against the store and the delivered recorder."""
        loop = asyncio.get_running_loop()
        self._tasks = [
            loop.create_task(self._forever(TICK_S, self._tick), name="notify-session-tick"),
            loop.create_task(self._forever(self.settings.store_check_s, self.check), name="notify-session-check"),
        ]
        await self._delivered.open()

    async def close(self) -> None:
        """Stop; sessions still open end at once. Idempotent, safe before open."""
        self.drain(0)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        await self._delivered.close()

    async def connect(
        self,
        user: UserKey,
        *,
        device_type: DeviceType = DeviceType.UNSPECIFIED,
        device_id: str = "",
        resume_after: Cursor | None = None,
        expires_at_ms: int = 0,
    ) -> Session:
        """Admit a session; its first event is the heartbeat. Pass it to `disconnect` when the stream ends, whatever
        happens.

        Raises ResourceExhausted at a cap, Unavailable while draining, and as the store does.
        """
        self._admit(user)
        session = Session(
            new_id(self._clock.now_ms()),
            user,
            device_type,
            device_id,
            store=self._store,
            resume_after=resume_after,
            expires_at_ms=expires_at_ms,
            limits=self.settings.session,
            delivered=self._delivered.add,
            stats=self._stats,
        )
        self._add(session)
        try:
            inbox = await session.start()
        except BaseException:
            self.disconnect(session)
            raise
        session.tell(Event(EventKind.HEARTBEAT, at_ms=self._clock.now_ms(), unread=inbox.unread))
        return session

    def disconnect(self, session: Session) -> None:
        """Forget a session. Idempotent; never blocks."""
        if self._by_id.pop(session.id, None) is None:
            return
        siblings = self._by_user[session.user]
        siblings.remove(session)
        if not siblings:
            del self._by_user[session.user]
        session.end(Unavailable("the stream has ended"))
        self._count(session, -1)
        if self._presence is not None:
            self._presence.closed(session.live)

    def find(self, session_id: str, user: UserKey) -> Session | None:
        """The user's own session of this process; None for anybody else's."""
        session = self._by_id.get(session_id)
        return session if session is not None and session.user == user else None

    def sessions_of(self, user: UserKey) -> Sequence[Session]:
        """Live sessions of a user here."""
        return self._by_user.get(user, ())

    def live_sessions(self) -> Collection[LiveSession]:
        """All of them, for presence."""
        return [s.live for s in self._by_id.values()]

    def __len__(self) -> int:
        return len(self._by_id)

    def publish(self, user: UserKey, epoch: int, seq: int, build: Callable[[], Event]) -> bool:
        """Offer a change to every session of the user; ``build`` is called once, if there is any. Whether one took
        it.
        """
        sessions = self._by_user.get(user)
        if not sessions:
            return False
        event = build()
        taken = 0
        for session in sessions:
            taken += session.offer(event, epoch, seq)
        return taken > 0

    def reached(self, user: UserKey, epoch: int, seq: int) -> None:
        """The user's inbox is at this place: sessions that are not there read the store."""
        for session in self._by_user.get(user, ()):
            session.notice(epoch, seq)

    def publish_data_change(self, change: DataChange) -> int:
        """Tell every session of these users here; how many took it."""
        event = Event(
            EventKind.DATA_CHANGE,
            idempotency_key=change.idempotency_key,
            subject_ref=change.subject_ref,
            subject_type=change.subject_type,
        )
        return sum(self._data_changes.send(s, event) for user in change.users for s in self._by_user.get(user, ()))

    def on_wakes(self, wakes: Sequence[Wake]) -> None:
        for wake in wakes:
            self.reached(wake.user, wake.epoch, wake.seq)

    def on_data_change(self, change: DataChange) -> None:
        self.publish_data_change(change)

    def on_signal(self, signal: SessionSignal) -> None:
        session = self.find(signal.session_id, signal.user)
        if session is not None and signal.acked_key:
            self.ack_data_change(session, signal.acked_key)
        if session is not None and signal.expires_at_ms:
            self.refresh(session, signal.expires_at_ms)

    def on_gap(self) -> None:
        for session in self._by_id.values():
            session.fall_behind()

    def ack_data_change(self, session: Session, key: str) -> None:
        """End the repeats of one data change."""
        self._data_changes.ack(session, key)

    def refresh(self, session: Session, expires_at_ms: int) -> None:
        """Keep a session open until a fresh credential ends."""
        session.expires_at_ms = expires_at_ms
        session.expiry_announced = False

    def drain(self, spread_s: float | None = None) -> None:
        """Ask every session to reconnect after a jittered while, and end it; admit no more."""
        self._draining = True
        spread = self.settings.reconnect_spread_s if spread_s is None else spread_s
        for session in list(self._by_id.values()):
            self._ask_to_reconnect(session, spread)

    def _admit(self, user: UserKey) -> None:
        if self._draining:
            raise Unavailable("the service is shutting down; connect again")
        if len(self._by_id) >= self.settings.max_sessions:
            raise ResourceExhausted("too many live streams on this instance; connect again later")
        if len(self.sessions_of(user)) >= self.settings.max_sessions_per_user:
            raise ResourceExhausted(f"a user may have at most {self.settings.max_sessions_per_user} live streams")

    def _add(self, session: Session) -> None:
        now = self._clock.monotonic()
        session.heartbeat_at = now + self.settings.heartbeat_s * self._random.uniform(0.5, 1)
        session.reconnect_at = now + self.settings.max_lifetime_s * self._random.uniform(0.9, 1.1)
        self._by_id[session.id] = session
        self._by_user.setdefault(session.user, []).append(session)
        self._count(session, 1)
        if self._presence is not None:
            self._presence.opened(session.live)

    def _count(self, session: Session, change: int) -> None:
        self._by_device[session.device_type] += change
        self._metrics.gauge(
            "notify_live_sessions", self._by_device[session.device_type], device_type=session.device_type.value
        )

    async def _forever(self, interval_s: float, step: Callable[[], Awaitable[None]]) -> None:
        while True:
            await self._clock.sleep(interval_s)
            try:
                await step()
            except AWAY:
                continue  # the store's own health is reported elsewhere
            except Exception:  # every stream hangs on this task: it must outlive a defect
                log.exception("live sessions were not looked after this time")

    async def _tick(self) -> None:
        self.tick()

    def tick(self) -> None:
        """What is due now: heartbeats, warnings, ends, repeats. Called every second."""
        now, now_ms = self._clock.monotonic(), self._clock.now_ms()
        heartbeat = Event(EventKind.HEARTBEAT, at_ms=now_ms)
        self._report()
        for session in list(self._by_id.values()):
            if session.ended:
                self._see_out(session, now)
                continue
            session.poke()
            if now >= session.heartbeat_at:
                session.heartbeat_at = now + self.settings.heartbeat_s
                if not session.queued:
                    session.tell(heartbeat)
            if session.expires_at_ms:
                self._watch_expiry(session, now_ms)
            if now >= session.reconnect_at:
                self._ask_to_reconnect(session, self.settings.reconnect_spread_s)
            if session.data_changes:
                self._data_changes.repeat(session, now)

    def _report(self) -> None:
        self._metrics.gauge("notify_stream_lag_events", sum(s.queued for s in self._by_id.values()))
        self._metrics.count("notify_session_catchups_total", self._stats.catchups)
        self._stats.catchups = 0
        for kind in EventKind:
            if self._stats.events[kind.value]:
                self._metrics.count(
                    "notify_stream_events_total", self._stats.events[kind.value], kind=kind.name.lower()
                )
                self._stats.events[kind.value] = 0

    def _watch_expiry(self, session: Session, now_ms: int) -> None:
        left_ms = session.expires_at_ms - now_ms
        if left_ms <= 0:
            session.end(Unauthenticated("the token has expired"))
            self._let_go(session)
        elif left_ms <= self.settings.auth_warning_s * 1_000 and not session.expiry_announced:
            session.expiry_announced = session.tell(Event(EventKind.AUTH_EXPIRING, at_ms=session.expires_at_ms))

    def _see_out(self, session: Session, now: float) -> None:
        """A reader that has stalled must not keep an ended session's place."""
        if not session.leave_by:
            session.leave_by = now + _LEAVE_S
        elif now >= session.leave_by:
            self._let_go(session)

    def _let_go(self, session: Session) -> None:
        self.disconnect(session)
        session.let_go()

    def _ask_to_reconnect(self, session: Session, spread_s: float) -> None:
        after_ms = round(self._random.uniform(0, spread_s) * 1_000)
        session.end(Unavailable("reconnect"), last=Event(EventKind.RECONNECT, after_ms=after_ms))

    async def check(self) -> None:
        """Compare every session's place with the store. Raises as that does."""
        users = list(self._by_user)
        for start in range(0, len(users), _CHECK_BATCH):
            some = users[start : start + _CHECK_BATCH]
            inboxes = await self._store.get_inboxes(some)
            for user in some:
                inbox = inboxes.get(user, EMPTY_INBOX)  # erased, where a session knows another one
                self.reached(user, inbox.epoch, inbox.last_seq)
