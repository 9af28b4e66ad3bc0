"""Who is calling."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from notify_grpc.domain.models import UserKey


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller: a producer (no user) or a recipient."""

    user: UserKey | None
    """None for a producer."""
    expires_at_ms: int = 0
    """When the credential ends; 0 means never."""
    email: str = ""


class Authenticator(Protocol):
    """Turns call metadata into a Principal."""

    async def authenticate(self, metadata: Mapping[str, str]) -> Principal:
        """Metadata keys are lower case, the last value of a repeated key. Raises Unauthenticated, and nothing else."""
        ...
