"""Settings become providers, or a list of what is missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from notify_grpc.app.providers import make_callbacks, make_providers, make_webhook
from notify_grpc.config import ConfigError
from notify_grpc.domain.models import Channel
from tests.support.keys import p256, pem_of
from tests.unit.app.conftest import settings

AWS = {"AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "s"}


def names(made: list[Any]) -> list[tuple[Channel, str]]:
    return [(p.channel, p.name) for p in made]


def test_nothing_configured_makes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert make_providers(settings(monkeypatch)) == []
    assert make_providers(settings(monkeypatch, EMAIL_PROVIDER="none")) == []
    assert make_callbacks(settings(monkeypatch)) == []
    assert make_webhook(settings(monkeypatch)) is None


def test_providers_of_a_channel_keep_the_order_of_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    made = make_providers(
        settings(
            monkeypatch,
            EMAIL_PROVIDER="ses,smtp,sendgrid",
            EMAIL_FROM="a@example.org",
            EMAIL_SMTP_HOST="mail",
            EMAIL_SENDGRID_API_KEY="k",
            SMS_PROVIDER="sns",
            **AWS,
        )
    )

    assert names(made) == [
        (Channel.EMAIL, "ses"),
        (Channel.EMAIL, "smtp"),
        (Channel.EMAIL, "sendgrid"),
        (Channel.SMS, "sns"),
    ]


def test_a_lease_too_short_for_a_provider_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    smtp = {"EMAIL_PROVIDER": "smtp", "EMAIL_FROM": "a@example.org", "EMAIL_SMTP_HOST": "mail"}
    with pytest.raises(ConfigError) as caught:
        make_providers(settings(monkeypatch, DISPATCH_LEASE="59s", **smtp))

    assert caught.value.problems == ["NOTIFY_DISPATCH_LEASE must be 60s or more: smtp may take half of that"]


@pytest.mark.parametrize("host", ["mail:smtp", "a:b:25"])
def test_a_mail_server_that_cannot_be_one_is_named(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    smtp = {"EMAIL_PROVIDER": "smtp", "EMAIL_FROM": "a@example.org", "EMAIL_SMTP_HOST": host}
    with pytest.raises(ConfigError) as caught:
        make_providers(settings(monkeypatch, **smtp))

    assert caught.value.problems == ["NOTIFY_EMAIL_SMTP_HOST: is not a host, host:port or [address]:port"]


def test_twilio_and_meta(monkeypatch: pytest.MonkeyPatch) -> None:
    made = make_providers(
        settings(
            monkeypatch,
            SMS_PROVIDER="twilio",
            SMS_ACCOUNT_SID="AC1",
            SMS_AUTH_TOKEN="t",
            SMS_FROM="+15550001",
            WHATSAPP_PROVIDER="meta",
            WHATSAPP_PHONE_NUMBER_ID="1",
            WHATSAPP_ACCESS_TOKEN="t",
        )
    )

    assert names(made) == [(Channel.SMS, "twilio"), (Channel.WHATSAPP, "meta")]


def test_a_key_may_be_the_path_of_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    key = tmp_path / "key.p8"
    key.write_text(pem_of(p256()))
    apple = {"MOBILEPUSH_PROVIDER": "apns", "APNS_KEY_ID": "k", "APNS_TEAM_ID": "t", "APNS_TOPIC": "org.example"}

    assert names(make_providers(settings(monkeypatch, APNS_KEY_P8=str(key), **apple))) == [
        (Channel.MOBILE_PUSH, "apns")
    ]
    with pytest.raises(ConfigError, match="NOTIFY_APNS_KEY_P8 names a file that cannot be read"):
        make_providers(settings(monkeypatch, APNS_KEY_P8=str(tmp_path / "absent"), **apple))


def test_everything_missing_is_told_at_once_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError) as caught:
        make_providers(
            settings(monkeypatch, EMAIL_PROVIDER="smtp,pigeon", SMS_PROVIDER="twilio", WEBPUSH_PROVIDER="vapid")
        )

    told = "\n".join(caught.value.problems)
    for name in ("EMAIL_SMTP_HOST", "EMAIL_FROM", "SMS_ACCOUNT_SID", "SMS_AUTH_TOKEN", "WEBPUSH_VAPID_PRIVATE"):
        assert f"NOTIFY_{name} is required by NOTIFY_" in told
    assert "NOTIFY_EMAIL_PROVIDER=pigeon: unknown; use one of smtp, ses, sendgrid" in told


def test_callbacks_exist_where_signatures_can_be_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    found = make_callbacks(
        settings(
            monkeypatch,
            CALLBACKS_BASE_URL="https://hooks.example.org",
            SMS_AUTH_TOKEN="t",
            EMAIL_SES_TOPIC_ARN="arn:aws:sns:eu:1:t",
            WHATSAPP_APP_SECRET="s",
        )
    )

    assert sorted(c.provider for c in found) == ["meta", "ses", "twilio"]


def test_a_webhook_secret_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="NOTIFY_WEBHOOK_SECRET"):
        make_webhook(settings(monkeypatch, WEBHOOK_URL="https://example.org", WEBHOOK_SECRET="not base64!"))
