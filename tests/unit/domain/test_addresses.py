"""Addresses as they are written, and where a server on one is reached."""

from __future__ import annotations

import pytest

from notify_grpc.domain.addresses import authority, plain_host, reached_at


@pytest.mark.parametrize(
    ("host", "written"),
    [
        ("127.0.0.1", "127.0.0.1:8080"),
        ("notify.internal", "notify.internal:8080"),
        ("::1", "[::1]:8080"),
        ("fe80::1%eth0", "[fe80::1%eth0]:8080"),
    ],
)
def test_an_ipv6_address_goes_in_brackets(host: str, written: str) -> None:
    assert authority(host, 8080) == written


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("[::1]", "::1"),
        ("0:0:0:0:0:0:0:0", "::"),
        (" 10.0.0.5 ", "10.0.0.5"),
        ("notify.internal", "notify.internal"),
        ("", ""),
    ],
)
def test_an_address_may_be_written_in_several_ways(text: str, host: str) -> None:
    assert plain_host(text) == host


@pytest.mark.parametrize(
    ("host", "here"),
    [("", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::", "127.0.0.1"), ("::1", "::1"), ("10.0.0.5", "10.0.0.5")],
)
def test_who_listens_everywhere_is_reached_on_loopback(host: str, here: str) -> None:
    assert reached_at(host) == here
