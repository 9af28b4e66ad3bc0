"""Blocks of pages that need the built browser inbox do what the pages say."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.page_runner import follow
from tests.support.pages import blocks_by

PAGES = blocks_by("browser")


@pytest.mark.timeout(600)
@pytest.mark.parametrize("page", PAGES)
async def test_a_page_does_what_it_says(page: str, clone: Path, reader_env: dict[str, str]) -> None:
    await follow(PAGES[page], clone, reader_env)
