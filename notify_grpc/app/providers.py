"""Settings → providers and their callbacks. What is missing is told by the variable's name, before anything starts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from notify_grpc.channels.apns import ApnsSettings
from notify_grpc.channels.aws import AwsCredentials
from notify_grpc.channels.callbacks import Callbacks
from notify_grpc.channels.callbacks.meta import MetaCallbacks
from notify_grpc.channels.callbacks.sendgrid import SendGridCallbacks
from notify_grpc.channels.callbacks.ses import SesCallbacks
from notify_grpc.channels.callbacks.twilio import TwilioCallbacks
from notify_grpc.channels.fcm import FcmSettings
from notify_grpc.channels.meta import MetaSettings
from notify_grpc.channels.registry import make_provider, provider_names
from notify_grpc.channels.sendgrid import SendGridSettings
from notify_grpc.channels.ses import SesSettings
from notify_grpc.channels.smtp import SmtpSettings
from notify_grpc.channels.sns import SnsSettings
from notify_grpc.channels.twilio import TwilioSettings
from notify_grpc.channels.vapid import VapidSettings
from notify_grpc.channels.webhook import WebhookSettings, WebhookSink
from notify_grpc.config import ConfigError, Settings
from notify_grpc.domain.addresses import split_authority
from notify_grpc.domain.errors import InvalidArgument
from notify_grpc.domain.models import Channel
from notify_grpc.ports.provider import Provider

S = TypeVar("S", SendGridSettings, TwilioSettings, MetaSettings)
_VARIABLES = {
    Channel.EMAIL: "email_provider",
    Channel.SMS: "sms_provider",
    Channel.WHATSAPP: "whatsapp_provider",
    Channel.WEB_PUSH: "webpush_provider",
    Channel.MOBILE_PUSH: "mobilepush_provider",
}


class _Reader:
    """Reads settings a provider cannot do without, and remembers what is missing."""

    def __init__(self, settings: Settings, for_what: str) -> None:
        self._settings = settings
        self._for_what = for_what
        self.problems: list[str] = []

    def need(self, name: str) -> str:
        """The value of a required setting."""
        value = self.text(name)
        if not value:
            variable = name.upper() if name.startswith("aws_") else f"NOTIFY_{name.upper()}"
            self.problems.append(f"{variable} is required by {self._for_what}")
        return value

    def text(self, name: str) -> str:
        """The value of a setting, secret or not."""
        return self._settings.text(name)

    def file_or_text(self, name: str, opening: str) -> str:
        """A required setting that is the text itself (it begins with ``opening``) or the path of a file with it."""
        value = self.need(name)
        if not value or value.lstrip().startswith(opening):
            return value
        try:
            return Path(value).read_text(encoding="utf-8")
        except OSError as exc:
            self.problems.append(f"NOTIFY_{name.upper()} names a file that cannot be read: {exc.strerror}")
            return ""


def make_providers(settings: Settings) -> list[Provider]:
    """Every configured provider, in the order of each channel's setting. Raises ConfigError with every problem."""
    problems: list[str] = []
    providers: list[Provider] = []
    for channel, variable in _VARIABLES.items():
        for name in getattr(settings, variable):
            if name == "none":
                continue
            known = provider_names(channel)
            where = f"NOTIFY_{variable.upper()}={name}"
            if name not in known:
                problems.append(f"{where}: unknown; use one of {', '.join(known)}")
                continue
            reader = _Reader(settings, where)
            values = _SETTINGS[channel, name](settings, reader)
            problems += reader.problems
            if not reader.problems:
                providers += _make(channel, name, values, where, problems)
    problems += _slow(providers, settings.dispatch_lease)
    if problems:
        raise ConfigError(problems)
    return providers


def _slow(providers: Sequence[Provider], lease_s: float) -> Iterator[str]:
    """A process must not hold a delivery for longer than its lease, whatever its provider does."""
    slowest = max(providers, key=lambda provider: provider.timeout_s, default=None)
    if slowest is not None and slowest.timeout_s > lease_s / 2:
        yield f"NOTIFY_DISPATCH_LEASE must be {slowest.timeout_s * 2:g}s or more: {slowest.name} may take half of that"


def _make(channel: Channel, name: str, values: object, where: str, problems: list[str]) -> Iterator[Provider]:
    try:
        yield make_provider(channel, name, values)
    except InvalidArgument as exc:
        problems.append(f"{where}: {exc}")


def _at(settings: S, base_url: str) -> S:
    """The same at another address, if one is given."""
    return replace(settings, base_url=base_url) if base_url else settings


def _smtp(s: Settings, r: _Reader) -> SmtpSettings:
    try:
        host, port = split_authority(r.need("email_smtp_host"))
    except ValueError:
        host, port = "", None
        r.problems.append("NOTIFY_EMAIL_SMTP_HOST: is not a host, host:port or [address]:port")
    return SmtpSettings(
        host=host,
        from_address=r.need("email_from"),
        port=port or s.email_smtp_port,
        username=s.email_smtp_username,
        password=r.text("email_smtp_password"),
        security=s.email_smtp_security,
    )


def _aws(r: _Reader) -> AwsCredentials:
    return AwsCredentials(r.need("aws_access_key_id"), r.need("aws_secret_access_key"), r.text("aws_session_token"))


def _ses(s: Settings, r: _Reader) -> SesSettings:
    return SesSettings(_aws(r), r.need("aws_region"), r.need("email_from"), s.email_ses_configuration_set)


def _sendgrid(_: Settings, r: _Reader) -> SendGridSettings:
    settings = SendGridSettings(r.need("email_sendgrid_api_key"), r.need("email_from"))
    return _at(settings, r.text("email_sendgrid_base_url"))


def _sns(s: Settings, r: _Reader) -> SnsSettings:
    return SnsSettings(_aws(r), r.need("aws_region"), s.sms_from)


def _twilio(prefix: str) -> Callable[[Settings, _Reader], TwilioSettings]:
    def read(s: Settings, r: _Reader) -> TwilioSettings:
        service = r.text(f"{prefix}_messaging_service_sid")
        settings = TwilioSettings(
            account_sid=r.need(f"{prefix}_account_sid"),
            auth_token=r.need(f"{prefix}_auth_token"),
            messaging_service_sid=service,
            from_number=r.text(f"{prefix}_from") if service else r.need(f"{prefix}_from"),
            status_callback=_callback_url(s, "twilio"),
        )
        return _at(settings, r.text(f"{prefix}_base_url"))

    return read


def _meta(_: Settings, r: _Reader) -> MetaSettings:
    settings = MetaSettings(r.need("whatsapp_phone_number_id"), r.need("whatsapp_access_token"))
    return _at(settings, r.text("whatsapp_base_url"))


def _vapid(s: Settings, r: _Reader) -> VapidSettings:
    return VapidSettings(r.need("webpush_vapid_public"), r.need("webpush_vapid_private"), s.webpush_contact_email)


def _fcm(s: Settings, r: _Reader) -> FcmSettings:
    return FcmSettings(
        r.file_or_text("fcm_credentials_json", "{"), s.fcm_project_id, takes_ios="apns" not in s.mobilepush_provider
    )


def _apns(s: Settings, r: _Reader) -> ApnsSettings:
    return ApnsSettings(
        r.file_or_text("apns_key_p8", "-----BEGIN"),
        r.need("apns_key_id"),
        r.need("apns_team_id"),
        r.need("apns_topic"),
        s.apns_sandbox,
    )


_SETTINGS: dict[tuple[Channel, str], Callable[[Settings, _Reader], object]] = {
    (Channel.EMAIL, "smtp"): _smtp,
    (Channel.EMAIL, "ses"): _ses,
    (Channel.EMAIL, "sendgrid"): _sendgrid,
    (Channel.SMS, "twilio"): _twilio("sms"),
    (Channel.SMS, "sns"): _sns,
    (Channel.WHATSAPP, "twilio"): _twilio("whatsapp"),
    (Channel.WHATSAPP, "meta"): _meta,
    (Channel.WEB_PUSH, "vapid"): _vapid,
    (Channel.MOBILE_PUSH, "fcm"): _fcm,
    (Channel.MOBILE_PUSH, "apns"): _apns,
}


def _callback_url(settings: Settings, provider: str) -> str:
    base = settings.callbacks_base_url.rstrip("/")
    return f"{base}/callbacks/{provider}" if base else ""


def make_callbacks(settings: Settings) -> list[Callbacks]:
    """The receiving ends that can check signatures; others do not exist."""
    found: list[Callbacks] = []
    tokens = {settings.sms_auth_token.get_secret_value(), settings.whatsapp_auth_token.get_secret_value()} - {""}
    if tokens and settings.callbacks_base_url:
        found.append(TwilioCallbacks(tuple(tokens), _callback_url(settings, "twilio")))
    if settings.email_sendgrid_webhook_key:
        try:
            found.append(SendGridCallbacks(settings.email_sendgrid_webhook_key))
        except InvalidArgument as exc:
            raise ConfigError([f"NOTIFY_EMAIL_SENDGRID_WEBHOOK_KEY: {exc}"]) from exc
    if settings.email_ses_topic_arn:
        found.append(SesCallbacks(frozenset({settings.email_ses_topic_arn})))
    app_secret = settings.whatsapp_app_secret.get_secret_value()
    if app_secret:
        found.append(MetaCallbacks(app_secret, settings.whatsapp_verify_token.get_secret_value()))
    return found


def make_webhook(settings: Settings) -> WebhookSink | None:
    """The sink of service events, if one is configured. Raises ConfigError."""
    if not settings.webhook_url:
        return None
    secrets = tuple(s.get_secret_value() for s in settings.webhook_secret)
    try:
        return WebhookSink(WebhookSettings(settings.webhook_url, secrets))
    except InvalidArgument as exc:
        raise ConfigError([f"NOTIFY_WEBHOOK_SECRET: {exc}"]) from exc
