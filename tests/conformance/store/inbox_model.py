"""An inbox as plainly as it can be said: a list that is searched from end to end. Only for programs to compare with."""

from __future__ import annotations

from dataclasses import dataclass, field

from notify_grpc.domain.models import Content, Notification, Status


@dataclass
class Item:
    """What a row must show."""

    id: str
    key: str
    content: Content
    position: int
    seq: int
    created_at_ms: int
    delivered_at_ms: int = 0
    read_at_ms: int = 0

    @property
    def status(self) -> Status:
        if self.read_at_ms:
            return Status.READ
        return Status.DELIVERED if self.delivered_at_ms else Status.PENDING


@dataclass
class InboxModel:
    """One user's rows, oldest first, and counters."""

    items: list[Item] = field(default_factory=list)
    positions: int = 0
    seqs: int = 0
    pruned: int = 0

    @property
    def unread(self) -> list[Item]:
        return [item for item in self.items if not item.read_at_ms]

    def counters(self) -> tuple[int, int, int, int]:
        """An `Inbox` without its epoch."""
        return self.positions, self.seqs, self.pruned, len(self.unread)

    def find(self, key: str) -> Item | None:
        return next((item for item in self.items if item.key == key), None)

    def next_seq(self) -> int:
        self.seqs += 1
        return self.seqs

    def add(self, id: str, key: str, content: Content, at_ms: int) -> Item:
        self.positions += 1
        self.items.append(Item(id, key, content, self.positions, self.next_seq(), at_ms))
        return self.items[-1]

    def read(self, item: Item, at_ms: int) -> bool:
        if item.read_at_ms:
            return False
        item.read_at_ms, item.seq = at_ms, self.next_seq()
        return True

    def page(self, before: int | None, limit: int, unread_only: bool) -> tuple[list[Item], int | None]:
        rows = [
            item for item in (self.unread if unread_only else self.items) if before is None or item.position < before
        ]
        rows.reverse()
        return rows[:limit], rows[limit - 1].position if len(rows) > limit else None

    def changes(self, since: int, limit: int) -> tuple[list[Item], bool]:
        rows = sorted((item for item in self.items if item.seq > since), key=lambda item: item.seq)
        return rows[:limit], len(rows) > limit

    def prune(self, before_ms: int) -> int:
        old = [item for item in self.items if item.created_at_ms < before_ms]
        self.items = [item for item in self.items if item not in old]
        self.pruned = max([self.pruned, *(item.seq for item in old)])
        return len(old)


def item_of(row: Notification) -> Item:
    """A stored row as the model would have it; the states that follow from others are checked on the way."""
    item = Item(
        row.id,
        row.notification_id,
        row.content,
        row.position,
        row.change_seq,
        row.created_at_ms,
        row.delivered_at_ms,
        row.read_at_ms,
    )
    assert (row.status, row.ack_at_ms) == (item.status, item.read_at_ms)
    return item
