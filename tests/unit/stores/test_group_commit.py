"""GroupCommit: what waits together is committed together, and nobody pays for another's mistake."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextvars import ContextVar

import pytest

from notify_grpc.domain.errors import NotFound, OutcomeUnknown, ResourceExhausted, Unavailable
from notify_grpc.stores.group_commit import GroupCommit
from tests.support.clock import ManualClock
from tests.support.waiting import eventually


class Disk:
    """Commits to a list, each time when told; answers each item doubled."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.running = 0
        self.most_at_once = 0
        self.go = asyncio.Event()
        self.go.set()
        self.bad: dict[int, Exception] = {}

    async def commit(self, items: Sequence[int]) -> list[int | Exception]:
        self.running += 1
        self.most_at_once = max(self.most_at_once, self.running)
        try:
            self.groups.append(list(items))
            await self.go.wait()
            for item in items:
                if item in self.bad:
                    raise self.bad[item]
            return [NotFound(str(item)) if item < 0 else 2 * item for item in items]
        finally:
            self.running -= 1

    def stop(self) -> None:
        """Let the next commit wait until ``go`` is set."""
        self.go.clear()


@pytest.fixture
def disk() -> Disk:
    return Disk()


def submit(group: GroupCommit[int, int], *items: int) -> list[asyncio.Task[int]]:
    return [asyncio.create_task(group.submit(item)) for item in items]


async def queue_behind_a_commit(group: GroupCommit[int, int], disk: Disk, *items: int) -> list[asyncio.Task[int]]:
    """Item 0 is being committed; ``items`` wait behind it. Nothing goes on until ``disk.go`` is set."""
    disk.stop()
    first = submit(group, 0)
    await eventually(lambda: disk.running == 1)
    waiting = submit(group, *items)
    await asyncio.sleep(0)
    return first + waiting


async def test_an_idle_one_is_committed_at_once_and_alone(disk: Disk) -> None:
    group = GroupCommit(disk.commit, name="test")
    assert [await group.submit(item) for item in (1, 2, 3)] == [2, 4, 6]
    assert disk.groups == [[1], [2], [3]]


async def test_what_arrives_during_a_commit_is_the_next_group(disk: Disk) -> None:
    group = GroupCommit(disk.commit, name="test")
    tasks = await queue_behind_a_commit(group, disk, 1, 2, 3)
    disk.go.set()
    assert await asyncio.gather(*tasks) == [0, 2, 4, 6]
    assert disk.groups == [[0], [1, 2, 3]]


async def test_one_commit_runs_at_a_time(disk: Disk) -> None:
    group = GroupCommit(disk.commit, name="test", limit=2)
    tasks = await queue_behind_a_commit(group, disk, 1, 2, 3)
    for _ in range(10):  # turns of the loop in which another commit could start
        await asyncio.sleep(0)
    assert disk.groups == [[0]]
    disk.go.set()
    assert await asyncio.gather(*tasks) == [0, 2, 4, 6]
    assert disk.most_at_once == 1


async def test_several_commits_run_at_a_time_where_wanted(disk: Disk) -> None:
    group = GroupCommit(disk.commit, name="test", parallel=2)
    tasks = await queue_behind_a_commit(group, disk, 1, 2)
    await eventually(lambda: disk.running == 2)
    late = submit(group, 3)
    await asyncio.sleep(0)
    disk.go.set()
    assert await asyncio.gather(*tasks, *late) == [0, 2, 4, 6]
    assert disk.groups == [[0], [1, 2], [3]]


async def test_a_group_has_a_greatest_weight_and_a_heavier_item_goes_alone(disk: Disk) -> None:
    group = GroupCommit(disk.commit, name="test", limit=10, weigh=lambda item: item)
    tasks = await queue_behind_a_commit(group, disk, 4, 6, 1, 99, 2, 3)
    disk.go.set()
    await asyncio.gather(*tasks)
    assert disk.groups == [[0], [4, 6], [1], [99], [2, 3]]


async def test_an_exception_as_a_result_is_its_submitters_alone(disk: Disk) -> None:
    group = GroupCommit(disk.commit, name="test")
    tasks = await queue_behind_a_commit(group, disk, 1, -2, 3)
    disk.go.set()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert [answers[0], answers[1], answers[3]] == [0, 2, 6]
    assert isinstance(answers[2], NotFound)
    assert disk.groups == [[0], [1, -2, 3]]


async def test_a_group_that_fails_is_committed_one_by_one_and_only_the_bad_item_fails(disk: Disk) -> None:
    group = GroupCommit(disk.commit, name="test")
    disk.bad[2] = ValueError("bad")
    tasks = await queue_behind_a_commit(group, disk, 1, 2, 3)
    disk.go.set()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert [answers[0], answers[1], answers[3]] == [0, 2, 6]
    assert answers[2] is disk.bad[2]
    assert disk.groups == [[0], [1, 2, 3], [1], [2], [3]]


@pytest.mark.parametrize("error", [Unavailable("down"), ResourceExhausted("full"), OutcomeUnknown("lost")])
async def test_a_database_that_is_down_or_full_or_an_unknown_outcome_is_everybodys_and_not_tried_again(
    disk: Disk, error: Exception
) -> None:
    group = GroupCommit(disk.commit, name="test")
    disk.bad[2] = error
    tasks = await queue_behind_a_commit(group, disk, 1, 2, 3)
    disk.go.set()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert answers == [0, error, error, error]
    assert disk.groups == [[0], [1, 2, 3]]
    assert await group.submit(4) == 8


async def test_cancelled_while_it_waits_an_item_is_never_committed(disk: Disk) -> None:
    group = GroupCommit(disk.commit, name="test")
    zero, one, two = await queue_behind_a_commit(group, disk, 1, 2)
    one.cancel()
    await eventually(one.cancelled)
    disk.go.set()
    assert [await zero, await two] == [0, 4]
    assert disk.groups == [[0], [2]]


async def test_cancelled_while_it_is_committed_an_item_is_committed_whole(disk: Disk) -> None:
    group = GroupCommit(disk.commit, name="test")
    disk.stop()
    one, two = submit(group, 1, 2)
    await eventually(lambda: disk.running == 1)
    one.cancel()
    await eventually(one.cancelled)
    disk.go.set()
    assert await two == 4
    assert disk.groups == [[1, 2]]


async def test_close_commits_what_waits_and_refuses_what_comes(disk: Disk) -> None:
    group = GroupCommit(disk.commit, name="test", limit=2)
    tasks = await queue_behind_a_commit(group, disk, 1, 2, 3)
    closing = asyncio.create_task(group.close())
    await asyncio.sleep(0)
    with pytest.raises(Unavailable):
        await group.submit(4)
    assert not closing.done()
    disk.go.set()
    await closing
    assert [task.result() for task in tasks] == [0, 2, 4, 6]
    await group.close()


async def test_too_many_waiting_are_refused(disk: Disk) -> None:
    group = GroupCommit(disk.commit, name="test", max_waiting=2)
    tasks = await queue_behind_a_commit(group, disk, 1, 2)
    with pytest.raises(ResourceExhausted, match="too many"):
        await group.submit(3)
    disk.go.set()
    assert await asyncio.gather(*tasks) == [0, 2, 4]


async def test_a_submit_in_the_moment_a_group_is_answered_does_not_get_lost(disk: Disk) -> None:
    group = GroupCommit(disk.commit, name="test")

    async def one_after_another() -> list[int]:
        return [await group.submit(item) for item in range(20)]

    async with asyncio.timeout(5):
        walks = await asyncio.gather(one_after_another(), one_after_another())
    assert [*walks] == [list(range(0, 40, 2))] * 2


async def test_a_commit_runs_in_nobodys_context() -> None:
    trace: ContextVar[str] = ContextVar("trace", default="none")
    seen: list[str] = []

    async def commit(items: Sequence[int]) -> list[int]:
        seen.append(trace.get())
        return list(items)

    group = GroupCommit(commit, name="test")
    trace.set("mine")
    await group.submit(1)
    assert seen == ["none"]


class TestLinger:
    async def test_arrivals_in_a_rush_wait_for_company(self, disk: Disk, clock: ManualClock) -> None:
        group = GroupCommit(disk.commit, name="test", linger_s=0.005, clock=clock)
        tasks = submit(group, *range(50))
        await clock.until_sleeping()
        tasks += submit(group, 50, 51)
        await asyncio.sleep(0)
        assert disk.groups == []
        await clock.advance(0.005)
        await asyncio.gather(*tasks)
        assert disk.groups == [list(range(52))]

    async def test_a_full_group_waits_for_nobody(self, disk: Disk, clock: ManualClock) -> None:
        group = GroupCommit(disk.commit, name="test", linger_s=0.005, limit=50, clock=clock)
        await asyncio.gather(*submit(group, *range(50)))
        assert disk.groups == [list(range(50))]

    async def test_one_caller_after_another_never_waits(self, disk: Disk, clock: ManualClock) -> None:
        group = GroupCommit(disk.commit, name="test", linger_s=0.005, clock=clock)
        for item in range(100):
            await group.submit(item)
            await clock.advance(0.002)
        assert len(disk.groups) == 100

    async def test_after_a_rush_it_is_idle_again(self, disk: Disk, clock: ManualClock) -> None:
        group = GroupCommit(disk.commit, name="test", linger_s=0.005, limit=50, clock=clock)
        await asyncio.gather(*submit(group, *range(50)))
        await clock.advance(1)
        assert await group.submit(50) == 100
        assert clock.sleeping == 0
