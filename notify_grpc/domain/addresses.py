"""Where a server listens: how that is written, and how it is reached."""

from __future__ import annotations

from ipaddress import ip_address

_EVERYWHERE = ("", "0.0.0.0", "::")


def plain_host(text: str) -> str:
    """A host name or address without brackets, an IPv6 address in its short form."""
    return _address(text) or _bare(text)


def _address(text: str) -> str:
    """The address in its short form; empty if it is none."""
    try:
        return str(ip_address(_bare(text)))
    except ValueError:
        return ""


def _bare(text: str) -> str:
    return text.strip().removeprefix("[").removesuffix("]")


def authority(host: str, port: int | str) -> str:
    """``host:port``, an IPv6 address in brackets (RFC 3986 §3.2.2)."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def split_authority(text: str) -> tuple[str, int | None]:
    """Host and port, if one is said, of ``host``, ``host:port``, ``[address]:port`` or an address alone.

    Raises ValueError for anything else.
    """
    if _address(text):
        return plain_host(text), None
    host, colon, port = text.strip().rpartition(":") if ":" in text else (text, "", "")
    if not _address(host) and set(host) & set("[]:"):
        raise ValueError(f"not a host: {host}")
    return plain_host(host), int(port) if colon else None


def reached_at(host: str) -> str:
    """Where this machine reaches a server that listens on ``host``; on every address if that is empty."""
    return "127.0.0.1" if host in _EVERYWHERE else host
