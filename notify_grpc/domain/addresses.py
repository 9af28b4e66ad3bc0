"""Where a server listens: how that is written, and how it is reached."""

from __future__ import annotations

from ipaddress import ip_address

_EVERYWHERE = ("", "0.0.0.0", "::")


def plain_host(text: str) -> str:
    """A host name or address without brackets, an IPv6 address in its short form."""
    bare = text.strip().removeprefix("[").removesuffix("]")
    try:
        return str(ip_address(bare))
    except ValueError:
        return bare


def authority(host: str, port: int | str) -> str:
    """``host:port``, an IPv6 address in brackets (RFC 3986 §3.2.2)."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def reached_at(host: str) -> str:
    """Where this machine reaches a server that listens on ``host``; on every address if that is empty."""
    return "127.0.0.1" if host in _EVERYWHERE else host
