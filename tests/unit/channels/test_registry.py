"""The registry is complete: every external channel has providers, every settings class keeps its secrets."""

from __future__ import annotations

from dataclasses import fields, is_dataclass

import pytest

from notify_grpc.channels.aws import AwsCredentials
from notify_grpc.channels.registry import PROVIDERS, Registration, make_provider, provider_names
from notify_grpc.channels.sendgrid import SendGridSettings
from notify_grpc.channels.ses import SesSettings
from notify_grpc.channels.smtp import SmtpSettings
from notify_grpc.domain.errors import InvalidArgument
from notify_grpc.domain.models import EXTERNAL_CHANNELS, Channel

SECRET_WORDS = ("password", "secret", "token", "private", "api_key", "credentials_json", "key_p8")


def test_every_external_channel_has_a_provider() -> None:
    assert all(provider_names(channel) for channel in EXTERNAL_CHANNELS)
    assert provider_names(Channel.IN_APP) == []
    assert provider_names(Channel.MOBILE_PUSH) == ["fcm", "apns"]


@pytest.mark.parametrize("registration", PROVIDERS.values(), ids=[f"{channel}-{name}" for channel, name in PROVIDERS])
def test_settings_are_values_that_hide_their_secrets(registration: Registration) -> None:
    settings = registration.settings
    assert is_dataclass(settings)
    shown = [field.name for field in fields(settings) if field.repr]
    assert [name for name in shown if any(word in name for word in SECRET_WORDS)] == []


def test_a_provider_is_made_from_its_settings() -> None:
    provider = make_provider(Channel.EMAIL, "smtp", SmtpSettings("mail.example.org", "a@example.org"))
    assert (provider.channel, provider.name) == (Channel.EMAIL, "smtp")


@pytest.mark.parametrize("sender", ["", "Shop", "shop@", "Shop <shop>", "a@b.example\r\nBcc: x"])
def test_a_sender_without_a_mailbox_is_refused(sender: str) -> None:
    for name, settings in (
        ("smtp", SmtpSettings("mail.example.org", sender)),
        ("sendgrid", SendGridSettings("k", sender)),
        ("ses", SesSettings(AwsCredentials("a", "s"), "eu-west-1", sender)),
    ):
        with pytest.raises(InvalidArgument, match="sender"):
            make_provider(Channel.EMAIL, name, settings)


def test_an_unknown_name_and_another_providers_settings() -> None:
    with pytest.raises(KeyError):
        make_provider(Channel.EMAIL, "pigeon", None)
    with pytest.raises(TypeError, match="SendGridSettings"):
        make_provider(Channel.EMAIL, "sendgrid", SmtpSettings("x", "a@example.org"))
    with pytest.raises(KeyError):
        make_provider(Channel.SMS, "sendgrid", SendGridSettings("k"))
