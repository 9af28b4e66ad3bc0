"""Whether an address can be one at all: what a producer is told before anything is stored. No I/O."""

from __future__ import annotations

import re

from notify_grpc.domain.models import DeviceType

_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*", re.ASCII)
_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?", re.ASCII)
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)
_OPAQUE = re.compile(r"[!-~]{1,4096}", re.ASCII)
_APNS = re.compile(r"([0-9A-Fa-f]{2}){8,100}", re.ASCII)


def email_error(address: str) -> str | None:
    """RFC 5321 mailbox, dot-atom and a host name; ASCII, so an internationalised domain comes in its xn-- form."""
    local, at, domain = address.rpartition("@")
    if not at or len(address) > 254 or len(local) > 64 or not _LOCAL.fullmatch(local):
        return "is not an email address"
    if not all(_LABEL.fullmatch(label) for label in domain.split(".")):
        return "is not an email address: the part after @ is no host name"
    return None


def phone_error(number: str) -> str | None:
    """E.164: + and 7 to 15 digits."""
    return None if _PHONE.fullmatch(number) else "is not a phone number in E.164 form (+ and 7 to 15 digits)"


def opaque_token_error(token: str) -> str | None:
    """A token nobody but its provider understands."""
    return None if _OPAQUE.fullmatch(token) else "is not a device token (1 to 4,096 printable ASCII characters)"


def apns_token_error(token: str) -> str | None:
    """Hexadecimal, of a length Apple does not promise."""
    return None if _APNS.fullmatch(token) else "is not an APNs device token (hexadecimal)"


def device_of(target: str) -> tuple[DeviceType | None, str]:
    """The platform and token of a mobile_push target, ``android:<token>`` or ``ios:<token>``; None without a prefix."""
    platform, colon, token = target.partition(":")
    if colon and platform in (DeviceType.ANDROID, DeviceType.IOS):
        return DeviceType(platform), token
    return None, target
