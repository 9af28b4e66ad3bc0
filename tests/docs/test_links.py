"""What a page points at is there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.pages import ROOT, pages

_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def text_of(page: Path) -> str:
    """A page without its code, in which brackets are no links."""
    return _FENCED.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """The names of its headings, as forges make them: lower case, blanks as hyphens, no punctuation."""
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in _HEADING.findall(text_of(page))}


def dead_links(page: Path) -> Iterator[str]:
    """Links of a page to files or headings that are not there; those to other sites are not tried."""
    for link in _LINK.findall(text_of(page)):
        if "://" in link or link.startswith("mailto:"):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            yield link


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    assert list(dead_links(page)) == []


def test_a_dead_link_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    (tmp_path / "other.md").write_text("# Other\n\n## What & why\n")
    page.write_text(
        "# Page\n\n[a](other.md) [b](other.md#what--why) [c](#page) [d](https://a.example/x)\n"
        "[e](gone.md) [f](other.md#gone) [g](#gone)\n\n```python\nx[0](nothing)\n```\n"
    )
    assert list(dead_links(page)) == ["gone.md", "other.md#gone", "#gone"]


def test_every_page_is_in_the_index() -> None:
    """By itself, or by its folder."""
    index = ROOT / "docs" / "README.md"
    linked = {(index.parent / link.partition("#")[0]).resolve() for link in _LINK.findall(text_of(index))} | {index}
    assert [str(page.relative_to(ROOT)) for page in pages()[1:] if linked.isdisjoint({page, page.parent})] == []
