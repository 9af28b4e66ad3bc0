"""Ports for servers that cannot pick their own."""

from __future__ import annotations

import socket


def free_port() -> int:
    """A TCP port nobody listens on right now. Somebody may take it first: prefer port 0 where a server allows it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
