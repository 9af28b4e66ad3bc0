"""How much of a call's time the core may use."""

from __future__ import annotations

from notify_grpc.rpc.handlers import Context

DEFAULT_S = 10.0
_SHARE = 0.9
"""The rest is for the answer's way back."""


def budget_s(context: Context) -> float:
    """Seconds the core may take: most of what is left until the caller's deadline, or 10 where there is none."""
    left: float | None = context.time_remaining()
    return DEFAULT_S if left is None else left * _SHARE
