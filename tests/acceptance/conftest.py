"""What tests that act as a reader of the documentation share."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.acceptance.process import environment
from tests.support.ports import free_port

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder that looks like a clone, with everything that make installs."""
    for entry in ROOT.iterdir():
        if entry.name not in ("var", ".venv", ".git"):
            (tmp_path / entry.name).symlink_to(entry)
    (tmp_path / ".venv").mkdir()
    for entry in Path(sys.prefix).iterdir():
        if not entry.name.startswith("."):
            (tmp_path / ".venv" / entry.name).symlink_to(entry)
    for mark in (".run", ".mail", ".dev"):
        (tmp_path / ".venv" / mark).touch()
    return tmp_path


@pytest.fixture
def reader_env() -> dict[str, str]:
    """A reader's environment, but for ports of its own."""
    names = ("NOTIFY_CLIENT_PORT", "NOTIFY_INTERNAL_PORT", "NOTIFY_METRICS_PORT", "MAIL_PORT")
    ports = {name: str(free_port()) for name in names}
    return environment(**ports, PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
