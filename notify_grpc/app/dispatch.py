"""Settings → how deliveries are worked."""

from __future__ import annotations

from dataclasses import replace

from notify_grpc.config import Settings
from notify_grpc.core.dispatch import DispatchSettings
from notify_grpc.domain.backoff import SCHEDULES
from notify_grpc.domain.models import Channel


def make_dispatch_settings(settings: Settings) -> DispatchSettings:
    """The dispatcher's part of the settings; waits keep their channel's jitter."""
    waits = {
        Channel.EMAIL: settings.email_retry_waits,
        Channel.SMS: settings.sms_retry_waits,
        Channel.WHATSAPP: settings.whatsapp_retry_waits,
        Channel.WEB_PUSH: settings.webpush_retry_waits,
        Channel.MOBILE_PUSH: settings.mobilepush_retry_waits,
    }
    return DispatchSettings(
        lease_s=settings.dispatch_lease,
        poll_s=settings.dispatch_poll_interval,
        drain_s=min(10.0, settings.shutdown_timeout / 3),
        concurrency=settings.dispatch_concurrency,
        breaker_failures=settings.dispatch_breaker_failures,
        breaker_max_open_s=settings.dispatch_breaker_max_pause,
        schedules={channel: replace(SCHEDULES[channel], waits_s=waits_s) for channel, waits_s in waits.items()},
    )
