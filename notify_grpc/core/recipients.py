"""Where a notification goes beside the inbox: addresses of the request first, then the user's devices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Protocol

from notify_grpc.core.commands import NotifyCommand
from notify_grpc.domain.deliveries import Target, device_target
from notify_grpc.domain.errors import InvalidArgument
from notify_grpc.domain.models import Channel, Device
from notify_grpc.ports.store import DeviceStore, Recipient

_IN_APP = frozenset({Channel.IN_APP})
_PUSH = frozenset({Channel.WEB_PUSH, Channel.MOBILE_PUSH})


class Addressing(Protocol):
    """What the dispatcher knows about addresses."""

    @property
    def channels(self) -> frozenset[Channel]:
        """Channels with a provider."""
        ...

    def validate(self, target: Target) -> str | None:
        """What is wrong with an address; None if nothing."""
        ...


def chosen_channels(command: NotifyCommand, addressing: Addressing) -> tuple[Channel, ...]:
    """The channels asked for, each once, in a fixed order; all with a provider when none are named."""
    return _in_order(frozenset(command.channels) or addressing.channels | _IN_APP)


@lru_cache(maxsize=128)
def _in_order(channels: frozenset[Channel]) -> tuple[Channel, ...]:
    return tuple(c for c in Channel if c in channels)


async def resolve(
    command: NotifyCommand,
    user_ids: Sequence[str],
    channels: Sequence[Channel],
    addressing: Addressing,
    devices: DeviceStore,
) -> tuple[Recipient, ...]:
    """Recipients with their targets, each (channel, address) once. Raises InvalidArgument for a wrong address."""
    external = [c for c in channels if c in addressing.channels]
    if not external:
        return tuple(Recipient(u) for u in user_ids)
    registered: Mapping[str, Sequence[Device]] = {}
    if not _PUSH.isdisjoint(external):
        registered = await devices.list_devices(command.tenant_id, user_ids)
    return tuple(Recipient(u, _targets(u, command, external, registered.get(u, ()), addressing)) for u in user_ids)


def _targets(
    user_id: str,
    command: NotifyCommand,
    channels: Sequence[Channel],
    devices: Sequence[Device],
    addressing: Addressing,
) -> tuple[Target, ...]:
    given = command.addresses.get(user_id, {})
    targets: dict[Target, None] = {}
    for channel in channels:
        if channel in given:
            target = Target(channel, given[channel])
            wrong = addressing.validate(target)
            if wrong is not None:
                raise InvalidArgument(f"addresses[{user_id}].by_channel[{channel}]", wrong)
            targets[target] = None
        else:
            targets.update((t, None) for t in map(device_target, devices) if t.channel is channel)
    return tuple(targets)
