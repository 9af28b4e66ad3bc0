"""Tokens made here are tokens the server takes."""

from __future__ import annotations

import pytest

from notify_grpc.auth.dev import DevAuthenticator
from notify_grpc.auth.jwt import JwtAuthenticator, SecretKey
from notify_grpc.cli.token import mint
from notify_grpc.domain.errors import InvalidArgument
from notify_grpc.domain.models import UserKey
from notify_grpc.ports.auth import Authenticator

SECRET = "s" * 32


async def user_of(token: str, authenticator: Authenticator) -> tuple[UserKey | None, str]:
    principal = await authenticator.authenticate({"authorization": f"Bearer {token}"})
    return principal.user, principal.email


async def test_a_dev_token_names_its_user() -> None:
    token = mint("ada", "demo", email="ada@example.com")
    assert token == "dev:ada:demo:ada@example.com"
    assert await user_of(token, DevAuthenticator()) == (UserKey("demo", "ada"), "ada@example.com")


async def test_a_jwt_names_its_user() -> None:
    token = mint("ada:b", "demo", secret=SECRET, issuer="us", audience="inbox", email="a@b.c")
    authenticator = JwtAuthenticator(SecretKey(SECRET), issuer="us", audience="inbox")
    assert await user_of(token, authenticator) == (UserKey("demo", "ada:b"), "a@b.c")


@pytest.mark.parametrize("secrets", [f"{SECRET}, {'t' * 32}", f" ,{SECRET}"])
async def test_the_first_of_several_secrets_signs(secrets: str) -> None:
    token = mint("ada", "demo", secret=secrets)
    assert await user_of(token, JwtAuthenticator(SecretKey(SECRET))) == (UserKey("demo", "ada"), "")


@pytest.mark.parametrize(("user", "tenant", "field"), [("a:b", "demo", "--as"), ("ada", "de:mo", "--tenant")])
def test_a_dev_token_that_would_name_another_user_is_refused(user: str, tenant: str, field: str) -> None:
    with pytest.raises(InvalidArgument) as wrong:
        mint(user, tenant)
    assert wrong.value.field == field


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="32 bytes"):
        mint("ada", "demo", secret="short")
