"""Bad input is refused by the field's name."""

from __future__ import annotations

import pytest

from notify_grpc.core.commands import NotifyCommand
from notify_grpc.core.validation import check_device, check_notify, page_limit
from notify_grpc.domain.errors import InvalidArgument
from notify_grpc.domain.models import Content, Device, DeviceType

NOW = 1_000_000


def command(**changes: object) -> NotifyCommand:
    fields: dict[str, object] = {"tenant_id": "acme", "notification_id": "n1", "user_ids": ["ada"], **changes}
    return NotifyCommand(**fields)  # type: ignore[arg-type]  # built from parameters


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"tenant_id": ""}, "tenant_id"),
        ({"tenant_id": "x" * 257}, "tenant_id"),
        ({"notification_id": ""}, "notification_id"),
        ({"notification_id": "a\0b"}, "notification_id"),
        ({"user_ids": []}, "user_ids"),
        ({"user_ids": ["u"] * 10_001}, "user_ids"),
        ({"user_ids": ["ada", ""]}, "user_ids[1]"),
        ({"user_ids": ["\0"]}, "user_ids[0]"),
        ({"user_ids": ["ä" * 257]}, "user_ids[0]"),
        ({"user_ids": ["🙂" * 256]}, "user_ids[0]"),
        ({"tenant_id": "🙂" * 193}, "tenant_id"),
        ({"content": Content(title="x" * 1_001)}, "title"),
        ({"content": Content(title="half \ud83d")}, "title"),
        ({"content": Content(body="nul\0")}, "body"),
        ({"content": Content(body="€" * (512 * 1024 // 3 + 1))}, "body"),
        ({"content": Content(subject_ref="x" * 1_025)}, "subject_ref"),
        ({"content": Content(subject_type="\0")}, "subject_type"),
        ({"content": Content(data={"": "v"})}, "data"),
        ({"content": Content(data={"k": "\0"})}, "data[k]"),
        ({"content": Content(data={str(i): "" for i in range(65)})}, "data"),
        ({"content": Content(data={"a": "x" * 40_000, "b": "x" * 40_000})}, "data"),
        ({"expires_at_ms": NOW}, "expires_at_ms"),
        ({"addresses": {"bob": {"email": "b@example.org"}}}, "addresses[bob]"),
        ({"addresses": {"ada": {"fax": "1"}}}, "addresses[ada].by_channel[fax]"),
        ({"addresses": {"ada": {"email": ""}}}, "addresses[ada].by_channel[email]"),
    ],
)
def test_a_wrong_field_is_named(changes: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        check_notify(command(**changes), NOW)

    assert caught.value.field == field


def test_what_is_allowed_passes_and_each_user_stays_once_in_order() -> None:
    users = check_notify(
        command(
            user_ids=["b", "a", "b", "日本"],
            content=Content("t" * 1_000, "€" * 170_000, "r", "s", {"k": "🙂"}),
            expires_at_ms=NOW + 1,
        ),
        NOW,
    )

    assert users == ("b", "a", "日本")


@pytest.mark.parametrize(
    ("device", "field"),
    [
        (Device(DeviceType.UNSPECIFIED, "", "t"), "device_type"),
        (Device(DeviceType.IOS, "x" * 257, "t"), "device_id"),
        (Device(DeviceType.IOS, "\N{PARTY POPPER}" * 193, "t"), "device_id"),
        (Device(DeviceType.IOS, "", ""), "token"),
        (Device(DeviceType.IOS, "", "x" * 4_097), "token"),
    ],
)
def test_a_wrong_device_is_named(device: Device, field: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        check_device(device)

    assert caught.value.field == field


def test_page_limits() -> None:
    assert [page_limit(n) for n in (0, 1, 100, 5_000)] == [20, 1, 100, 100]
    with pytest.raises(InvalidArgument):
        page_limit(-1)
