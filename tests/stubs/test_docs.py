"""Blocks of pages that need Go or npm do what the pages say: those that are there run."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from tests.support.page_runner import follow
from tests.support.pages import Block, blocks_by

BLOCKS = {f"{page}:{block.line}": block for page, found in blocks_by("stubs").items() for block in found}


@pytest.fixture
def env(reader_env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A reader's, who has protoc."""
    folder = tmp_path_factory.mktemp("bin")
    protoc = folder / "protoc"
    protoc.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m grpc_tools.protoc "$@"\n')
    protoc.chmod(0o755)
    return reader_env | {"PATH": f"{folder}{os.pathsep}{reader_env['PATH']}"}


def needs(block: Block) -> set[str]:
    """The toolchains it calls."""
    return set(re.findall(r"\b(go|npm) ", block.text))


@pytest.mark.timeout(600)
@pytest.mark.parametrize("block", BLOCKS)
async def test_a_block_does_what_its_page_says(block: str, clone: Path, env: dict[str, str]) -> None:
    found = BLOCKS[block]
    if missing := [tool for tool in needs(found) if shutil.which(tool) is None]:
        pytest.skip(f"not run: no {' and no '.join(missing)} here")
    await follow([found], clone, env)


def test_each_names_its_toolchain() -> None:
    assert [name for name, block in BLOCKS.items() if not needs(block)] == []
