"""``notify-grpc token``: a recipient's credential."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from notify_grpc.cli.text import Json, first, print_json, seconds
from notify_grpc.domain.errors import InvalidArgument

User = Annotated[str, typer.Option("--as", envvar="NOTIFY_USER", help="The recipient's user id.")]
Tenant = Annotated[str, typer.Option("--tenant", envvar="NOTIFY_TENANT", help="The tenant.")]
Secret = Annotated[
    str,
    typer.Option(
        "--secret",
        envvar="NOTIFY_AUTH_JWT_SECRET",
        help="HS256 secret, the first of several; without it a token for dev mode is made.",
    ),
]
Issuer = Annotated[str, typer.Option("--issuer", envvar="NOTIFY_AUTH_JWT_ISSUER", help="The claim iss.")]
Audience = Annotated[str, typer.Option("--audience", envvar="NOTIFY_AUTH_JWT_AUDIENCE", help="The claim aud.")]
_SHORT_S = 300.0


def mint(
    user: str,
    tenant: str,
    *,
    email: str = "",
    secret: str = "",
    issuer: str = "",
    audience: str = "",
    lifetime_s: float = _SHORT_S,
) -> str:
    """A token for a recipient: a JWT (HS256) by the first ``secret``, or without one a token only dev mode accepts.

    Raises InvalidArgument for a name that a dev token cannot hold, and for a secret too short (RFC 7518 §3.2).
    """
    if not secret:
        if ":" in user + tenant:
            raise InvalidArgument("--as" if ":" in user else "--tenant", "a dev token cannot hold a colon")
        return ":".join(["dev", user, tenant, *([email] if email else [])])
    secret = first(secret)
    if len(secret.encode()) < 32:
        raise InvalidArgument("--secret", "is shorter than 32 bytes")
    import jwt  # slow to import, and needed only here

    now = int(time.time())
    claims = {
        "sub": user,
        "tenant": tenant,
        "iat": now,
        "exp": now + int(lifetime_s),
        "email": email,
        "iss": issuer,
        "aud": audience,
    }
    return jwt.encode({k: v for k, v in claims.items() if v != ""}, secret, algorithm="HS256")


def token(
    user: User,
    tenant: Tenant = "demo",
    email: Annotated[str, typer.Option(help="The recipient's email address.")] = "",
    secret: Secret = "",
    issuer: Issuer = "",
    audience: Audience = "",
    expires_in: Annotated[
        float, typer.Option(parser=seconds, metavar="DURATION", help="Lifetime of a JWT.", show_default="1h")
    ] = 3_600.0,
    as_json: Json = False,
) -> None:
    """Make a recipient's token: a JWT from the secret, or one for dev mode."""
    made = mint(user, tenant, email=email, secret=secret, issuer=issuer, audience=audience, lifetime_s=expires_in)
    if as_json:
        print_json({"token": made, "user_id": user, "tenant_id": tenant})
    else:
        typer.echo(made)
