"""Dev tokens, which anybody can write."""

from __future__ import annotations

import pytest

from notify_grpc.auth.dev import DevAuthenticator
from notify_grpc.auth.jwt import JwtAuthenticator, SecretKey
from notify_grpc.domain.errors import Unauthenticated
from notify_grpc.domain.models import UserKey
from notify_grpc.ports.auth import Principal
from tests.unit.auth.tokens import SECRET, shown, signed


@pytest.mark.parametrize(
    ("token", "principal"),
    [
        ("dev:ann:acme", Principal(UserKey("acme", "ann"))),
        ("dev:ann:acme:ann@example.com", Principal(UserKey("acme", "ann"), email="ann@example.com")),
        ("dev:ann:acme:a:b", Principal(UserKey("acme", "ann"), email="a:b")),
        ("dev:\N{SNOWMAN}:acme", Principal(UserKey("acme", "\N{SNOWMAN}"))),
    ],
)
async def test_a_dev_token_is_believed(token: str, principal: Principal) -> None:
    assert await DevAuthenticator().authenticate(shown(token)) == principal


@pytest.mark.parametrize("token", ["dev", "dev:", "dev:ann", "dev:ann:", "dev::acme", "ann:acme", "DEV:ann:acme"])
async def test_what_is_no_dev_token(token: str) -> None:
    with pytest.raises(Unauthenticated):
        await DevAuthenticator().authenticate(shown(token))


async def test_other_tokens_go_to_the_others() -> None:
    authenticator = DevAuthenticator(JwtAuthenticator(SecretKey(SECRET)))
    assert (await authenticator.authenticate(signed())).user == UserKey("acme", "ann")
    assert (await authenticator.authenticate(shown("dev:ben:acme"))).user == UserKey("acme", "ben")
    with pytest.raises(Unauthenticated):
        await authenticator.authenticate(signed("x" * 32))


async def test_without_dev_mode_a_dev_token_is_nothing() -> None:
    with pytest.raises(Unauthenticated):
        await JwtAuthenticator(SecretKey(SECRET)).authenticate(shown("dev:ann:acme"))
