"""What providers tell us later: delivered, bounced, opened. Each module checks the signature before anything else.

A report may come twice, late or out of order: domain.deliveries.TRANSITIONS decides what it still changes, so a
replayed request changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from notify_grpc.ports.store import Report


class Callbacks(Protocol):
    """The receiving end of one provider."""

    @property
    def provider(self) -> str:
        """As in configuration, and the last part of the callback's path."""
        ...

    async def verify_and_parse(self, headers: Mapping[str, str], url: str, body: bytes) -> list[Report]:
        """The final reports in a POST; progress ("queued", "sent") is left out. ``headers`` have lower-case names.

        Raises Unauthenticated if the signature is missing or wrong, Unavailable if it cannot be checked just now.
        """
        ...

    def challenge(self, url: str) -> str | None:
        """The answer to a GET by which a provider makes sure that the URL is ours. Raises Unauthenticated.

        None where the provider sends no such GET.
        """
        ...
