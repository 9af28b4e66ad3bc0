"""What a request must look like. Every check raises InvalidArgument naming the field."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from notify_grpc.core.commands import NotifyCommand
from notify_grpc.domain.errors import InvalidArgument
from notify_grpc.domain.ids import MAX_ID_CHARS, fault_of_id
from notify_grpc.domain.models import EXTERNAL_CHANNELS, Content, Device, DeviceType


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a request may be, beside its ids (domain.ids)."""

    recipients: int = 10_000
    presence_users: int = 1_000
    title_chars: int = 1_000
    subject_chars: int = 1_024
    body_bytes: int = 512 * 1024
    data_entries: int = 64
    data_bytes: int = 64 * 1024
    address_chars: int = 4_096
    page: int = 100
    default_page: int = 20


LIMITS = Limits()
_EXTERNAL_NAMES = frozenset(c.value for c in EXTERNAL_CHANNELS)


def check_text(field: str, value: str, max_chars: int, *, required: bool = False) -> None:
    """Length, and nothing that cannot be stored: NUL, or half a surrogate pair."""
    if not value:
        if required:
            raise InvalidArgument(field, "is required")
        return
    if len(value) > max_chars:
        raise InvalidArgument(field, f"is longer than {max_chars:,} characters")
    if "\0" in value:
        raise InvalidArgument(field, "must not contain NUL")
    if not value.isascii():
        utf8_size(field, value)


def utf8_size(field: str, value: str) -> int:
    """Its size in UTF-8."""
    try:
        return len(value) if value.isascii() else len(value.encode())
    except UnicodeEncodeError:
        raise InvalidArgument(field, "is not valid Unicode") from None


def check_id(field: str, value: str) -> None:
    """A required identifier of the caller's."""
    if fault := fault_of_id(value):
        raise InvalidArgument(field, fault)


def check_users(field: str, user_ids: Sequence[str], most: int) -> None:
    """1 to ``most`` user ids."""
    if not user_ids:
        raise InvalidArgument(field, "needs at least one user")
    if len(user_ids) > most:
        raise InvalidArgument(field, f"has {len(user_ids):,} users; at most {most:,} are allowed")
    for i, user_id in enumerate(user_ids):
        if not (user_id.isascii() and 0 < len(user_id) <= MAX_ID_CHARS and "\0" not in user_id):
            check_id(f"{field}[{i}]", user_id)


def check_content(content: Content, limits: Limits = LIMITS) -> None:
    """Title, body, subject and data."""
    check_text("title", content.title, limits.title_chars)
    check_text("subject_ref", content.subject_ref, limits.subject_chars)
    check_text("subject_type", content.subject_type, limits.subject_chars)
    check_text("body", content.body, limits.body_bytes)
    if utf8_size("body", content.body) > limits.body_bytes:
        raise InvalidArgument("body", f"is larger than {limits.body_bytes:,} bytes")
    if content.data:
        _check_data(content.data, limits)


def _check_data(data: Mapping[str, str], limits: Limits) -> None:
    if len(data) > limits.data_entries:
        raise InvalidArgument("data", f"has more than {limits.data_entries} entries")
    size = 0
    for key, value in data.items():
        check_text("data", key, MAX_ID_CHARS, required=True)
        check_text(f"data[{key}]", value, limits.data_bytes)
        size += utf8_size("data", key) + utf8_size(f"data[{key}]", value)
    if size > limits.data_bytes:
        raise InvalidArgument("data", f"is larger than {limits.data_bytes:,} bytes")


def _check_addresses(addresses: Mapping[str, Mapping[str, str]], users: Collection[str], limits: Limits) -> None:
    for user_id, by_channel in addresses.items():
        if user_id not in users:
            raise InvalidArgument(f"addresses[{user_id[:64]}]", "is not among user_ids")
        for channel, address in by_channel.items():
            field = f"addresses[{user_id}].by_channel[{channel[:64]}]"
            if channel not in _EXTERNAL_NAMES:
                raise InvalidArgument(field, f"is not a channel; use one of {', '.join(sorted(_EXTERNAL_NAMES))}")
            check_text(field, address, limits.address_chars, required=True)


def check_notify(command: NotifyCommand, now_ms: int, limits: Limits = LIMITS) -> tuple[str, ...]:
    """All of a Notify call but the addresses' own rules, which are the providers'. The recipients, each once."""
    check_id("tenant_id", command.tenant_id)
    check_id("notification_id", command.notification_id)
    check_users("user_ids", command.user_ids, limits.recipients)
    check_content(command.content, limits)
    if command.expires_at_ms and command.expires_at_ms <= now_ms:
        raise InvalidArgument("expires_at_ms", "is in the past")
    users = dict.fromkeys(command.user_ids)
    if command.addresses:
        _check_addresses(command.addresses, users, limits)
    return tuple(users)


def check_device(device: Device, limits: Limits = LIMITS) -> None:
    """A push token to register."""
    if device.device_type is DeviceType.UNSPECIFIED:
        raise InvalidArgument("device_type", "is required")
    if device.device_id:
        check_id("device_id", device.device_id)
    check_text("token", device.token, limits.address_chars, required=True)


def page_limit(limit: int, limits: Limits = LIMITS) -> int:
    """0 means the default; more than the most means the most."""
    if limit < 0:
        raise InvalidArgument("limit", "must not be negative")
    return min(limit, limits.page) or limits.default_page
