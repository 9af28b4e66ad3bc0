"""Shared tokens of producers, several at a time so that they can be rotated."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence

from notify_grpc.auth.credentials import AUTHORIZATION, INTERNAL_TOKEN
from notify_grpc.domain.errors import FailedPrecondition, Unauthenticated
from notify_grpc.ports.auth import Principal

_PRODUCER = Principal(user=None)


class InternalTokenAuthenticator:
    """Lets in who shows one of ``tokens`` as ``x-notify-internal-token``.

    ``open_without_tokens`` (dev mode) lets everybody in when there is none; otherwise that raises FailedPrecondition.
    """

    def __init__(self, tokens: Sequence[str], *, open_without_tokens: bool = False) -> None:
        if not all(tokens) or (not tokens and not open_without_tokens):
            raise FailedPrecondition("an internal token is required outside dev mode")
        self._tokens = [token.encode() for token in tokens]

    async def authenticate(self, metadata: Mapping[str, str]) -> Principal:
        """A producer. Raises Unauthenticated, also where a recipient's credential is shown."""
        if AUTHORIZATION in metadata:
            raise Unauthenticated("a bearer token is not for this port")
        if self._tokens and not self._holds(metadata.get(INTERNAL_TOKEN, "")):
            raise Unauthenticated("the internal token is missing or wrong")
        return _PRODUCER

    def _holds(self, shown: str) -> bool:
        """Every token is compared, whichever matches: the time taken says nothing."""
        raw = shown.encode(errors="surrogateescape")
        return sum([hmac.compare_digest(raw, token) for token in self._tokens]) > 0
