"""All settings: environment only, read once, validated together. The one place that reads the environment.

Durations are written as ``500ms``, ``30s``, ``5m``, ``12h`` or ``90d``. Lists are comma-separated. Secrets
never show in a repr or an error.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, AliasChoices, BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from notify_grpc.domain.addresses import plain_host
from notify_grpc.domain.backoff import MAX_CLAIMS, SCHEDULES
from notify_grpc.domain.errors import NotifyError
from notify_grpc.domain.models import Channel

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", re.ASCII)


class ConfigError(NotifyError):
    """The environment is wrong. ``problems`` has one line for each."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


def parse_duration(value: object) -> object:
    """Seconds of ``30s``, ``5m`` …; ``0`` needs no unit."""
    if not isinstance(value, str) or value == "0":
        return value
    match = _DURATION.fullmatch(value.strip())
    if match is None:
        raise ValueError("is not a duration like 30s, 5m or 12h")
    return float(match[1]) * _UNITS[match[2]]


def _split(value: object) -> object:
    return tuple(p.strip() for p in value.split(",") if p.strip()) if isinstance(value, str) else value


def parse_durations(value: object) -> object:
    """Seconds of ``5s,5m``; ``none`` is an empty list, for an empty variable is as one that is not set."""
    if not isinstance(value, str):
        return value
    return tuple(parse_duration(part.strip()) for part in value.split(",")) if value.strip() != "none" else ()


Duration = Annotated[float, BeforeValidator(parse_duration), Field(ge=0)]
Waits = Annotated[
    tuple[Annotated[float, Field(ge=0, le=7 * 86_400)], ...],
    NoDecode,
    BeforeValidator(parse_durations),
    Field(max_length=MAX_CLAIMS - 2),
]
Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
Secrets = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_split)]
Host = Annotated[str, AfterValidator(plain_host)]
Port = Annotated[int, Field(ge=0, le=65_535)]
NOTHING = SecretStr("")
_RETRY_WAITS = "Times after the 1st, 2nd … failure; one more is final. none never tries again."
_HTTP = ("http", "https")
_URLS: dict[str, tuple[str, ...]] = {
    "redis_url": ("redis", "rediss", "unix"),
    "auth_jwks_url": _HTTP,
    "webhook_url": _HTTP,
    "callbacks_base_url": _HTTP,
}


def _aws(name: str) -> Any:
    return AliasChoices(f"NOTIFY_{name}", name)


class Settings(BaseSettings):
    """Every NOTIFY_* variable; a field's name is the variable's without the prefix."""

    model_config = SettingsConfigDict(env_prefix="NOTIFY_", env_ignore_empty=True, extra="ignore", frozen=True)

    client_port: Port = Field(8080, description="Port of NotificationClientService, for recipients; 0 picks one.")
    internal_port: Port = Field(8081, description="Port of NotificationInternalService, for producers; 0 picks one.")
    metrics_port: Port = Field(9090, description="HTTP port of /healthz, /metrics and provider callbacks; 0 picks one.")
    listen_host: Host = Field(
        "", description="Address to listen on; :: is every one, IPv4 too. Default 0.0.0.0, in dev mode 127.0.0.1."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level logged.")
    log_format: Literal["auto", "json", "text"] = Field("auto", description="auto is text on a terminal, else json.")
    shutdown_timeout: Duration = Field(30.0, gt=0, description="The longest a shutdown may take.")
    shutdown_spread: Duration = Field(5.0, description="Streams are asked to reconnect spread over this time.")
    workers: int = Field(1, ge=1, le=64, description="Processes that share the ports (PostgreSQL or EntDB only).")
    uvloop: bool = Field(True, description="Run on uvloop.")
    grpc_experiments: str = Field("-event_engine_listener", description="Value of GRPC_EXPERIMENTS unless that is set.")
    reflection_enabled: bool = Field(True, description="Serve gRPC reflection.")
    max_message_bytes: int = Field(8 << 20, ge=1 << 16, description="Largest request accepted.")

    store_driver: Literal["sqlite", "memory", "postgres", "entdb"] = Field("sqlite", description="The durable store.")
    sqlite_path: str = Field("notify.db", description="File of the sqlite store.")
    postgres_dsn: SecretStr = Field(NOTHING, description="Connection string of the postgres store.")
    postgres_automigrate: bool = Field(True, description="Migrate at boot; false refuses an older schema.")
    postgres_pool_max: int = Field(10, ge=2, description="Connections of one process at most.")
    postgres_bus_dsn: SecretStr = Field(
        NOTHING, description="Connection string of the postgres bus, if not postgres_dsn (LISTEN needs a session)."
    )
    postgres_pgbouncer: bool = Field(False, description="Work behind PgBouncer in transaction mode.")
    entdb_address: str = Field("", description="host:port of the entdb store.")
    entdb_tenant_id: Words = Field(("notify",), description="Storage tenants; several spread the load.")
    entdb_api_key: SecretStr = Field(NOTHING, description="API key of the entdb store.")
    entdb_tls: bool = Field(False, description="Speak TLS to EntDB.")
    entdb_tls_ca_file: str = Field("", description="CA of EntDB's certificate (PEM), if not the system's.")
    retention: Duration = Field(90 * 86_400.0, description="Notifications older than this are removed; 0 keeps all.")

    bus_driver: Literal["", "local", "postgres", "redis"] = Field(
        "", description="Wake-ups between instances. Default postgres for the postgres store, else local."
    )
    redis_url: SecretStr = Field(NOTHING, description="redis:// or rediss:// URL of the redis bus.")
    presence_ttl: Duration = Field(30.0, ge=1, description="A dead instance's sessions are forgotten after this time.")

    auth_jwt_secret: Secrets = Field(
        (), description="HS256 secrets of recipients' tokens (32 bytes or more); several for rotation."
    )
    auth_jwks_url: str = Field("", description="JWKS URL of recipients' tokens (RS256, ES256, EdDSA).")
    auth_jwt_issuer: str = Field("", description="Required iss, when set.")
    auth_jwt_audience: str = Field("", description="Required aud, when set.")
    auth_jwt_leeway: Duration = Field(30.0, description="Clock difference tolerated in tokens.")
    internal_token: Secrets = Field((), description="Tokens of producers; several for rotation.")
    auth_dev_mode: bool = Field(False, description="Accept dev:<user>:<tenant>[:<email>] tokens. Never in production.")
    allowed_origins: Words = Field((), description="Origins of browsers, for the Envoy front proxy.")
    client_tls_cert_file: str = Field("", description="Certificate chain (PEM) of the client port; reloaded.")
    client_tls_key_file: str = Field("", description="Its private key.")
    client_tls_ca_file: str = Field("", description="CA of client certificates; set means required (mTLS).")
    internal_tls_cert_file: str = Field("", description="Certificate chain (PEM) of the internal port; reloaded.")
    internal_tls_key_file: str = Field("", description="Its private key.")
    internal_tls_ca_file: str = Field("", description="CA of client certificates; set means required (mTLS).")

    live_connections_enabled: bool = Field(True, description="Serve StreamEvents.")
    live_heartbeat_interval: Duration = Field(30.0, ge=1, description="Time between heartbeats of a stream.")
    live_retry_max_attempts: int = Field(3, ge=0, description="Times a data change is sent at most; 0 never repeats.")
    live_retry_interval: Duration = Field(5.0, gt=0, description="Time between them.")
    live_max_sessions: int = Field(20_000, ge=1, description="Streams of one process at most.")
    live_max_sessions_per_user: int = Field(20, ge=1, description="Streams of one user on one process at most.")
    live_max_lifetime: Duration = Field(3_600.0, gt=0, description="Streams reconnect after this time, ± 10 %.")

    dispatch_concurrency: int = Field(32, ge=1, le=1_000, description="Sends at once, per process and provider.")
    dispatch_lease: Duration = Field(
        60.0, ge=10, le=3_600, description="A dead process's deliveries are taken over after this time."
    )
    dispatch_poll_interval: Duration = Field(
        1.0, ge=0.1, le=60, description="Longest time between looks for due deliveries."
    )
    dispatch_breaker_failures: int = Field(10, ge=1, description="Failures in a row that pause a provider.")
    dispatch_breaker_max_pause: Duration = Field(300.0, ge=5, description="Longest pause before it is tried again.")

    email_provider: Words = Field((), description="smtp, ses, sendgrid; several in order of failover.")
    email_from: str = Field("", description="Sender of emails.")
    email_retry_waits: Waits = Field(SCHEDULES[Channel.EMAIL].waits_s, description=_RETRY_WAITS)
    email_smtp_host: str = Field("", description="SMTP server: host, host:port or [address]:port.")
    email_smtp_port: int = Field(587, ge=1, le=65_535, description="Its port.")
    email_smtp_security: Literal["auto", "starttls", "implicit", "none"] = Field(
        "auto", description="auto: implicit TLS on 465, else STARTTLS where offered."
    )
    email_smtp_username: str = Field("", description="SMTP user.")
    email_smtp_password: SecretStr = Field(NOTHING, description="Its password.")
    email_sendgrid_api_key: SecretStr = Field(NOTHING, description="SendGrid API key.")
    email_sendgrid_base_url: str = Field("", description="SendGrid's API, if not the global one (EU).")
    email_sendgrid_webhook_key: str = Field("", description="Public key of SendGrid's signed event webhook.")
    email_ses_topic_arn: str = Field("", description="SNS topic whose SES events are accepted.")
    email_ses_configuration_set: str = Field("", description="SES configuration set.")
    aws_region: str = Field("", validation_alias=_aws("AWS_REGION"), description="Region of SES and SNS.")
    aws_access_key_id: str = Field("", validation_alias=_aws("AWS_ACCESS_KEY_ID"), description="AWS key id.")
    aws_secret_access_key: SecretStr = Field(
        NOTHING, validation_alias=_aws("AWS_SECRET_ACCESS_KEY"), description="AWS secret."
    )
    aws_session_token: SecretStr = Field(
        NOTHING, validation_alias=_aws("AWS_SESSION_TOKEN"), description="AWS session token."
    )

    sms_provider: Words = Field((), description="twilio, sns; several in order of failover.")
    sms_retry_waits: Waits = Field(SCHEDULES[Channel.SMS].waits_s, description=_RETRY_WAITS)
    sms_account_sid: str = Field("", description="Twilio account.")
    sms_auth_token: SecretStr = Field(NOTHING, description="Twilio token.")
    sms_base_url: str = Field("", description="Twilio's API, if not the global one.")
    sms_messaging_service_sid: str = Field("", description="Twilio messaging service; or sms_from.")
    sms_from: str = Field("", description="Sender number (Twilio) or sender id (SNS).")

    whatsapp_provider: Words = Field((), description="twilio, meta; several in order of failover.")
    whatsapp_retry_waits: Waits = Field(SCHEDULES[Channel.WHATSAPP].waits_s, description=_RETRY_WAITS)
    whatsapp_account_sid: str = Field("", description="Twilio account.")
    whatsapp_auth_token: SecretStr = Field(NOTHING, description="Twilio token.")
    whatsapp_base_url: str = Field("", description="Twilio's or Meta's API, if not the global one.")
    whatsapp_messaging_service_sid: str = Field("", description="Twilio messaging service; or whatsapp_from.")
    whatsapp_from: str = Field("", description="Twilio sender number.")
    whatsapp_phone_number_id: str = Field("", description="Meta phone number id.")
    whatsapp_access_token: SecretStr = Field(NOTHING, description="Meta access token.")
    whatsapp_app_secret: SecretStr = Field(NOTHING, description="Meta app secret; signs status callbacks.")
    whatsapp_verify_token: SecretStr = Field(NOTHING, description="Meta's webhook verification token.")

    webpush_provider: Words = Field((), description="vapid.")
    webpush_retry_waits: Waits = Field(SCHEDULES[Channel.WEB_PUSH].waits_s, description=_RETRY_WAITS)
    webpush_vapid_public: str = Field("", description="VAPID public key (base64url).")
    webpush_vapid_private: SecretStr = Field(NOTHING, description="VAPID private key (base64url).")
    webpush_contact_email: str = Field("", description="Contact shown to push services.")

    mobilepush_provider: Words = Field((), description="fcm, apns or both.")
    mobilepush_retry_waits: Waits = Field(SCHEDULES[Channel.MOBILE_PUSH].waits_s, description=_RETRY_WAITS)
    fcm_credentials_json: SecretStr = Field(NOTHING, description="Service account, as JSON or the path of a file.")
    fcm_project_id: str = Field("", description="Default: the service account's.")
    apns_key_p8: SecretStr = Field(NOTHING, description="APNs key, PEM or the path of a file.")
    apns_key_id: str = Field("", description="Its key id.")
    apns_team_id: str = Field("", description="Apple team id.")
    apns_topic: str = Field("", description="Bundle id.")
    apns_sandbox: bool = Field(False, description="Use Apple's sandbox.")

    webhook_url: str = Field("", description="Where delivery and read events are POSTed (Standard Webhooks).")
    webhook_secret: Secrets = Field((), description="whsec_… signing secrets; several for rotation.")
    otel_service_name: str = Field(
        "notify-grpc", validation_alias="OTEL_SERVICE_NAME", description="Name of this service in traces."
    )
    otel_endpoint: str = Field(
        "",
        validation_alias=AliasChoices("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"),
        description="Where traces go by OTLP over gRPC; unset means no tracing.",
    )
    otel_traces_exporter: str = Field(
        "otlp", validation_alias="OTEL_TRACES_EXPORTER", description="otlp, or none to switch tracing off."
    )
    otel_sdk_disabled: bool = Field(False, validation_alias="OTEL_SDK_DISABLED", description="Switches tracing off.")
    otel_traces_sampler: str = Field(
        "parentbased_always_on", validation_alias="OTEL_TRACES_SAMPLER", description="How traces are sampled."
    )
    otel_traces_sampler_arg: str = Field(
        "", validation_alias="OTEL_TRACES_SAMPLER_ARG", description="The ratio of the ratio samplers."
    )

    callbacks_base_url: str = Field("", description="Public URL of the metrics port as providers call it (Twilio).")

    @property
    def host(self) -> str:
        """The address to listen on."""
        return self.listen_host or ("127.0.0.1" if self.auth_dev_mode else "0.0.0.0")

    def text(self, name: str) -> str:
        """The value of a setting, secret or not."""
        value = getattr(self, name)
        return str(value.get_secret_value() if isinstance(value, SecretStr) else value)

    @property
    def tracing(self) -> bool:
        """Whether traces are made and exported."""
        return bool(self.otel_endpoint) and self.otel_traces_exporter == "otlp" and not self.otel_sdk_disabled

    @property
    def bus(self) -> str:
        """The bus in use."""
        return self.bus_driver or ("postgres" if self.store_driver == "postgres" else "local")

    @model_validator(mode="after")
    def _together(self) -> Settings:
        problems = list(_contradictions(self))
        if problems:
            raise ValueError("\n".join(problems))
        return self


class IsolatedSettings(Settings):
    """Settings from arguments only, whatever the environment says: for a demo or a test. Raises ValidationError."""

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource, *_: object, **__: object
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


def _contradictions(s: Settings) -> Iterator[str]:
    """What is wrong between variables, a line each."""
    if not s.auth_dev_mode:
        if not (s.auth_jwt_secret or s.auth_jwks_url):
            yield "NOTIFY_AUTH_JWT_SECRET or NOTIFY_AUTH_JWKS_URL is required without NOTIFY_AUTH_DEV_MODE"
        if not s.internal_token:
            yield "NOTIFY_INTERNAL_TOKEN is required without NOTIFY_AUTH_DEV_MODE"
    if any(len(secret.get_secret_value().encode()) < 32 for secret in s.auth_jwt_secret):
        yield "NOTIFY_AUTH_JWT_SECRET is shorter than 32 bytes (RFC 7518 §3.2)"
    if any("-----BEGIN" in secret.get_secret_value() for secret in s.auth_jwt_secret):
        yield "NOTIFY_AUTH_JWT_SECRET is a PEM key, not a secret: public keys come by NOTIFY_AUTH_JWKS_URL"
    if s.store_driver == "postgres" and not s.postgres_dsn.get_secret_value():
        yield "NOTIFY_POSTGRES_DSN is required by NOTIFY_STORE_DRIVER=postgres"
    if s.store_driver == "entdb" and not s.entdb_address:
        yield "NOTIFY_ENTDB_ADDRESS is required by NOTIFY_STORE_DRIVER=entdb"
    if s.bus_driver == "redis" and not s.redis_url.get_secret_value():
        yield "NOTIFY_REDIS_URL is required by NOTIFY_BUS_DRIVER=redis"
    if s.bus_driver == "postgres" and s.store_driver != "postgres":
        yield "NOTIFY_BUS_DRIVER=postgres needs NOTIFY_STORE_DRIVER=postgres; use redis with other stores"
    if s.workers > 1 and s.store_driver in ("memory", "sqlite"):
        yield f"NOTIFY_WORKERS={s.workers} needs a store that processes can share, not {s.store_driver}"
    elif s.workers > 1 and s.bus == "local":
        yield f"NOTIFY_WORKERS={s.workers} needs NOTIFY_BUS_DRIVER=redis or postgres, for workers to hear of each other"
    ports = [port for port in (s.client_port, s.internal_port, s.metrics_port) if port]
    if len(set(ports)) < len(ports):  # workers would share even these, and answer each other's callers
        yield "NOTIFY_CLIENT_PORT, NOTIFY_INTERNAL_PORT and NOTIFY_METRICS_PORT must differ"
    for port in ("client", "internal"):
        if bool(getattr(s, f"{port}_tls_cert_file")) != bool(getattr(s, f"{port}_tls_key_file")):
            yield f"NOTIFY_{port.upper()}_TLS_CERT_FILE and NOTIFY_{port.upper()}_TLS_KEY_FILE go together"
        if getattr(s, f"{port}_tls_ca_file") and not getattr(s, f"{port}_tls_cert_file"):
            yield f"NOTIFY_{port.upper()}_TLS_CA_FILE needs NOTIFY_{port.upper()}_TLS_CERT_FILE"
    for name, schemes in _URLS.items():
        if (url := s.text(name)) and not _is_url(url, schemes):
            yield f"NOTIFY_{name.upper()} is not a URL that begins with {' or '.join(f'{one}://' for one in schemes)}"
    if s.webhook_url and not s.webhook_secret:
        yield "NOTIFY_WEBHOOK_SECRET is required by NOTIFY_WEBHOOK_URL"


def _is_url(text: str, schemes: tuple[str, ...]) -> bool:
    try:
        url = urlsplit(text)
        return url.scheme in schemes and bool(url.hostname or url.scheme == "unix") and url.port != 0
    except ValueError:  # a port that is no number
        return False


def load(**overrides: Any) -> Settings:
    """Read the environment; ``overrides`` win. Raises ConfigError with every problem at once, no values in it."""
    try:
        return Settings(**overrides)
    except ValidationError as exc:
        errors = exc.errors(include_input=False)
    wrong = {
        str(e["loc"][0]).lower(): Settings.model_fields[str(e["loc"][0]).lower()].default for e in errors if e["loc"]
    }
    if wrong:
        # What contradicts is judged only once every variable by itself is right: judge it with defaults in their place.
        try:
            Settings(**{**overrides, **wrong})
        except ValidationError as exc:
            errors += exc.errors(include_input=False)
    raise ConfigError([line for e in errors for line in _explain(e)])


def apply_to_process(settings: Settings) -> None:
    """Hand gRPC its experiments; it reads them when it first starts. What the environment sets already wins."""
    os.environ.setdefault("GRPC_EXPERIMENTS", settings.grpc_experiments)


def masked(settings: Settings) -> dict[str, Any]:
    """Every variable and its value in force; of a secret only whether it is set."""
    return {_variable(name): _mask(getattr(settings, name)) for name in Settings.model_fields}


def _mask(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_mask(one) for one in value]
    return ("********" if value.get_secret_value() else "") if isinstance(value, SecretStr) else value


def _variable(name: str) -> str:
    return name if name.isupper() else f"NOTIFY_{name.upper()}"


def _explain(error: Any) -> list[str]:
    message = error["msg"].removeprefix("Value error, ")
    if not error["loc"]:
        return list(message.split("\n"))
    return [f"{_variable(str(error['loc'][0]))}: {message}"]
