"""Data changes: hints that are repeated to each session until it acknowledges them or the attempts are used up.

Everything is kept in the session itself, so that nothing is left behind when it ends.
"""

from __future__ import annotations

from notify_grpc.core.realtime.events import Event
from notify_grpc.core.realtime.session import DataChangeRepeat, Session
from notify_grpc.domain.clock import Clock

_MAX_OPEN = 256
"""Unacknowledged changes one session keeps; more are sent once and not repeated."""


class DataChanges:
    """Sends and repeats. ``interval_s`` between attempts, ``max_attempts`` in all (0: once, no repeats)."""

    def __init__(self, interval_s: float, max_attempts: int, clock: Clock) -> None:
        self._interval_s = interval_s
        self._max_attempts = max_attempts
        self._clock = clock

    def send(self, session: Session, event: Event) -> bool:
        """First attempt; a key that is open already is not sent anew. Whether the session took it."""
        if session.data_changes is None:
            session.data_changes = {}
        if event.idempotency_key in session.data_changes:
            return False
        taken = session.tell(event)
        if self._max_attempts > 1 and len(session.data_changes) < _MAX_OPEN:
            due = self._clock.monotonic() + self._interval_s
            session.data_changes[event.idempotency_key] = DataChangeRepeat(event, 1, due)
        return taken

    def repeat(self, session: Session, now: float) -> None:
        """Send again what is due and forget what was sent often enough."""
        for key, change in list((session.data_changes or {}).items()):
            if now >= change.due_at:
                session.tell(change.event)
                change.attempts += 1
                change.due_at = now + self._interval_s
                if change.attempts >= self._max_attempts:
                    self.ack(session, key)

    def ack(self, session: Session, key: str) -> None:
        """No more repeats of ``key``."""
        if session.data_changes:
            session.data_changes.pop(key, None)
