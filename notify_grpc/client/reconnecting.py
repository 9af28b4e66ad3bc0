"""When a stream connects again."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from notify_grpc.domain.errors import (
    FailedPrecondition,
    InvalidArgument,
    NotifyError,
    PermissionDenied,
    Unauthenticated,
    Unimplemented,
)

_FINAL = (Unauthenticated, PermissionDenied, InvalidArgument, FailedPrecondition, Unimplemented)


@dataclass(frozen=True, slots=True)
class Reconnects:
    """Exponential backoff with full jitter, and how long silence is trusted. Times are seconds."""

    first_s: float = 0.5
    longest_s: float = 30.0
    silence_s: float = 90.0
    """Without any event for this long the connection counts as dead: more than two of the server's heartbeats."""
    random: Random = field(default_factory=Random)

    def wait_s(self, failures: int) -> float:
        """Before the next try, after ``failures`` (≥ 1) in a row."""
        return self.random.uniform(0, min(self.longest_s, self.first_s * 2.0 ** min(failures - 1, 30)))


def ends_stream(error: NotifyError, *, was_live: bool) -> bool:
    """Whether trying again would end the same way. A token that ran out on a live stream may be fresh next time."""
    return isinstance(error, _FINAL) and not (was_live and isinstance(error, Unauthenticated))
