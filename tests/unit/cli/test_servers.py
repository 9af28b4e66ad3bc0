"""Where a command looks for its server."""

from __future__ import annotations

import pytest

from notify_grpc.cli.servers import address


@pytest.mark.parametrize(
    ("server", "listen_host", "found"),
    [
        ("8080", "", "127.0.0.1:8080"),
        ("8080", "0.0.0.0", "127.0.0.1:8080"),
        ("8080", "::", "127.0.0.1:8080"),
        ("8080", "::1", "[::1]:8080"),
        ("8080", "[::1]", "[::1]:8080"),
        ("8080", "10.0.0.5", "10.0.0.5:8080"),
        ("[::1]:8080", "", "[::1]:8080"),
        ("notify.internal:8080", "::1", "notify.internal:8080"),
    ],
)
def test_a_port_is_of_the_address_the_service_listens_on(server: str, listen_host: str, found: str) -> None:
    assert address(server, listen_host) == found
