"""OTEL_TRACES_SAMPLER, decided without a span."""

from __future__ import annotations

from random import Random

import pytest

from notify_grpc.telemetry.sampling import Sampling
from notify_grpc.telemetry.tracing import parse_traceparent


@pytest.mark.parametrize(
    ("name", "argument", "no_parent", "sampled_parent", "unsampled_parent"),
    [
        ("always_on", "", 1.0, 1.0, 1.0),
        ("always_off", "", 0.0, 0.0, 0.0),
        ("traceidratio", "0.25", 0.25, 0.25, 0.25),
        ("parentbased_always_on", "", 1.0, 1.0, 0.0),
        ("parentbased_always_off", "", 0.0, 1.0, 0.0),
        ("parentbased_traceidratio", "0.25", 0.25, 1.0, 0.0),
        ("parentbased_traceidratio", "7", 1.0, 1.0, 0.0),
        ("parentbased_traceidratio", "nonsense", 1.0, 1.0, 0.0),
        ("nonsense", "", 1.0, 1.0, 0.0),
        ("", "", 1.0, 1.0, 0.0),
    ],
)
def test_share_of_calls_traced(
    name: str, argument: str, no_parent: float, sampled_parent: float, unsampled_parent: float
) -> None:
    sampling = Sampling(name, argument, Random(1))

    for parent, share in ((None, no_parent), (True, sampled_parent), (False, unsampled_parent)):
        traced = sum(sampling.decide(parent) for _ in range(4_000)) / 4_000
        assert traced == pytest.approx(share, abs=0.03)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0AF7651916CD43DD8448EB211C80319C-B7AD6B7169203331-01",
    ],
)
def test_what_is_no_traceparent_is_ignored(text: str) -> None:
    assert parse_traceparent(text) is None


def test_a_traceparent_is_read_whole() -> None:
    context = parse_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")

    assert context is not None
    assert f"{context.trace_id:x}" == "af7651916cd43dd8448eb211c80319c"
    assert context.trace_flags.sampled
    assert context.is_remote
