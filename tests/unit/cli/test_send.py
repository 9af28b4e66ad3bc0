"""Words of the command line become a request."""

from __future__ import annotations

import pytest
import typer

from notify_grpc.cli.send import _address, _pair


@pytest.mark.parametrize(
    ("text", "to", "found"),
    [
        ("ada.email=ada@example.com", ["ada", "bob"], ("ada", "email", "ada@example.com")),
        ("email=ada@example.com", ["ada"], ("ada", "email", "ada@example.com")),
        ("a.b.sms=+1", ["a.b"], ("a.b", "sms", "+1")),
        ("ada.web_push=https://x/?a=b", ["ada"], ("ada", "web_push", "https://x/?a=b")),
    ],
)
def test_addresses(text: str, to: list[str], found: tuple[str, str, str]) -> None:
    assert _address(text, to) == found


@pytest.mark.parametrize(("text", "to"), [("email=x", ["ada", "bob"]), ("ada.email", ["ada"]), ("=x", ["ada"])])
def test_an_address_that_is_none(text: str, to: list[str]) -> None:
    with pytest.raises(typer.BadParameter):
        _address(text, to)


@pytest.mark.parametrize("text", ["key", "=value", ""])
def test_a_pair_that_is_none(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="KEY=VALUE"):
        _pair(text, "--data")


def test_a_value_may_hold_an_equals_sign() -> None:
    assert _pair("a=b=c", "--data") == ("a", "b=c")
