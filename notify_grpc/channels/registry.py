"""Every provider, by channel and name as in the configuration. A new one is a module, a line here and a test file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from notify_grpc.channels.apns import ApnsProvider, ApnsSettings
from notify_grpc.channels.fcm import FcmProvider, FcmSettings
from notify_grpc.channels.meta import MetaProvider, MetaSettings
from notify_grpc.channels.sendgrid import SendGridProvider, SendGridSettings
from notify_grpc.channels.ses import SesProvider, SesSettings
from notify_grpc.channels.smtp import SmtpProvider, SmtpSettings
from notify_grpc.channels.sns import SnsProvider, SnsSettings
from notify_grpc.channels.twilio import TwilioProvider, TwilioSettings, twilio_whatsapp
from notify_grpc.channels.vapid import VapidProvider, VapidSettings
from notify_grpc.domain.models import Channel
from notify_grpc.ports.provider import Provider


class Registration(NamedTuple):
    """``make`` takes one ``settings``; each pair is checked where the provider's constructor is typed."""

    settings: type
    make: Callable[[Any], Provider]


PROVIDERS: Mapping[tuple[Channel, str], Registration] = MappingProxyType(
    {
        (Channel.EMAIL, "smtp"): Registration(SmtpSettings, SmtpProvider),
        (Channel.EMAIL, "ses"): Registration(SesSettings, SesProvider),
        (Channel.EMAIL, "sendgrid"): Registration(SendGridSettings, SendGridProvider),
        (Channel.SMS, "twilio"): Registration(TwilioSettings, TwilioProvider),
        (Channel.SMS, "sns"): Registration(SnsSettings, SnsProvider),
        (Channel.WHATSAPP, "twilio"): Registration(TwilioSettings, twilio_whatsapp),
        (Channel.WHATSAPP, "meta"): Registration(MetaSettings, MetaProvider),
        (Channel.WEB_PUSH, "vapid"): Registration(VapidSettings, VapidProvider),
        (Channel.MOBILE_PUSH, "fcm"): Registration(FcmSettings, FcmProvider),
        (Channel.MOBILE_PUSH, "apns"): Registration(ApnsSettings, ApnsProvider),
    }
)


def provider_names(channel: Channel) -> list[str]:
    """The names a channel's setting may have."""
    return [name for known, name in PROVIDERS if known is channel]


def make_provider(channel: Channel, name: str, settings: object) -> Provider:
    """A provider, not opened yet.

    Raises KeyError for an unknown name, TypeError for another provider's settings, and InvalidArgument for settings
    that cannot work (a key that is no key).
    """
    registration = PROVIDERS[channel, name]
    if not isinstance(settings, registration.settings):
        raise TypeError(f"{name} takes {registration.settings.__name__}")
    return registration.make(settings)
