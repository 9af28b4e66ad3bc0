"""JWTs signed with the shared secret, good and hostile (FAULTS 31)."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization

from notify_grpc.auth.jwt import JwtAuthenticator, SecretKey
from notify_grpc.domain.errors import FailedPrecondition, Unauthenticated
from notify_grpc.domain.models import UserKey
from tests.unit.auth.jwks_server import RSA_KEY
from tests.unit.auth.tokens import SECRET, claims, shown, signed

ANN = UserKey("acme", "ann")
ISSUER, AUDIENCE = "https://id.example.com", "notify"


@pytest.fixture
def authenticator() -> JwtAuthenticator:
    return JwtAuthenticator(SecretKey(SECRET))


@pytest.fixture
def strict() -> JwtAuthenticator:
    return JwtAuthenticator(SecretKey(SECRET), issuer=ISSUER, audience=AUDIENCE)


async def user_of(authenticator: JwtAuthenticator, metadata: Mapping[str, str]) -> UserKey | None:
    return (await authenticator.authenticate(metadata)).user


async def refused(authenticator: JwtAuthenticator, metadata: Mapping[str, str]) -> str:
    with pytest.raises(Unauthenticated) as caught:
        await authenticator.authenticate(metadata)
    return str(caught.value)


async def test_sub_and_tenant_name_the_user(authenticator: JwtAuthenticator) -> None:
    exp = int(time.time()) + 600
    principal = await authenticator.authenticate(signed(exp=exp, email="ann@example.com"))
    assert principal.user == UserKey("acme", "ann")
    assert principal.email == "ann@example.com"
    assert principal.expires_at_ms == (exp + 30) * 1_000


@pytest.mark.parametrize("tenancy", [{"tenant": None, "tenant_id": "acme"}, {"tenant": "acme", "tenant_id": "acme"}])
async def test_either_claim_names_the_tenant(authenticator: JwtAuthenticator, tenancy: dict[str, Any]) -> None:
    assert await user_of(authenticator, signed(**tenancy)) == ANN


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": None},
        {"sub": None},
        {"tenant": None},
        {"tenant": "acme", "tenant_id": "other"},
        {"sub": ""},
        {"tenant": ""},
        {"sub": 7},
        {"tenant": 7},
        {"tenant": ["acme"]},
        {"sub": "x" * 257},
        {"tenant": "x" * 257},
        {"sub": "a\0b"},
        {"sub": "\ud800"},
        {"exp": "soon"},
        {"exp": float("inf")},
        {"exp": -1},
        {"nbf": 2**40},
        {"iat": 2**40},
    ],
)
async def test_claims_that_do_not_hold(authenticator: JwtAuthenticator, changes: dict[str, Any]) -> None:
    await refused(authenticator, signed(**changes))


async def test_leeway_is_for_clocks_that_differ(authenticator: JwtAuthenticator) -> None:
    assert await user_of(authenticator, signed(exp=int(time.time()) - 10)) == ANN
    assert await refused(authenticator, signed(exp=int(time.time()) - 40)) == "the token has expired"
    without = JwtAuthenticator(SecretKey(SECRET), leeway_s=0)
    assert await refused(without, signed(exp=int(time.time()) - 10)) == "the token has expired"


async def test_an_end_in_the_far_future_is_no_overflow(authenticator: JwtAuthenticator) -> None:
    assert (await authenticator.authenticate(signed(exp=10**30))).expires_at_ms == 2**63 - 1


async def test_issuer_and_audience_are_checked_when_set(strict: JwtAuthenticator) -> None:
    assert await user_of(strict, signed(iss=ISSUER, aud=AUDIENCE)) == ANN
    assert await user_of(strict, signed(iss=ISSUER, aud=["other", AUDIENCE])) == ANN


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": AUDIENCE},
        {"iss": ISSUER},
        {"iss": "https://evil.example.com", "aud": AUDIENCE},
        {"iss": ISSUER + "/", "aud": AUDIENCE},
        {"iss": ISSUER, "aud": "other"},
        {"iss": ISSUER, "aud": []},
        {"iss": ISSUER, "aud": {"notify": 1}},
    ],
)
async def test_another_issuer_or_audience(strict: JwtAuthenticator, changes: dict[str, Any]) -> None:
    await refused(strict, signed(**changes))


async def test_an_issuer_that_is_no_text(strict: JwtAuthenticator) -> None:
    listed = json.dumps(claims(iss=[ISSUER], aud=AUDIENCE)).encode()
    await refused(strict, shown(jwt.PyJWS().encode(listed, SECRET, algorithm="HS256")))


async def test_an_audience_nobody_asked_for_is_no_matter(authenticator: JwtAuthenticator) -> None:
    assert await user_of(authenticator, signed(aud="other")) == ANN


def forged(header: dict[str, Any], signature: bytes = b"", body: Any = None) -> Mapping[str, str]:
    parts = [json.dumps(header).encode(), json.dumps(body or claims()).encode(), signature]
    return shown(".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts))


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", "", None, 7, ["HS256"], {"a": 1}])
async def test_an_unsigned_token(authenticator: JwtAuthenticator, alg: Any) -> None:
    await refused(authenticator, forged({"alg": alg, "typ": "JWT"}))


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
async def test_only_one_algorithm_goes_with_the_secret(authenticator: JwtAuthenticator, algorithm: str) -> None:
    long_secret = SECRET * 2
    assert await refused(JwtAuthenticator(SecretKey(long_secret)), signed(long_secret, algorithm))


async def test_a_token_of_another_key(authenticator: JwtAuthenticator) -> None:
    assert await refused(authenticator, signed("x" * 32)) == "the token is not valid"
    pem = RSA_KEY.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    await refused(authenticator, signed(pem, "RS256"))


async def test_a_changed_token(authenticator: JwtAuthenticator) -> None:
    header, _, signature = jwt.encode(claims(), SECRET, algorithm="HS256").split(".")
    admin = base64.urlsafe_b64encode(json.dumps(claims(sub="ben")).encode()).decode().rstrip("=")
    await refused(authenticator, shown(f"{header}.{admin}.{signature}"))
    await refused(authenticator, shown(f"{header}.{admin}."))


async def test_what_the_header_demands_but_we_do_not_know(authenticator: JwtAuthenticator) -> None:
    await refused(authenticator, signed(headers={"crit": ["urgent"], "urgent": True}))


@pytest.mark.parametrize(
    "token", ["", "x", "a.b", "a.b.c", "..", "a.b.c.d", "\N{SNOWMAN}.b.c", "e30.e30.", "bnVsbA.bnVsbA.", "x" * 20_000]
)
async def test_what_is_no_token(authenticator: JwtAuthenticator, token: str) -> None:
    await refused(authenticator, shown(token))


@pytest.mark.parametrize("body", [[], "text", 7, None])
async def test_claims_that_are_no_object(authenticator: JwtAuthenticator, body: Any) -> None:
    raw = jwt.PyJWS().encode(json.dumps(body).encode(), SECRET, algorithm="HS256")
    await refused(authenticator, shown(raw))


@pytest.mark.parametrize("user", ["x" * 257, "\N{PARTY POPPER}" * 193, "a\0b", "\ud800"])
async def test_a_user_no_store_could_index_or_keep(authenticator: JwtAuthenticator, user: str) -> None:
    raw = jwt.PyJWS().encode(json.dumps(claims(sub=user)).encode(), SECRET, algorithm="HS256")
    await refused(authenticator, shown(raw))


async def test_while_secrets_are_rotated_tokens_of_both_are_good() -> None:
    new, old = "the next secret, of enough bytes too", SECRET
    rotating = JwtAuthenticator(SecretKey(new), SecretKey(old))
    assert await user_of(rotating, signed(new)) == await user_of(rotating, signed(old)) == ANN
    await refused(rotating, signed("x" * 32))
    assert await refused(rotating, signed(old, exp=1)) == "the token has expired"

    after = JwtAuthenticator(SecretKey(new))
    assert await user_of(after, signed(new)) == ANN
    await refused(after, signed(old))


async def test_without_any_key_nobody_gets_in() -> None:
    await refused(JwtAuthenticator(), signed())


@pytest.mark.parametrize("secret", ["", "short", "x" * 31])
def test_a_short_secret_is_refused(secret: str) -> None:
    with pytest.raises(FailedPrecondition, match="at least 32 bytes"):
        SecretKey(secret)
