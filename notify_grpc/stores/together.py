"""Many creates at once, for drivers that gather concurrent ones by themselves."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from notify_grpc.domain.errors import NotifyError
from notify_grpc.ports.store import Created, Notice

Create = Callable[[Notice], Awaitable[list[Created]]]


async def create_together(create: Create, notices: Sequence[Notice]) -> list[list[Created] | NotifyError]:
    """`InboxStore.create_many` by ``create``. Raises what is no NotifyError."""

    async def one(notice: Notice) -> list[Created] | NotifyError:
        try:
            return await create(notice)
        except NotifyError as exc:
            return exc

    if len(notices) == 1:
        return [await one(notices[0])]
    return await asyncio.gather(*map(one, notices))
