"""Producers' shared tokens."""

from __future__ import annotations

import hmac
from collections.abc import Mapping

import pytest

from notify_grpc.auth import internal_token
from notify_grpc.auth.internal_token import InternalTokenAuthenticator
from notify_grpc.domain.errors import FailedPrecondition, Unauthenticated

HEADER = "x-notify-internal-token"


@pytest.mark.parametrize("token", ["old", "new"])
async def test_any_of_several_tokens_opens(token: str) -> None:
    principal = await InternalTokenAuthenticator(["old", "new"]).authenticate({HEADER: token})
    assert principal.user is None
    assert principal.expires_at_ms == 0


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {HEADER: ""},
        {HEADER: "older"},
        {HEADER: "old,new"},
        {HEADER: "OLD"},
        {HEADER: "ol\N{LATIN SMALL LETTER D WITH STROKE}"},
        {HEADER: "\udcff"},
        {HEADER: "old", "authorization": "Bearer x"},
        {"authorization": "Bearer old"},
    ],
)
async def test_nothing_else_does(metadata: Mapping[str, str]) -> None:
    with pytest.raises(Unauthenticated):
        await InternalTokenAuthenticator(["old", "new"]).authenticate(metadata)


@pytest.mark.parametrize("shown", ["a", "b", "c", "x"])
async def test_every_token_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch, shown: str) -> None:
    compared: list[bytes] = []

    def compare(left: bytes, right: bytes) -> bool:
        compared.append(right)
        return hmac.compare_digest(left, right)

    monkeypatch.setattr(internal_token, "hmac", type("Spy", (), {"compare_digest": staticmethod(compare)}))
    authenticator = InternalTokenAuthenticator(["a", "b", "c"])
    try:
        await authenticator.authenticate({HEADER: shown})
    except Unauthenticated:
        assert shown == "x"
    assert compared == [b"a", b"b", b"c"]


@pytest.mark.parametrize("tokens", [[], [""], ["good", ""]])
def test_no_token_is_a_mistake(tokens: list[str]) -> None:
    with pytest.raises(FailedPrecondition):
        InternalTokenAuthenticator(tokens)


async def test_dev_mode_without_tokens_is_open_but_not_to_recipients() -> None:
    authenticator = InternalTokenAuthenticator([], open_without_tokens=True)
    assert (await authenticator.authenticate({})).user is None
    with pytest.raises(Unauthenticated):
        await authenticator.authenticate({"authorization": "Bearer dev:ann:acme"})


async def test_dev_mode_with_tokens_is_not_open() -> None:
    with pytest.raises(Unauthenticated):
        await InternalTokenAuthenticator(["a"], open_without_tokens=True).authenticate({})
