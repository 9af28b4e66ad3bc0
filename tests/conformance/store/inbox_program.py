"""Any sequence of inbox calls, and any that overlap, leaves what the plain model has."""

from __future__ import annotations

from asyncio import gather

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from notify_grpc.domain.errors import NotFound
from notify_grpc.domain.models import EMPTY_INBOX, Content, UserKey
from notify_grpc.ports.store import Notice, Store
from tests.conformance.store.database import Database
from tests.conformance.store.inbox_model import InboxModel, Item, item_of
from tests.conformance.store.making import T0, notice, whole_inbox
from tests.conformance.store.program import Program, run_program

USER = st.integers(0, 2)
GROUPS = st.sampled_from([(0,), (1,), (0, 1), (1, 0), (2,)])
KEY = st.integers(0, 7).map("n-{}".format)
CONTENT = st.sampled_from([Content("one"), Content("two", data={"a": "b"})])
AGE = st.integers(0, 3)
PICK = st.integers(0, 20)
LIMIT = st.integers(1, 4)
PLACE = st.integers(0, 14)


class InboxProgram(Program):
    def __init__(self) -> None:
        super().__init__()
        self.models: dict[UserKey, InboxModel] = {}
        self.epochs: set[int] = set()
        self.now_ms = T0 + 1_000

    def model(self, user: UserKey) -> InboxModel:
        return self.models.get(user, InboxModel())

    def tick(self) -> int:
        self.now_ms += 1
        return self.now_ms

    def picked(self, user: UserKey, pick: int) -> Item | None:
        """One of the user's rows, if there is any."""
        items = self.model(user).items
        return items[pick % len(items)] if items else None

    @rule(group=GROUPS, key=KEY, content=CONTENT, age=AGE)
    def create(self, group: tuple[int, ...], key: str, content: Content, age: int) -> None:
        users = [self.users[index] for index in group]
        answers = self.run(self.store.create(notice(*users, key=key, content=content, at_ms=T0 + age)))
        for user, answer in zip(users, answers, strict=True):
            model = self.models.setdefault(user, InboxModel())
            known = model.find(key)
            if known:
                assert (answer.id, answer.duplicate) == (known.id, True)
                assert answer.content_mismatch == (known.content != content)
            else:
                item = model.add(answer.id, key, content, T0 + age)
                assert not answer.duplicate
                assert (answer.position, answer.change_seq, answer.unread) == (
                    item.position,
                    item.seq,
                    len(model.unread),
                )

    @rule(index=USER, pick=PICK)
    def read(self, index: int, pick: int) -> None:
        user, at_ms = self.users[index], self.tick()
        item = self.picked(user, pick)
        if item:
            marked = self.run(self.store.mark_read(user, item.id, at_ms))
            assert marked.changed == self.model(user).read(item, at_ms)
            assert item_of(marked.notification) == item
            assert marked.inbox[1:] == self.model(user).counters()

    @rule(index=USER, limit=LIMIT)
    def read_all(self, index: int, limit: int) -> None:
        user, at_ms = self.users[index], self.tick()
        model = self.model(user)
        expected = [model.read(item, at_ms) for item in model.unread[:limit]]
        count, inbox = self.run(self.store.mark_all_read(user, at_ms, limit=limit))
        assert (count, inbox[1:]) == (len(expected), model.counters())

    @rule(index=USER, picks=st.lists(PICK, max_size=4))
    def delivered(self, index: int, picks: list[int]) -> None:
        user, at_ms = self.users[index], self.tick()
        items = [item for item in (self.picked(user, pick) for pick in picks) if item]
        fresh = {item.id: item for item in items if not (item.delivered_at_ms or item.read_at_ms)}
        for item in fresh.values():
            item.delivered_at_ms = at_ms
        pairs = [(user, item.id) for item in items]
        assert self.run(self.store.mark_delivered(pairs, at_ms)) == len(fresh)

    @rule(index=USER, before=st.none() | PLACE, limit=LIMIT, unread_only=st.booleans())
    def page(self, index: int, before: int | None, limit: int, unread_only: bool) -> None:
        user = self.users[index]
        page = self.run(self.store.list_notifications(user, before=before, limit=limit, unread_only=unread_only))
        items, next_before = self.model(user).page(before, limit, unread_only)
        assert [item_of(row) for row in page.notifications] == items
        assert (page.next_before, page.unread) == (next_before, len(self.model(user).unread))

    @rule(index=USER, since=PLACE, limit=LIMIT)
    def changes(self, index: int, since: int, limit: int) -> None:
        user = self.users[index]
        inbox, rows, more = self.run(self.store.list_changes(user, since=since, limit=limit))
        items, expected_more = self.model(user).changes(since, limit)
        assert ([item_of(row) for row in rows], more) == (items, expected_more)
        assert inbox[1:] == self.model(user).counters()

    @rule(pick=PICK, index=USER, stranger=USER)
    def look_up(self, index: int, pick: int, stranger: int) -> None:
        item = self.picked(self.users[index], pick)
        if item and stranger == index:
            assert item_of(self.run(self.store.get_notification(self.users[index], item.id))) == item
        elif item:
            with pytest.raises(NotFound):
                self.run(self.store.get_notification(self.users[stranger], item.id))

    @rule(age=AGE)
    def prune(self, age: int) -> None:
        expected = sum(model.prune(T0 + age) for model in self.models.values())
        assert self.run(self.store.prune(T0 + age, limit=100)) == expected

    @rule(index=USER)
    def erase(self, index: int) -> None:
        user = self.users[index]
        model = self.models.pop(user, InboxModel())
        self.epochs.add(self.run(self.store.get_inboxes([user])).get(user, EMPTY_INBOX).epoch)
        erased = self.run(self.store.erase_user(user))
        assert erased == (len(model.items), 0, 0)

    @rule(keys=st.lists(KEY, min_size=2, max_size=6), picks=st.lists(PICK, max_size=3), limit=LIMIT, index=USER)
    def at_once(self, keys: list[str], picks: list[int], limit: int, index: int) -> None:
        """Overlapping writes: their order is the store's to choose, the counters' truth is not."""
        user, at_ms = self.users[index], self.tick()
        model = self.models.setdefault(user, InboxModel())
        was_read = {item.id for item in model.items if item.read_at_ms}
        reads = {item.id for item in (self.picked(user, pick) for pick in picks) if item}
        known = {item.key for item in model.items}
        self.run(self._at_once(user, [notice(user, key=key) for key in keys], reads, limit, at_ms))
        rows = [item_of(row) for row in reversed(self.run(whole_inbox(self.store, user)))]
        created = len({row.key for row in rows} - known)
        assert {row.key for row in rows} == known | set(keys)
        assert reads | was_read <= {row.id for row in rows if row.read_at_ms}
        assert [row.position for row in rows if row.key not in known] == list(
            range(model.positions + 1, model.positions + created + 1)
        )
        newly_read = sum(bool(row.read_at_ms) for row in rows) - len(was_read)
        assert len({row.seq for row in rows}) == len(rows)
        self.models[user] = InboxModel(rows, model.positions + created, model.seqs + created + newly_read, model.pruned)

    async def _at_once(self, user: UserKey, notices: list[Notice], reads: set[str], limit: int, at_ms: int) -> None:
        await gather(
            *(self.store.create(each) for each in notices),
            *(self.store.mark_read(user, id, at_ms) for id in reads),
            self.store.mark_all_read(user, at_ms, limit=limit),
        )

    @invariant()
    def counters_are_true(self) -> None:
        inboxes = self.run(self.store.get_inboxes(self.users))
        assert {user: inbox[1:] for user, inbox in inboxes.items()} == {
            user: model.counters() for user, model in self.models.items()
        }
        assert all(inbox.epoch not in self.epochs for inbox in inboxes.values())

    def teardown(self) -> None:
        try:
            for user in self.users:
                rows = self.run(whole_inbox(self.store, user))
                assert [item_of(row) for row in reversed(rows)] == self.model(user).items
        finally:
            super().teardown()


class InboxPrograms:
    @pytest.mark.timeout(240)
    async def test_any_program_of_inbox_calls_leaves_what_the_model_has(
        self, database: Database, store: Store, other: Store
    ) -> None:
        await run_program(InboxProgram, database, store, other)
