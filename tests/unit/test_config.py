"""Settings: read once, checked together, secrets never shown."""

from __future__ import annotations

import pytest

from notify_grpc.config import ConfigError, Settings, load

SECRET = "0123456789abcdef0123456789abcdef"
PRODUCTION = {"NOTIFY_AUTH_JWT_SECRET": SECRET, "NOTIFY_INTERNAL_TOKEN": "one, two"}

POSTGRES = {"NOTIFY_STORE_DRIVER": "postgres", "NOTIFY_POSTGRES_DSN": "postgresql://db/x"}
ENTDB = {"NOTIFY_STORE_DRIVER": "entdb", "NOTIFY_ENTDB_ADDRESS": "db:50051"}


@pytest.fixture
def env(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment with production's credentials and nothing else."""
    for name, value in PRODUCTION.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def problems() -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load()
    return caught.value.problems


def test_defaults_are_those_of_the_design(env: pytest.MonkeyPatch) -> None:
    settings = load()

    assert (settings.client_port, settings.internal_port, settings.metrics_port) == (8080, 8081, 9090)
    assert (settings.store_driver, settings.bus, settings.shutdown_timeout) == ("sqlite", "local", 30.0)
    assert (settings.live_heartbeat_interval, settings.live_retry_max_attempts) == (30.0, 3)
    assert settings.host == "0.0.0.0"
    assert [t.get_secret_value() for t in settings.internal_token] == ["one", "two"]
    assert [s.get_secret_value() for s in settings.auth_jwt_secret] == [SECRET]


def test_without_credentials_it_refuses_to_boot(monkeypatch: pytest.MonkeyPatch) -> None:
    assert problems() == [
        "NOTIFY_AUTH_JWT_SECRET or NOTIFY_AUTH_JWKS_URL is required without NOTIFY_AUTH_DEV_MODE",
        "NOTIFY_INTERNAL_TOKEN is required without NOTIFY_AUTH_DEV_MODE",
    ]


def test_dev_mode_needs_none_and_listens_on_loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_AUTH_DEV_MODE", "true")

    assert load().host == "127.0.0.1"


@pytest.mark.parametrize(
    ("text", "seconds"), [("500ms", 0.5), ("30s", 30.0), ("5m", 300.0), ("12h", 43_200.0), ("0.5s", 0.5)]
)
def test_durations(env: pytest.MonkeyPatch, text: str, seconds: float) -> None:
    env.setenv("NOTIFY_SHUTDOWN_TIMEOUT", text)

    assert load().shutdown_timeout == seconds


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"NOTIFY_SHUTDOWN_TIMEOUT": "30"}, "NOTIFY_SHUTDOWN_TIMEOUT"),
        ({"NOTIFY_SHUTDOWN_TIMEOUT": "0s"}, "NOTIFY_SHUTDOWN_TIMEOUT"),
        ({"NOTIFY_CLIENT_PORT": "80800"}, "NOTIFY_CLIENT_PORT"),
        ({"NOTIFY_STORE_DRIVER": "mongo"}, "NOTIFY_STORE_DRIVER"),
        ({"NOTIFY_STORE_DRIVER": "postgres"}, "NOTIFY_POSTGRES_DSN"),
        ({"NOTIFY_STORE_DRIVER": "entdb"}, "NOTIFY_ENTDB_ADDRESS"),
        ({"NOTIFY_BUS_DRIVER": "redis"}, "NOTIFY_REDIS_URL"),
        ({"NOTIFY_BUS_DRIVER": "postgres"}, "NOTIFY_BUS_DRIVER=postgres"),
        ({"NOTIFY_WORKERS": "2"}, "NOTIFY_WORKERS=2"),
        ({**ENTDB, "NOTIFY_WORKERS": "2"}, "NOTIFY_WORKERS=2 needs NOTIFY_BUS_DRIVER"),
        ({**POSTGRES, "NOTIFY_WORKERS": "2", "NOTIFY_BUS_DRIVER": "local"}, "NOTIFY_WORKERS=2 needs NOTIFY_BUS_DRIVER"),
        ({"NOTIFY_INTERNAL_PORT": "8080"}, "NOTIFY_INTERNAL_PORT"),
        ({"NOTIFY_METRICS_PORT": "8081"}, "NOTIFY_METRICS_PORT"),
        ({"NOTIFY_PRESENCE_TTL": "1ms"}, "NOTIFY_PRESENCE_TTL"),
        ({"NOTIFY_EMAIL_SMTP_PORT": "0"}, "NOTIFY_EMAIL_SMTP_PORT"),
        ({"NOTIFY_REDIS_URL": "hunter2@localhost:6379"}, "NOTIFY_REDIS_URL is not a URL that begins with redis://"),
        ({"NOTIFY_REDIS_URL": "redis://localhost:port"}, "NOTIFY_REDIS_URL"),
        ({"NOTIFY_AUTH_JWKS_URL": "idp.example.org/keys"}, "NOTIFY_AUTH_JWKS_URL is not a URL"),
        ({"NOTIFY_WEBHOOK_URL": "ftp://example.org", "NOTIFY_WEBHOOK_SECRET": "whsec_eA=="}, "NOTIFY_WEBHOOK_URL"),
        ({"NOTIFY_CALLBACKS_BASE_URL": "https://"}, "NOTIFY_CALLBACKS_BASE_URL"),
        ({"NOTIFY_AUTH_JWT_SECRET": "short"}, "NOTIFY_AUTH_JWT_SECRET is shorter than 32 bytes"),
        ({"NOTIFY_AUTH_JWT_SECRET": f"{SECRET},short"}, "NOTIFY_AUTH_JWT_SECRET is shorter than 32 bytes"),
        ({"NOTIFY_AUTH_JWT_SECRET": f"-----BEGIN PUBLIC KEY-----{SECRET}"}, "NOTIFY_AUTH_JWT_SECRET is a PEM key"),
        ({"NOTIFY_DISPATCH_POLL_INTERVAL": "2h"}, "NOTIFY_DISPATCH_POLL_INTERVAL"),
        ({"NOTIFY_EMAIL_RETRY_WAITS": "5s,soon"}, "NOTIFY_EMAIL_RETRY_WAITS: is not a duration"),
        ({"NOTIFY_EMAIL_RETRY_WAITS": "5s,30d"}, "NOTIFY_EMAIL_RETRY_WAITS"),
        ({"NOTIFY_SMS_RETRY_WAITS": ",".join(["1s"] * 49)}, "NOTIFY_SMS_RETRY_WAITS"),
        ({"NOTIFY_DISPATCH_CONCURRENCY": "0"}, "NOTIFY_DISPATCH_CONCURRENCY"),
        ({"NOTIFY_DISPATCH_LEASE": "5s"}, "NOTIFY_DISPATCH_LEASE"),
        ({"NOTIFY_CLIENT_TLS_CERT_FILE": "a.pem"}, "NOTIFY_CLIENT_TLS_CERT_FILE and NOTIFY_CLIENT_TLS_KEY_FILE"),
        ({"NOTIFY_INTERNAL_TLS_CA_FILE": "a.pem"}, "NOTIFY_INTERNAL_TLS_CA_FILE"),
        ({"NOTIFY_WEBHOOK_URL": "https://example.org"}, "NOTIFY_WEBHOOK_SECRET"),
    ],
)
def test_a_wrong_variable_is_named(env: pytest.MonkeyPatch, variables: dict[str, str], named: str) -> None:
    for name, value in variables.items():
        env.setenv(name, value)

    [problem] = problems()

    assert named in problem


@pytest.mark.parametrize(
    "variables",
    [
        {**POSTGRES, "NOTIFY_WORKERS": "2"},
        {**ENTDB, "NOTIFY_WORKERS": "2", "NOTIFY_BUS_DRIVER": "redis", "NOTIFY_REDIS_URL": "redis://r"},
        {"NOTIFY_CLIENT_PORT": "0", "NOTIFY_INTERNAL_PORT": "0", "NOTIFY_METRICS_PORT": "0"},
    ],
)
def test_what_works_together_boots(env: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    for name, value in variables.items():
        env.setenv(name, value)

    assert load().store_driver == variables.get("NOTIFY_STORE_DRIVER", "sqlite")


def test_every_problem_is_reported_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_STORE_DRIVER", "mongo")
    monkeypatch.setenv("NOTIFY_METRICS_PORT", "x")

    assert len(problems()) == 4


def test_secrets_show_neither_in_the_settings_nor_in_a_problem(env: pytest.MonkeyPatch) -> None:
    env.setenv("NOTIFY_POSTGRES_DSN", "postgres://u:hunter2@db/x")
    env.setenv("NOTIFY_AUTH_JWT_LEEWAY", "hunter2")

    told = "\n".join(problems())
    env.delenv("NOTIFY_AUTH_JWT_LEEWAY")

    assert "hunter2" not in told
    assert "hunter2" not in repr(load())
    assert SECRET not in repr(load())


def test_an_empty_variable_is_as_absent(env: pytest.MonkeyPatch) -> None:
    env.setenv("NOTIFY_STORE_DRIVER", "")

    assert load().store_driver == "sqlite"


def test_tracing_is_off_until_an_endpoint_is_named(env: pytest.MonkeyPatch) -> None:
    assert not load().tracing
    env.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4317")
    assert load().tracing
    env.setenv("OTEL_SDK_DISABLED", "true")
    assert not load().tracing


def test_every_setting_is_described() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


@pytest.mark.parametrize(("text", "host"), [("[::1]", "::1"), ("::", "::"), ("10.0.0.5", "10.0.0.5")])
def test_an_ipv6_address_may_stand_in_brackets(env: pytest.MonkeyPatch, text: str, host: str) -> None:
    env.setenv("NOTIFY_LISTEN_HOST", text)

    assert load().host == host
