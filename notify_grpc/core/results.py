"""What a Notify call came to: counts, and results where asked for."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from notify_grpc.core.commands import ChannelResult, NotifyResult, Reason, RecipientResult
from notify_grpc.core.dispatch import Attempted
from notify_grpc.domain.deliveries import Delivery, DeliveryState
from notify_grpc.domain.models import Channel, Status
from notify_grpc.ports.store import Created, Notice

_ACCEPTED = frozenset({DeliveryState.DELIVERED, DeliveryState.ACKED})
_LOST = frozenset({DeliveryState.FAILED, DeliveryState.EXPIRED, DeliveryState.CANCELLED})


def summarise(
    notice: Notice,
    created: Sequence[Created],
    *,
    live: Collection[str],
    with_provider: Collection[Channel],
    attempted: Mapping[str, Attempted],
    explain: bool,
) -> NotifyResult:
    """Count every (recipient, channel) pair of new notifications once; explain each when asked."""
    result = NotifyResult()
    for one in created:
        if one.duplicate:
            result.duplicates += 1
            channels: tuple[ChannelResult, ...] = ()
        else:
            channels = tuple(
                _in_app(one, live) if c is Channel.IN_APP else _external(c, one.deliveries, with_provider, attempted)
                for c in notice.channels
            )
            _count(result, channels)
        if explain:
            channels = channels or tuple(ChannelResult(c, Status.PENDING, Reason.DUPLICATE) for c in notice.channels)
            result.recipients.append(
                RecipientResult(one.user_id, one.id, one.duplicate, one.content_mismatch, channels)
            )
    return result


def _count(result: NotifyResult, channels: Sequence[ChannelResult]) -> None:
    for channel in channels:
        if channel.status is Status.DELIVERED:
            result.delivered += 1
        elif channel.status is Status.FAILED:
            result.failed += 1
        else:
            result.pending += 1


_LIVE = ChannelResult(Channel.IN_APP, Status.DELIVERED)
_NO_SESSION = ChannelResult(Channel.IN_APP, Status.PENDING, Reason.NO_SESSION)


def _in_app(created: Created, live: Collection[str]) -> ChannelResult:
    return _LIVE if created.user_id in live else _NO_SESSION


def _external(
    channel: Channel,
    deliveries: Sequence[Delivery],
    with_provider: Collection[Channel],
    attempted: Mapping[str, Attempted],
) -> ChannelResult:
    """A channel is delivered when one of its targets is, failed when all are."""
    if channel not in with_provider:
        return ChannelResult(channel, Status.PENDING, Reason.NO_PROVIDER)
    mine = [d for d in deliveries if d.channel is channel]
    if not mine:
        return ChannelResult(channel, Status.PENDING, Reason.NO_ADDRESS)
    done = [attempted[d.id] for d in mine if d.id in attempted]
    states = [a.state for a in done]
    error = next((a.error_class for a in done if a.error_class is not None), None)
    if not _ACCEPTED.isdisjoint(states):
        return ChannelResult(channel, Status.DELIVERED, targets=len(mine))
    if len(done) == len(mine) and _LOST.issuperset(states):
        return ChannelResult(channel, Status.FAILED, None, error, len(mine))
    parked = DeliveryState.PARKED in states
    return ChannelResult(channel, Status.PENDING, Reason.PARKED if parked else Reason.QUEUED, error, len(mine))
