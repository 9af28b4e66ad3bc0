"""When a failed delivery is tried again, and how often."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from types import MappingProxyType

from notify_grpc.domain.models import Channel


@dataclass(frozen=True, slots=True)
class Schedule:
    """Waits in seconds after the 1st, 2nd, … failure; one failure more than there are waits is final."""

    waits_s: tuple[float, ...]
    full_jitter: bool = False
    """Wait between 0 and the full time (push) instead of the time ± 10 %."""

    @property
    def max_failures(self) -> int:
        return len(self.waits_s) + 1

    def wait_s(self, failures: int, random: Random) -> float | None:
        """Seconds until the next attempt after ``failures`` (≥ 1) failures; None when that was the last."""
        if failures > len(self.waits_s):
            return None
        wait = self.waits_s[failures - 1]
        return random.uniform(0, wait) if self.full_jitter else wait * random.uniform(0.9, 1.1)


_PUSH = Schedule(tuple(min(2.0**n, 300.0) for n in range(12)), full_jitter=True)
_EMAIL = Schedule((5, 300, 1_800, 7_200, 18_000, 36_000))
_SMS = Schedule((60, 480))
SCHEDULES: Mapping[Channel, Schedule] = MappingProxyType(
    {
        Channel.EMAIL: _EMAIL,
        Channel.WEB_PUSH: _PUSH,
        Channel.MOBILE_PUSH: _PUSH,
        Channel.SMS: _SMS,
        Channel.WHATSAPP: _SMS,
    }
)
MAX_CLAIMS = 50
"""Claims after which a delivery is buried whatever they came to (a row that crashes its worker)."""
