"""Keys from a real HTTP server: rotation, failures, and floods that must not reach it (FAULTS 31)."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from notify_grpc.auth.jwks import JwksKeys, parse_jwks
from notify_grpc.auth.jwt import JwtAuthenticator, SecretKey
from notify_grpc.domain.errors import Unauthenticated
from notify_grpc.domain.models import UserKey
from tests.support.clock import ManualClock
from tests.support.waiting import eventually
from tests.unit.auth.jwks_server import EC_KEY, OTHER_RSA_KEY, PRIVATE_KEYS, RSA_KEY, JwksServer, jwk
from tests.unit.auth.tokens import SECRET, claims, shown, signed


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy of the machine's must not come between."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
async def server() -> AsyncIterator[JwksServer]:
    async with JwksServer(*(jwk(algorithm, f"key-{algorithm}") for algorithm in PRIVATE_KEYS)) as server:
        yield server


@pytest.fixture
async def keys(server: JwksServer, clock: ManualClock) -> AsyncIterator[JwksKeys]:
    keys = JwksKeys(server.url, clock=clock)
    yield keys
    await keys.close()


def by(algorithm: str, kid: str | None = None, key: Any = None, **changes: Any) -> Mapping[str, str]:
    """Metadata with a token signed by one of the private keys."""
    kid = f"key-{algorithm}" if kid is None else kid
    return signed(key or PRIVATE_KEYS[algorithm], algorithm, headers={"kid": kid} if kid else None, **changes)


async def lets_in(keys: JwksKeys, metadata: Mapping[str, str]) -> bool:
    try:
        principal = await JwtAuthenticator(SecretKey(SECRET), keys).authenticate(metadata)
    except Unauthenticated:
        return False
    assert principal.user == UserKey("acme", "ann")
    return True


@pytest.mark.parametrize("algorithm", PRIVATE_KEYS)
async def test_each_algorithm(keys: JwksKeys, algorithm: str) -> None:
    assert await lets_in(keys, by(algorithm))


async def test_keys_are_fetched_once(keys: JwksKeys, server: JwksServer) -> None:
    for _ in range(3):
        assert await lets_in(keys, by("RS256"))
    assert server.requests == 1


async def test_a_secret_and_published_keys_side_by_side(keys: JwksKeys, server: JwksServer) -> None:
    assert await lets_in(keys, signed())
    assert server.requests == 0
    assert await lets_in(keys, by("ES256"))


async def test_a_rotated_key_is_found(keys: JwksKeys, server: JwksServer, clock: ManualClock) -> None:
    assert await lets_in(keys, by("RS256"))
    server.keys = [jwk("RS256", "next", OTHER_RSA_KEY)]
    await clock.advance(11)
    assert await lets_in(keys, by("RS256", "next", OTHER_RSA_KEY))
    assert not await lets_in(keys, by("RS256")), "the old key was withdrawn"


async def test_old_keys_serve_while_new_ones_are_fetched(
    keys: JwksKeys, server: JwksServer, clock: ManualClock
) -> None:
    assert await lets_in(keys, by("RS256"))
    await clock.advance(601)
    server.hold.clear()
    assert await lets_in(keys, by("RS256"))
    await eventually(lambda: server.requests == 2)
    assert await lets_in(keys, by("RS256"))
    server.hold.set()


async def test_a_flood_of_unknown_keys_is_one_fetch(keys: JwksKeys, server: JwksServer, clock: ManualClock) -> None:
    assert await lets_in(keys, by("RS256"))
    await clock.advance(11)
    server.hold.clear()
    flood = [asyncio.ensure_future(lets_in(keys, by("ES256", f"unknown-{i}"))) for i in range(300)]
    await eventually(lambda: server.requests == 2)
    assert await lets_in(keys, by("RS256")), "known keys do not wait for it"
    server.hold.set()
    assert not any(await asyncio.gather(*flood))
    for i in range(300):
        assert not await lets_in(keys, by("ES256", f"later-{i}"))
    assert server.requests == 2
    await clock.advance(11)
    assert not await lets_in(keys, by("ES256", "much-later"))
    assert server.requests == 3


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, None),
        (404, None),
        (302, None),
        (200, b"<html>"),
        (200, b"[]"),
        (200, b"{}"),
        (200, b'{"keys": 7}'),
        (200, b"\xff"),
        (200, b" " * (1 << 21)),
    ],
)
async def test_a_failing_server_leaves_the_old_keys(
    keys: JwksKeys, server: JwksServer, clock: ManualClock, status: int, body: bytes | None
) -> None:
    assert await lets_in(keys, by("RS256"))
    server.status, server.raw_body, server.keys = status, body, []
    await clock.advance(601)
    assert not await lets_in(keys, by("RS256", "unknown"))
    assert server.requests == 2
    assert await lets_in(keys, by("RS256"))


async def test_old_keys_are_not_trusted_for_ever(keys: JwksKeys, server: JwksServer, clock: ManualClock) -> None:
    assert await lets_in(keys, by("RS256"))
    server.status = 500
    await clock.advance(86_401)
    assert not await lets_in(keys, by("RS256"))


async def test_a_server_that_never_answers_is_given_up(server: JwksServer) -> None:
    server.hold.clear()
    keys = JwksKeys(server.url, timeout_s=0.05)
    assert not await lets_in(keys, by("RS256"))
    await keys.close()


async def test_nobody_listens(clock: ManualClock) -> None:
    async with JwksServer() as gone:
        url = gone.url
    keys = JwksKeys(url, clock=clock)
    assert not await lets_in(keys, by("RS256"))
    await keys.close()


async def test_a_caller_who_gives_up_does_not_end_the_others_fetch(keys: JwksKeys, server: JwksServer) -> None:
    server.hold.clear()
    first = asyncio.ensure_future(lets_in(keys, by("RS256")))
    second = asyncio.ensure_future(lets_in(keys, by("RS256")))
    await eventually(lambda: server.requests == 1)
    first.cancel()
    server.hold.set()
    assert await second


async def test_without_a_key_id_the_only_key_of_the_algorithm(
    keys: JwksKeys, server: JwksServer, clock: ManualClock
) -> None:
    assert await lets_in(keys, by("RS256", ""))
    server.keys.append(jwk("RS256", "another", OTHER_RSA_KEY))
    await clock.advance(11)
    assert not await lets_in(keys, by("ES256", "unknown"))
    assert not await lets_in(keys, by("RS256", "")), "two keys: which one is not to be guessed"


async def test_a_public_key_is_no_secret(server: JwksServer, keys: JwksKeys) -> None:
    """Key confusion: HS256 signed with a published key, in every form it could be taken for bytes."""
    public = RSA_KEY.public_key()
    for encoding, form in (
        (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo),
        (serialization.Encoding.DER, serialization.PublicFormat.PKCS1),
    ):
        forged = hmac_signed(public.public_bytes(encoding, form))
        assert not await lets_in(keys, forged)
        authenticator = JwtAuthenticator(keys)
        with pytest.raises(Unauthenticated):
            await authenticator.authenticate(forged)


def hmac_signed(secret: bytes) -> Mapping[str, str]:
    """What PyJWT refuses to make: a token whose HMAC key is a public key."""

    def part(value: bytes) -> str:
        return base64.urlsafe_b64encode(value).decode().rstrip("=")

    header = json.dumps({"alg": "HS256", "kid": "key-RS256"}).encode()
    text = f"{part(header)}.{part(json.dumps(claims()).encode())}"
    return shown(f"{text}.{part(hmac.digest(secret, text.encode(), hashlib.sha256))}")


async def test_a_key_goes_with_its_own_algorithm_only(keys: JwksKeys) -> None:
    assert not await lets_in(keys, by("ES256", "key-RS256"))
    assert not await lets_in(keys, by("RS256", "key-ES256"))
    assert not await lets_in(keys, signed(RSA_KEY, "PS256", headers={"kid": "key-RS256"}))
    assert not await lets_in(keys, signed(RSA_KEY, "RS512", headers={"kid": "key-RS256"}))


async def test_a_weak_key_is_not_used(server: JwksServer, keys: JwksKeys) -> None:
    weak = rsa.generate_private_key(public_exponent=65_537, key_size=1_024)
    server.keys = [jwk("RS256", "weak", weak)]
    with pytest.warns(UserWarning, match="below the minimum"):
        metadata = by("RS256", "weak", weak)
    assert not await lets_in(keys, metadata)


def test_what_is_no_public_signing_key_is_passed_over() -> None:
    listed = [
        {"kty": "oct", "k": "c2VjcmV0", "kid": "secret"},
        {**jwk("RS256", "encrypts"), "use": "enc"},
        {**jwk("RS256", "private"), "d": "AQAB"},
        {**jwk("RS256", "odd"), "alg": "RS512"},
        {**jwk("RS256", "none"), "alg": "none"},
        {"kty": "EC", "crv": "P-521", "kid": "curve"},
        {"kty": "RSA", "n": "!", "e": "!", "kid": "broken"},
        {"kty": ["RSA"], "kid": ["list"]},
        {**jwk("RS256", "listed"), "alg": ["RS256"]},
        {},
        7,
        None,
        jwk("ES256", "good", EC_KEY),
    ]
    assert list(parse_jwks(json.dumps({"keys": listed}).encode())) == ["good"]
