"""Which pages have a generated part, and where it lies in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from docs.reference import figures, protos, settings

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
FROM = "<!-- from here on written by make docs -->"
TO = "<!-- written by make docs up to here -->"

OF_THE_CODE: Mapping[str, Callable[[], str]] = {
    "api.md": lambda: protos.reference(ROOT / "protos"),
    "configuration.md": settings.reference,
}
"""Pages that must say what the code says."""
PAGES: Mapping[str, Callable[[], str]] = {
    **OF_THE_CODE,
    "scaling.md": lambda: figures.reference(ROOT / "benchmarks" / "results"),
}


def generated(page: str) -> str:
    """The part of a page between the two marks. Raises ValueError without them."""
    _, found, rest = page.partition(FROM)
    text, ended, _ = rest.partition(TO)
    if not (found and ended):
        raise ValueError(f"the page has no {FROM} … {TO}")
    return text.strip()


def replaced(page: str, text: str) -> str:
    """The page with this text in place of what lies between the marks. Raises ValueError without them."""
    generated(page)
    before, _, rest = page.partition(FROM)
    _, _, after = rest.partition(TO)
    return f"{before}{FROM}\n\n{text.strip()}\n\n{TO}{after}"
