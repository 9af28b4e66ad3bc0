"""What an operator does to data that was restored from a backup."""

from __future__ import annotations

from typing import Protocol


class Recovery(Protocol):
    """Data older than what clients have seen of it."""

    async def renew_epochs(self) -> int:
        """Give every inbox another epoch, in batches; how many. Nothing else of it changes.

        Cursors of before are foreign from then on, so that whoever shows one is told to read anew.
        """
        ...
