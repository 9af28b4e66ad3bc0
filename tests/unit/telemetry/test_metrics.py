"""Numbers, as a real Prometheus parser reads them, and merged over processes."""

from __future__ import annotations

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_prometheus

from notify_grpc.telemetry.exposition import OPENMETRICS, PROMETHEUS, from_json, merge, render, to_json, without_gauges
from notify_grpc.telemetry.metrics import DECLARATIONS, Numbers

SENDS = "notify_send_total"
TIMES = "notify_send_duration_seconds"
DUE = "notify_deliveries_due"
SESSIONS = "notify_live_sessions"


def some() -> Numbers:
    numbers = Numbers(lambda: "4bf92f3577b34da6a3ce929d0e0e4736")
    numbers.count(SENDS, channel="email", provider="smtp", status="delivered")
    numbers.count(SENDS, 2, channel="sms", provider='twi"lio\\', status="line\nbreak")
    numbers.observe(TIMES, 0.0004, channel="email", provider="smtp")
    numbers.observe(TIMES, 7.0, channel="email", provider="smtp")
    numbers.observe(TIMES, 99.0, channel="email", provider="smtp")
    numbers.gauge(DUE, 7)
    numbers.gauge(SESSIONS, 3, device_type="ios")
    return numbers


def samples(body: bytes) -> dict[tuple[str, ...], float]:
    return {
        (s.name, *(f"{k}={v}" for k, v in sorted(s.labels.items()))): s.value
        for family in parse_prometheus(body.decode())
        for s in family.samples
    }


def test_prometheus_reads_what_was_counted() -> None:
    body, content_type = render(some().snapshot())
    read = samples(body)

    assert content_type == PROMETHEUS
    assert read[SENDS, "channel=email", "provider=smtp", "status=delivered"] == 1
    assert read[SENDS, "channel=sms", 'provider=twi"lio\\', "status=line\nbreak"] == 2
    assert read[DUE,] == 7
    assert read[f"{TIMES}_count", "channel=email", "provider=smtp"] == 3
    assert read[f"{TIMES}_sum", "channel=email", "provider=smtp"] == pytest.approx(106.0004)
    bucket = f"{TIMES}_bucket"
    assert read[bucket, "channel=email", "le=0.0005", "provider=smtp"] == 1
    assert read[bucket, "channel=email", "le=10", "provider=smtp"] == 2
    assert read[bucket, "channel=email", "le=+Inf", "provider=smtp"] == 3


def test_openmetrics_carries_exemplars() -> None:
    body, content_type = render(some().snapshot(), "application/openmetrics-text;version=1.0.0,text/plain;q=0.5")

    families = {f.name: f for f in parse_openmetrics(body.decode())}  # type: ignore[no-untyped-call]  # it has no types
    exemplars = [s.exemplar for s in families[TIMES].samples if s.exemplar]
    assert content_type == OPENMETRICS
    assert {e.value for e in exemplars} == {0.0004, 7.0, 99.0}
    assert {e.labels["trace_id"] for e in exemplars} == {"4bf92f3577b34da6a3ce929d0e0e4736"}


def test_every_declared_metric_is_exposed_before_it_has_a_value() -> None:
    body, _ = render(Numbers().snapshot())

    assert {f.name for f in parse_prometheus(body.decode())} >= {d.name.removesuffix("_total") for d in DECLARATIONS}


def test_no_metric_names_a_tenant_or_a_user() -> None:
    labels = {label for d in DECLARATIONS for label in d.labels}

    assert not {label for label in labels if "tenant" in label or "user" in label or label.endswith("id")}


def test_what_is_not_declared_or_lacks_a_label_is_a_defect() -> None:
    with pytest.raises(KeyError):
        Numbers().count("notify_unheard_of_total")
    with pytest.raises(KeyError):
        Numbers().count(SENDS, channel="email")


def test_series_are_bounded() -> None:
    numbers = Numbers()
    for i in range(1_000):
        numbers.count("notify_notify_requests_total", code=f"made up {i}")

    series = numbers.snapshot()["notify_notify_requests_total"]
    assert len(series) <= 301
    assert series["other",] == 700


def test_processes_add_up_and_gauges_merge_as_declared() -> None:
    one, two = some().snapshot(), from_json(to_json(some().snapshot()))

    read = samples(render(merge([one, two]))[0])

    assert read[SENDS, "channel=email", "provider=smtp", "status=delivered"] == 2
    assert read[f"{TIMES}_count", "channel=email", "provider=smtp"] == 6
    assert read[SESSIONS, "device_type=ios"] == 6
    assert read[DUE,] == 7


def test_of_a_process_that_ended_counters_stay_and_gauges_go() -> None:
    read = samples(render(merge([without_gauges(some().snapshot())]))[0])

    assert read[SENDS, "channel=email", "provider=smtp", "status=delivered"] == 1
    assert (DUE,) not in read


def test_merging_changes_neither_side() -> None:
    one, two = some().snapshot(), some().snapshot()
    before = to_json(one), to_json(two)

    merge([one, two])

    assert (to_json(one), to_json(two)) == before
