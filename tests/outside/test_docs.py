"""Blocks of pages that need a tool which `make outside` builds do what the pages say."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.support.page_runner import follow
from tests.support.pages import ROOT, blocks_by

PAGES = blocks_by("outside")


@pytest.mark.parametrize("page", PAGES)
async def test_a_page_does_what_it_says(page: str, clone: Path, reader_env: dict[str, str]) -> None:
    path = f"{ROOT / 'build' / 'bin'}{os.pathsep}{reader_env['PATH']}"
    if shutil.which("grpcurl", path=path) is None:
        pytest.skip("grpcurl is not here: `make outside` builds it")
    await follow(PAGES[page], clone, reader_env | {"PATH": path})
