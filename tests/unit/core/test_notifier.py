"""The Notifier in-process, on the memory store: no server needed."""

from __future__ import annotations

import asyncio
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Mapping, Sequence

import pytest

from notify_grpc.buses.announcer import Announcer
from notify_grpc.core import notifier as core_notifier
from notify_grpc.core.commands import ChannelResult, Dispatch, NotifyCommand, Reason
from notify_grpc.core.dispatch import Dispatcher, DispatchSettings
from notify_grpc.core.notifier import Notifier
from notify_grpc.core.realtime.events import EventKind
from notify_grpc.domain.deliveries import ErrorClass
from notify_grpc.domain.errors import FailedPrecondition, InvalidArgument, NotFound, Unavailable
from notify_grpc.domain.models import Channel, Content, Device, DeviceType, Status, UserKey
from notify_grpc.ports.bus import DataChange, UserPresence
from notify_grpc.ports.provider import Message, Receipt
from notify_grpc.ports.store import DeliveryFilter
from notify_grpc.stores.memory import MemoryStore
from tests.support.waiting import eventually

ADA = UserKey("acme", "ada")


class Post:
    """A provider in this process that answers as told and keeps what it got."""

    timeout_s = 5.0

    def __init__(self, channel: Channel = Channel.EMAIL, name: str = "post") -> None:
        self.channel = channel
        self.name = name
        self.sent: list[Message] = []
        self.receipt = Receipt(message_id="m-1")
        self.gate = asyncio.Event()
        self.gate.set()

    def accepts(self, target: str) -> bool:
        return True

    def validate(self, target: str) -> str | None:
        return None if "@" in target or self.channel is not Channel.EMAIL else "is not an email address"

    async def send(self, message: Message) -> Receipt:
        await self.gate.wait()
        self.sent.append(message)
        return self.receipt

    async def check(self) -> str | None:
        return None

    async def open(self) -> None: ...

    async def close(self) -> None: ...


def command(key: str = "n1", *users: str, **more: object) -> NotifyCommand:
    fields = {"content": Content(title="Hi", body="there"), **more}
    return NotifyCommand("acme", key, users or ("ada",), **fields)  # type: ignore[arg-type]  # a test's shorthand


def to_ada(key: str = "n1", **more: object) -> NotifyCommand:
    return command(key, addresses={"ada": {"email": "ada@example.org"}}, return_results=True, **more)


@pytest.fixture
def post() -> Post:
    return Post()


@pytest.fixture
async def notifier(post: Post) -> AsyncIterator[Notifier]:
    store = MemoryStore()
    async with Notifier(store, dispatcher=Dispatcher(store, [post], owner="test")) as notifier:
        yield notifier


async def test_it_needs_nothing_but_a_store() -> None:
    async with Notifier(MemoryStore()) as notifier:
        result = await notifier.notify(command("n1", "ada", "bob"))
        page, _, unread = await notifier.inbox.page(ADA)

    assert (result.delivered, result.pending, result.failed) == (0, 2, 0)
    assert [n.content.title for n in page] == ["Hi"]
    assert unread == 1


async def test_a_live_session_makes_in_app_delivered(notifier: Notifier) -> None:
    session = await notifier.sessions.connect(ADA)
    while (await session.next_events())[-1].kind is not EventKind.CAUGHT_UP:
        pass

    result = await notifier.notify(command("n1", "ada", "bob", channels=[Channel.IN_APP]))

    assert (result.delivered, result.pending) == (1, 1)
    [event] = await session.next_events()
    assert event.notification is not None
    assert event.notification.content.body == "there"


async def test_a_repeat_creates_and_sends_nothing(notifier: Notifier, post: Post) -> None:
    await notifier.notify(to_ada())

    again = await notifier.notify(to_ada())

    assert (again.duplicates, again.delivered, again.pending) == (1, 0, 0)
    assert again.recipients[0].duplicate
    assert not again.recipients[0].content_mismatch
    assert len(post.sent) == 1


async def test_other_content_under_the_same_key_is_told_and_the_first_stays(notifier: Notifier) -> None:
    first = await notifier.notify(to_ada())

    again = await notifier.notify(to_ada(content=Content(title="Other")))

    assert again.recipients[0].content_mismatch
    assert again.recipients[0].id == first.recipients[0].id
    page, _, _ = await notifier.inbox.page(ADA)
    assert [n.content.title for n in page] == ["Hi"]


async def test_a_user_listed_twice_counts_once(notifier: Notifier) -> None:
    result = await notifier.notify(command("n1", "ada", "bob", "ada", channels=[Channel.IN_APP]))

    assert result.pending == 2


async def test_no_channels_means_every_channel_with_a_provider(notifier: Notifier, post: Post) -> None:
    result = await notifier.notify(to_ada())

    assert result.recipients[0].channels == (
        ChannelResult(Channel.IN_APP, Status.PENDING, Reason.NO_SESSION),
        ChannelResult(Channel.EMAIL, Status.DELIVERED, targets=1),
    )
    assert [m.target for m in post.sent] == ["ada@example.org"]


async def test_results_say_why_a_channel_is_pending(notifier: Notifier) -> None:
    result = await notifier.notify(command(channels=[Channel.EMAIL, Channel.SMS], return_results=True))

    assert [(c.channel, c.reason) for c in result.recipients[0].channels] == [
        (Channel.EMAIL, Reason.NO_ADDRESS),
        (Channel.SMS, Reason.NO_PROVIDER),
    ]
    assert result.pending == 2


async def test_a_final_refusal_is_failed_with_its_class(notifier: Notifier, post: Post) -> None:
    post.receipt = Receipt(ErrorClass.PERMANENT, error_code="550")

    result = await notifier.notify(to_ada(channels=[Channel.EMAIL]))

    assert result.failed == 1
    assert result.recipients[0].channels == (
        ChannelResult(Channel.EMAIL, Status.FAILED, None, ErrorClass.PERMANENT, 1),
    )


async def test_a_wrong_address_names_the_field_and_stores_nothing(notifier: Notifier) -> None:
    with pytest.raises(InvalidArgument) as caught:
        await notifier.notify(command(addresses={"ada": {"email": "nonsense"}}))

    assert caught.value.field == "addresses[ada].by_channel[email]"
    assert (await notifier.inbox.page(ADA))[0] == []


async def test_queued_answers_after_the_commit_and_sends_all_the_same(notifier: Notifier, post: Post) -> None:
    post.gate.clear()

    result = await notifier.notify(to_ada(dispatch=Dispatch.QUEUED, channels=[Channel.EMAIL]))

    assert result.recipients[0].channels == (ChannelResult(Channel.EMAIL, Status.PENDING, Reason.QUEUED, None, 1),)
    post.gate.set()
    await eventually(lambda: len(post.sent) == 1)


async def test_inline_is_bounded_by_the_calls_budget_and_goes_on_by_itself(notifier: Notifier, post: Post) -> None:
    post.gate.clear()

    result = await notifier.notify(to_ada(channels=[Channel.EMAIL]), budget_s=0.01)

    assert result.pending == 1
    post.gate.set()
    await eventually(lambda: len(post.sent) == 1)


async def test_a_cancelled_call_is_stored_and_sent_all_the_same(notifier: Notifier, post: Post) -> None:
    post.gate.clear()
    call = asyncio.create_task(notifier.notify(to_ada()))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call

    post.gate.set()

    await eventually(lambda: len(post.sent) == 1)
    assert (await notifier.inbox.page(ADA))[2] == 1


async def test_closing_does_not_wait_as_long_as_a_caller_would(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core_notifier, "_LAST_CALLS_S", 0.05)
    post.gate.clear()
    store, settings = MemoryStore(), DispatchSettings(drain_s=0.05)
    async with Notifier(store, dispatcher=Dispatcher(store, [post], owner="t", settings=settings)) as n:
        call = asyncio.create_task(n.notify(to_ada(channels=[Channel.EMAIL]), budget_s=3_600))
        await eventually(lambda: bool(n._storing))

        async with asyncio.timeout(5):
            await n.close()

        assert (await call).pending == 1


async def test_a_registered_device_is_a_target_and_an_address_overrides_it() -> None:
    store, push = MemoryStore(), Post(Channel.MOBILE_PUSH)
    async with Notifier(store, dispatcher=Dispatcher(store, [push], owner="test")) as notifier:
        for device_id in ("phone", "tablet"):
            await notifier.inbox.register_device(ADA, Device(DeviceType.ANDROID, device_id, f"t-{device_id}"))
        await notifier.notify(command("n1"))
        await notifier.notify(command("n2", addresses={"ada": {"mobile_push": "ios:other"}}))

    assert sorted(m.target for m in push.sent) == ["android:t-phone", "android:t-tablet", "ios:other"]


async def test_status_shows_each_recipient_with_deliveries_and_attempts(notifier: Notifier) -> None:
    await notifier.notify(command("n1", "ada", "bob", "cy", addresses={"ada": {"email": "ada@example.org"}}))

    first, cursor = await notifier.get_status("acme", "n1", limit=2)
    second, end = await notifier.get_status("acme", "n1", cursor=cursor, limit=2)

    assert [s.notification.user_id for s in first + second] == ["ada", "bob", "cy"]
    assert end == ""
    [(delivery, attempts)] = first[0].deliveries
    assert delivery.provider_message_id == "m-1"
    assert len(attempts) == 1
    with pytest.raises(NotFound):
        await notifier.get_status("other", "n1")
    with pytest.raises(InvalidArgument):
        await notifier.get_status("acme", "n1", cursor="nonsense")


async def test_a_page_of_status_is_no_larger_than_a_client_takes(notifier: Notifier) -> None:
    users = [f"user-{n}" for n in range(10)]
    await notifier.notify(command("n1", *users, content=Content(body="x" * 500_000)))

    pages: list[list[str]] = []
    cursor = ""
    while not pages or cursor:
        statuses, cursor = await notifier.get_status("acme", "n1", cursor=cursor)
        pages.append([status.notification.user_id for status in statuses])

    assert [user for page in pages for user in page] == users
    assert max(map(len, pages)) == 6


@pytest.mark.parametrize("user_id", ["a\0b", ""])
async def test_a_cursor_of_no_user_is_refused(notifier: Notifier, user_id: str) -> None:
    await notifier.notify(command())
    cursor = "u" + urlsafe_b64encode(user_id.encode()).decode()

    with pytest.raises(InvalidArgument, match="cursor"):
        await notifier.get_status("acme", "n1", cursor=cursor)


async def test_a_tenant_that_cannot_be_stored_is_refused_as_a_filter(notifier: Notifier) -> None:
    with pytest.raises(InvalidArgument, match="tenant_id"):
        await notifier.list_deliveries(DeliveryFilter("a\0b"))


async def test_a_failed_delivery_is_listed_and_sent_again_on_request(notifier: Notifier, post: Post) -> None:
    post.receipt = Receipt(ErrorClass.PERMANENT)
    await notifier.notify(to_ada())
    [failed], _ = await notifier.list_deliveries(DeliveryFilter(tenant_id="acme"))
    post.receipt = Receipt(message_id="m-2")

    await notifier.retry_delivery(failed.id)

    await eventually(lambda: len(post.sent) == 2)
    with pytest.raises(NotFound):
        await notifier.retry_delivery("nonsense")

    async def again() -> bool:
        try:
            await notifier.retry_delivery(failed.id)
        except FailedPrecondition:
            return True
        return False

    await eventually(again)


async def test_many_calls_each_have_their_own_answer_in_order(notifier: Notifier) -> None:
    first, wrong, last = await notifier.notify_many([command("n1"), command(""), command("n1")])

    assert not isinstance(first, Exception)
    assert first.pending == 2
    assert isinstance(wrong, InvalidArgument)
    assert not isinstance(last, Exception)
    assert last.duplicates == 1


async def test_a_data_change_reaches_live_sessions_only_of_these_users(notifier: Notifier) -> None:
    await notifier.sessions.connect(ADA)

    assert await notifier.publish_data_change(DataChange((ADA, UserKey("acme", "bob")), "k", "r", "t")) == 1
    with pytest.raises(InvalidArgument) as caught:
        await notifier.publish_data_change(DataChange((ADA,), "", "r", "t"))
    assert caught.value.field == "idempotency_key"


async def test_presence_without_other_instances_is_this_ones(notifier: Notifier) -> None:
    await notifier.sessions.connect(ADA, device_type=DeviceType.IOS)

    ada, bob = await notifier.get_presence("acme", ["ada", "bob"])

    assert (ada.sessions, ada.instances, ada.device_types) == (1, 1, frozenset({DeviceType.IOS}))
    assert (bob.sessions, bob.instances) == (0, 0)


async def test_presence_asks_for_each_user_once_and_answers_in_the_callers_order() -> None:
    asked: list[UserKey] = []

    class Elsewhere(Announcer):
        async def find(self, users: Sequence[UserKey]) -> Mapping[UserKey, UserPresence]:
            asked.extend(users)
            return {ADA: UserPresence(1, 1, frozenset({DeviceType.IOS}))}

    notifier = Notifier(MemoryStore(), presence=Elsewhere(NotImplemented, 30.0))

    found = await notifier.get_presence("acme", ["ada", "bob", "ada"])

    assert [one.sessions for one in found] == [1, 0, 1]
    assert asked == [ADA, UserKey("acme", "bob")]


async def test_erasing_removes_all_and_says_how_much(notifier: Notifier) -> None:
    await notifier.notify(to_ada())
    await notifier.inbox.register_device(ADA, Device(DeviceType.IOS, "", "t"))

    erased = await notifier.erase_user(ADA)

    assert (erased.notifications, erased.deliveries, erased.devices) == (1, 1, 1)
    assert (await notifier.inbox.page(ADA)) == ([], "", 0)


async def test_a_part_that_cannot_open_closes_those_before_it() -> None:
    closed: list[str] = []

    class Shut(MemoryStore):
        async def close(self) -> None:
            closed.append("store")

    class Broken:
        shared = False
        connected = False
        reconnects = 0

        async def open(self, listener: object) -> None:
            raise Unavailable("no bus")

        async def close(self) -> None:
            closed.append("bus")

    with pytest.raises(Unavailable, match="no bus"):
        await Notifier(Shut(), bus=Broken()).open()  # type: ignore[arg-type]  # only what opening touches

    assert closed == ["bus", "store"]


async def test_closing_twice_and_before_opening_is_harmless() -> None:
    notifier = Notifier(MemoryStore())
    await notifier.close()
    await notifier.open()
    await notifier.close()
    await notifier.close()
