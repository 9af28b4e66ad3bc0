"""One user's inbox: its counters and its rows in three orders."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import replace
from operator import attrgetter

from notify_grpc.domain.ids import new_epoch
from notify_grpc.domain.models import Inbox, Notification, Status


class Numbered:
    """Rows in the order of one of their numbers, found by it in O(log n)."""

    __slots__ = ("_number", "rows")

    def __init__(self, number: Callable[[Notification], int]) -> None:
        self._number = number
        self.rows: list[Notification] = []

    def replace(self, row: Notification) -> None:
        self.rows[self._at(self._number(row))] = row

    def remove(self, row: Notification) -> None:
        del self.rows[self._at(self._number(row))]

    def below(self, number: int | None, limit: int) -> list[Notification]:
        """At most `limit` rows with a lower number, the highest first."""
        end = len(self.rows) if number is None else self._at(number)
        return self.rows[max(0, end - limit) : end][::-1]

    def above(self, number: int, limit: int) -> list[Notification]:
        """At most `limit` rows with a higher number, the lowest first."""
        start = self._at(number + 1)
        return self.rows[start : start + limit]

    def _at(self, number: int) -> int:
        return bisect_left(self.rows, number, key=self._number)


_position = attrgetter("position")
_change_seq = attrgetter("change_seq")


class Box:
    """A user's rows. Rows are never changed in place: whoever was given one keeps what it was given."""

    __slots__ = ("by_change", "by_position", "epoch", "ids", "last_position", "last_seq", "pruned_seq", "unread")

    def __init__(self) -> None:
        self.epoch = new_epoch()
        self.last_position = self.last_seq = self.pruned_seq = 0
        self.ids: dict[str, str] = {}
        """The store's ids by the producers' keys."""
        self.by_position = Numbered(_position)
        self.unread = Numbered(_position)
        self.by_change = Numbered(_change_seq)

    def inbox(self) -> Inbox:
        return Inbox(self.epoch, self.last_position, self.last_seq, self.pruned_seq, len(self.unread.rows))

    def add(self, row: Notification) -> None:
        """Append a row that was built with the next position and change_seq."""
        self.last_position, self.last_seq = row.position, row.change_seq
        self.ids[row.notification_id] = row.id
        self.by_position.rows.append(row)
        self.unread.rows.append(row)
        self.by_change.rows.append(row)

    def read(self, row: Notification, at_ms: int) -> Notification:
        """Mark an unread row read, as the inbox's next change."""
        self.last_seq += 1
        changed = replace(
            row, status=Status.READ, read_at_ms=at_ms, ack_at_ms=row.ack_at_ms or at_ms, change_seq=self.last_seq
        )
        self.unread.remove(row)
        self.by_change.remove(row)
        self.by_change.rows.append(changed)
        self.by_position.replace(changed)
        return changed

    def delivered(self, row: Notification, at_ms: int) -> Notification:
        """Mark a pending row delivered; no change a reader is told of."""
        changed = replace(row, status=Status.DELIVERED, delivered_at_ms=at_ms)
        for order in (self.by_position, self.unread, self.by_change):
            order.replace(changed)
        return changed

    def drop(self, row: Notification) -> None:
        """Forget a row that grew too old, and remember that its change is gone."""
        self.pruned_seq = max(self.pruned_seq, row.change_seq)
        del self.ids[row.notification_id]
        self.by_position.remove(row)
        self.by_change.remove(row)
        if not row.read_at_ms:
            self.unread.remove(row)
