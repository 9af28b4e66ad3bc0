"""Tokens anybody can write, for a developer's machine: ``Bearer dev:<user>:<tenant>[:<email>]``."""

from __future__ import annotations

from collections.abc import Mapping

from notify_grpc.auth.credentials import bearer_token, user_key
from notify_grpc.domain.errors import Unauthenticated
from notify_grpc.ports.auth import Authenticator, Principal

_PREFIX = "dev:"


class DevAuthenticator:
    """Believes dev tokens and leaves every other token to ``others``, where there is one."""

    def __init__(self, others: Authenticator | None = None) -> None:
        self._others = others

    async def authenticate(self, metadata: Mapping[str, str]) -> Principal:
        """The recipient the token names, without any proof. Raises Unauthenticated."""
        token = bearer_token(metadata)
        if token.startswith(_PREFIX):
            user, tenant, email = (*token.removeprefix(_PREFIX).split(":", 2), "", "", "")[:3]
            return Principal(user_key(tenant, user), email=email)
        if self._others is None:
            raise Unauthenticated("a dev token looks like dev:<user>:<tenant>")
        return await self._others.authenticate(metadata)
