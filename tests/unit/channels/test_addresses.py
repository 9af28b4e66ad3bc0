"""What a producer is told about an address before anything is stored."""

from __future__ import annotations

import pytest

from notify_grpc.channels.addresses import apns_token_error, device_of, email_error, opaque_token_error, phone_error
from notify_grpc.domain.deliveries import device_target
from notify_grpc.domain.models import Device, DeviceType


@pytest.mark.parametrize(
    "address", ["a@b.example", "first.last+tag@sub.example.org", "o'neil@example.org", "x@xn--bcher-kva.example", "a@b"]
)
def test_email_addresses(address: str) -> None:
    assert email_error(address) is None


@pytest.mark.parametrize(
    "address",
    [
        "",
        "alice",
        "@example.org",
        "alice@",
        "a b@example.org",
        "alice@example.org\r\nBcc: eve@example.org",
        "alice@example.org, eve@example.org",
        "Alice <alice@example.org>",
        ".alice@example.org",
        "al..ice@example.org",
        "alice@-example.org",
        "alice@example..org",
        "alice@exam_ple.org",
        "älice@example.org",
        "alice@[127.0.0.1]",
        '"quoted"@example.org',
        "a" * 65 + "@example.org",
        "a@" + "b." * 130 + "org",
    ],
)
def test_no_email_addresses(address: str) -> None:
    assert email_error(address)


@pytest.mark.parametrize("number", ["+15551234567", "+4930123456", "+123456789012345"])
def test_phone_numbers(number: str) -> None:
    assert phone_error(number) is None


@pytest.mark.parametrize(
    "number",
    [
        "",
        "15551234567",
        "+0123456789",
        "+1 555 123",
        "+123",
        "+1234567890123456",
        "whatsapp:+15551234567",
        "+１５５５１２３４５６７",
    ],
)
def test_no_phone_numbers(number: str) -> None:
    assert phone_error(number)


def test_device_tokens() -> None:
    assert opaque_token_error("cJ:APA91b-_x") is None
    assert opaque_token_error("a b")
    assert apns_token_error("00ff" * 16) is None
    assert apns_token_error("00ff" * 16 + "0")
    assert apns_token_error("../../1/settings")


@pytest.mark.parametrize("device_type", [DeviceType.ANDROID, DeviceType.IOS])
def test_a_phones_target_is_read_back(device_type: DeviceType) -> None:
    target = device_target(Device(device_type, "phone", "token:with:colons"))
    assert device_of(target.address) == (device_type, "token:with:colons")


@pytest.mark.parametrize("target", ["token", "token:with:colons", "browser:token", ""])
def test_a_target_without_a_platform_is_all_token(target: str) -> None:
    assert device_of(target) == (None, target)
