"""Addresses as they are written, and where a server on one is reached."""

from __future__ import annotations

import pytest

from notify_grpc.domain.addresses import authority, plain_host, reached_at, split_authority


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


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("mail", "mail", None),
        ("mail.example.com:587", "mail.example.com", 587),
        ("10.0.0.5:25", "10.0.0.5", 25),
        ("::1", "::1", None),
        ("[::1]", "::1", None),
        ("[2001:DB8::5]:465", "2001:db8::5", 465),
        ("", "", None),
    ],
)
def test_host_and_port_are_told_apart(text: str, host: str, port: int | None) -> None:
    assert split_authority(text) == (host, port)


@pytest.mark.parametrize("text", ["mail:smtp", "mail:", "a:b:25", "[mail]:25", "[::1]:x"])
def test_what_is_neither_host_nor_port_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        split_authority(text)
