"""Every query of k8s/observability, parsed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import promql_parser
import yaml

FOLDER = Path(__file__).resolve().parents[2] / "k8s" / "observability"
SCRAPED = {"job", "instance"}
"""Labels that Prometheus adds."""
_VARIABLES = {"$job": ".*", "$__rate_interval": "5m"}
_NAMED = re.compile(r"\{\{\s*(?:\$labels\.)?(\w+)\s*\}\}")


class Query(NamedTuple):
    """One query and the texts that name its labels."""

    title: str
    text: str
    shown: str

    @property
    def expr(self) -> Any:
        """Its syntax tree. Raises ValueError."""
        text = self.text
        for variable, value in _VARIABLES.items():
            text = text.replace(variable, value)
        return promql_parser.parse(text)

    @property
    def named(self) -> set[str]:
        """The labels that its legend or its annotations show."""
        return set(_NAMED.findall(self.shown)) - {"value"}


class Selector(NamedTuple):
    """A metric as a query takes it."""

    metric: str
    matchers: list[Any]


def alerts() -> list[dict[str, Any]]:
    """The rules of alerts.yaml."""
    rule = yaml.safe_load((FOLDER / "alerts.yaml").read_text())
    return [alert for group in rule["spec"]["groups"] for alert in group["rules"]]


def dashboard() -> dict[str, Any]:
    """The dashboard."""
    found: dict[str, Any] = json.loads((FOLDER / "dashboard.json").read_text())
    return found


def queries() -> Iterator[Query]:
    """All of both."""
    for alert in alerts():
        yield Query(alert["alert"], alert["expr"], " ".join(alert["annotations"].values()))
    for panel in dashboard()["panels"]:
        for target in panel.get("targets", []):
            yield Query(f"{panel['title']} {target['refId']}", target["expr"], target["legendFormat"])


def selectors(expr: Any) -> list[Selector]:
    """Every metric a query reads."""
    found: list[Selector] = []

    def visit(node: Any) -> bool:
        if isinstance(node, promql_parser.VectorSelector):
            found.append(Selector(node.name or "", node.matchers.matchers))
        return True

    promql_parser.walk(expr, visit)
    return found


def groupings(expr: Any) -> list[tuple[set[str], list[Selector]]]:
    """The labels of each ``by``, with the metrics they are of."""
    found = []

    def visit(node: Any) -> bool:
        if isinstance(node, promql_parser.AggregateExpr) and node.modifier is not None:
            found.append((set(node.modifier.labels), selectors(node.expr)))
        return True

    promql_parser.walk(expr, visit)
    return found
