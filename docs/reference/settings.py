"""The table of settings, from config.py."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, get_args, get_origin

from pydantic import AliasChoices, BeforeValidator, SecretStr
from pydantic.fields import FieldInfo

from docs.reference.markdown import table
from notify_grpc.config import Settings, parse_duration, parse_durations

GROUPS: Mapping[str, tuple[str, ...]] = {
    "TLS": ("client_tls_", "internal_tls_"),
    "Listening and running": (
        "client_",
        "internal_port",
        "metrics_",
        "listen_",
        "log_",
        "shutdown_",
        "workers",
        "uvloop",
        "grpc_",
        "reflection_",
        "max_message_",
        "callbacks_",
    ),
    "Store": ("store_", "sqlite_", "postgres_", "entdb_", "retention"),
    "Bus and presence": ("bus_", "redis_", "presence_"),
    "Who may call": ("auth_", "internal_token", "allowed_origins"),
    "Live streams": ("live_",),
    "Deliveries": ("dispatch_",),
    "Email": ("email_",),
    "AWS, for SES and SNS": ("aws_",),
    "SMS": ("sms_",),
    "WhatsApp": ("whatsapp_",),
    "Web push": ("webpush_",),
    "Mobile push": ("mobilepush_", "fcm_", "apns_"),
    "Events for your own systems": ("webhook_",),
    "Traces": ("otel_",),
}
"""Heading → how the names of its settings begin. The first that fits counts; settings keep the order of config.py."""
_ORDER = ("Listening and running", "Store", "Bus and presence", "Who may call", "TLS")
_HEADS = ("variable", "default", "values", "meaning")
_UNITS = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))


def reference(fields: Mapping[str, FieldInfo] | None = None) -> str:
    """A table for each group. Raises LookupError for a setting that belongs to none."""
    grouped: dict[str, list[tuple[str, ...]]] = {heading: [] for heading in (*_ORDER, *GROUPS)}
    for name, field in (Settings.model_fields if fields is None else fields).items():
        grouped[_group(name)].append(_row(name, field))
    return "\n\n".join(f"## {heading}\n\n{table(_HEADS, rows)}" for heading, rows in grouped.items() if rows)


def _group(name: str) -> str:
    for heading, beginnings in GROUPS.items():
        if name.startswith(beginnings):
            return heading
    raise LookupError(f"docs/reference/settings.py: {name} is in no group")


def _row(name: str, field: FieldInfo) -> tuple[str, ...]:
    names = " or ".join(f"`{variable}`" for variable in variables(name, field))
    return names, _default(field), _values(field), field.description or ""


def variables(name: str, field: FieldInfo) -> Iterator[str]:
    """The names a setting has in the environment; any of them sets it."""
    alias = field.validation_alias
    if isinstance(alias, AliasChoices):
        yield from (str(choice) for choice in alias.choices)
    else:
        yield str(alias) if alias else f"NOTIFY_{name.upper()}"


def _is_duration(field: FieldInfo) -> bool:
    return any(isinstance(one, BeforeValidator) and one.func is parse_duration for one in field.metadata)


def _is_waits(field: FieldInfo) -> bool:
    return any(isinstance(one, BeforeValidator) and one.func is parse_durations for one in field.metadata)


def _default(field: FieldInfo) -> str:
    value: Any = field.default
    if _is_duration(field):
        return f"`{_duration(value)}`"
    if _is_waits(field):
        return f"`{','.join(map(_duration, value))}`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return f"`{','.join(value)}`" if value else ""
    text = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
    return f"`{text}`" if text else ""


def _duration(seconds: float) -> str:
    return next((f"{seconds / size:.0f}{unit}" for unit, size in _UNITS if seconds and seconds % size == 0), "0")


def _values(field: FieldInfo) -> str:
    annotation: Any = field.annotation
    if get_origin(annotation) is Literal:
        return ", ".join(f"`{choice}`" for choice in get_args(annotation) if choice)
    if _is_duration(field):
        return "duration"
    if _is_waits(field):
        return "durations"
    if get_origin(annotation) is tuple:
        return "secrets" if SecretStr in get_args(annotation) else "list"
    return {bool: "`true`, `false`", int: "number", SecretStr: "secret"}.get(annotation, "text")
