"""Whether a call is traced, decided before a span exists: what is not sampled costs a comparison.

The names and arguments are those of OTEL_TRACES_SAMPLER and OTEL_TRACES_SAMPLER_ARG (OpenTelemetry specification,
"SDK environment variables").
"""

from __future__ import annotations

import logging
from random import Random

log = logging.getLogger(__name__)
_DEFAULT = "parentbased_always_on"
_RATIOS = {"always_on": 1.0, "always_off": 0.0}


class Sampling:
    """``name`` and ``argument`` as in the environment; unknown ones mean the default, with a warning."""

    def __init__(self, name: str = _DEFAULT, argument: str = "", random: Random | None = None) -> None:
        self._random = random or Random()
        name = (name or _DEFAULT).lower()
        plain = name.removeprefix("parentbased_")
        if plain not in {*_RATIOS, "traceidratio"}:
            log.warning("unknown OTEL_TRACES_SAMPLER: every trace is sampled", extra={"sampler": name})
            name, plain = _DEFAULT, "always_on"
        self._by_parent = name != plain
        self._ratio = _RATIOS[plain] if plain in _RATIOS else _ratio(argument)

    def decide(self, parent_sampled: bool | None) -> bool:
        """Whether to trace; ``parent_sampled`` is what a trusted caller decided, None where there is none."""
        if self._by_parent and parent_sampled is not None:
            return parent_sampled
        return self._ratio >= 1.0 or (self._ratio > 0.0 and self._random.random() < self._ratio)


def _ratio(argument: str) -> float:
    try:
        return min(max(float(argument or 1.0), 0.0), 1.0)
    except ValueError:
        log.warning("OTEL_TRACES_SAMPLER_ARG is not a number: every trace is sampled")
        return 1.0
