"""A query that names what is not there would be silent for ever: none does."""

from __future__ import annotations

import re
from pathlib import Path

import grpc
import pytest

from notify_grpc.domain import errors
from notify_grpc.domain.deliveries import ErrorClass
from notify_grpc.telemetry.metrics import BY_NAME
from tests.observability.conftest import Scrape
from tests.observability.queries import SCRAPED, Query, alerts, dashboard, groupings, queries, selectors

RUNBOOK = Path(__file__).resolve().parents[2] / "docs" / "runbook.md"
ALL = list(queries())
RARE = {
    "notify_lease_expiries_total",
    "notify_breaker_open",
    "notify_bus_reconnects_total",
    "notify_bus_dropped_total",
    "notify_bus_foreign_total",
}
"""Those that a healthy server with one process has no sample of; their labels are as declared."""
CODES = {code.name for code in grpc.StatusCode}
VALUES = {
    ("notify_notify_requests_total", "code"): CODES,
    ("notify_store_op_total", "code"): {"OK", "INTERNAL", *vars(errors)},
    ("notify_send_total", "status"): {"accepted", *map(str, ErrorClass)},
}
"""What a label can be, where a query names values that a short run does not bring about."""


def labels_of(metric: str, scrape: Scrape) -> set[str]:
    """A metric's labels on the server, or as declared for the rare ones."""
    if metric in RARE and metric not in scrape:
        return {*BY_NAME[metric].labels, *SCRAPED}
    assert metric in scrape, f"the server has no {metric}"
    return {*scrape[metric][0], *SCRAPED}


@pytest.mark.parametrize("query", ALL, ids=lambda query: query.title)
def test_a_query_is_promql(query: Query) -> None:
    assert selectors(query.expr)


async def test_every_metric_and_label_is_there(scrape: Scrape) -> None:
    for query in ALL:
        for selector in selectors(query.expr):
            labels = labels_of(selector.metric, scrape)
            assert {m.name for m in selector.matchers} <= labels, query.title
        for by, below in groupings(query.expr):
            assert all(by <= labels_of(s.metric, scrape) for s in below), query.title


async def test_every_value_can_be(scrape: Scrape) -> None:
    checked = 0
    for query in ALL:
        for metric, matchers in selectors(query.expr):
            for matcher in (m for m in matchers if m.name != "job"):
                seen = {sample[matcher.name] for sample in scrape[metric]}
                possible = seen | VALUES.get((metric, matcher.name), set())
                assert set(matcher.value.split("|")) <= possible, query.title
                checked += 1
    assert checked > 5


def test_what_is_shown_is_what_is_grouped_by() -> None:
    for query in ALL:
        kept = [by for by, _ in groupings(query.expr)]
        assert query.named <= (set.union(*kept) if kept else SCRAPED), query.title


def test_every_metric_is_on_the_dashboard() -> None:
    shown = {s.metric for q in ALL for s in selectors(q.expr)}
    families = {re.sub(r"_(bucket|count|sum)$", "", name) for name in shown}
    assert families == set(BY_NAME)


def test_panels_do_not_overlap_and_say_what_they_show() -> None:
    taken: set[tuple[int, int]] = set()
    ids = [panel["id"] for panel in dashboard()["panels"]]
    assert len(ids) == len(set(ids))
    for panel in dashboard()["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken
        assert max(x for x, _ in cells) < 24
        taken |= cells
        assert panel["type"] == "row" or (panel["description"] and panel["fieldConfig"]["defaults"]["unit"])


def test_every_alert_has_its_section_in_the_runbook() -> None:
    text = RUNBOOK.read_text()
    sections = re.findall(r"^## (Notify\w+)$", text, re.MULTILINE)
    assert sections == [alert["alert"] for alert in alerts()]
    for body in re.split(r"^## Notify\w+$", text, flags=re.MULTILINE)[1:]:
        for part in ("**Means**", "**Look**", "**Do**"):
            assert part in body
    for alert in alerts():
        assert alert["labels"]["severity"] in ("critical", "warning")
        assert alert["annotations"]["summary"]
        assert alert["annotations"]["runbook"] == f"docs/runbook.md#{alert['alert'].lower()}"
