"""What a page names exists: variables, metrics and tables, files, commands."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pytest

from docs.reference.settings import variables
from notify_grpc.cli.main import COMMANDS
from notify_grpc.config import Settings
from tests.support.pages import ROOT, pages

FOLDERS = ("notify_grpc", "tests", "docs", "benchmarks", "examples", "k8s", "protos")
_VARIABLE = re.compile(r"\bNOTIFY_[A-Z0-9_]*[A-Z0-9]\b(?![_<{])")
_WORD = re.compile(r"\bnotify_[a-z0-9_]*[a-z0-9]\b(?![/.*_])")
_FILE = re.compile(r"`([\w./-]+\.(?:py|sql|proto|yaml|toml|md))`")
_COMMAND = re.compile(r"notify-grpc ([a-z][a-z-]*)")
_SERIES = re.compile(r"_(?:bucket|count|sum)$")


@cache
def source() -> str:
    """Everything the package and the tests say, in which any name that exists is found."""
    files = [*(ROOT / "notify_grpc").rglob("*.py"), *(ROOT / "notify_grpc").rglob("*.sql"), *ROOT.glob("tests/**/*.py")]
    return "\n".join(file.read_text(encoding="utf-8") for file in files if file != Path(__file__))


def unknown_variables(text: str) -> list[str]:
    """Variables that are no setting, and none the command line or the tests read."""
    settings = {v for name, field in Settings.model_fields.items() for v in variables(name, field)}
    return _unfound(name for name in _VARIABLE.findall(text) if name not in settings)


def unknown_words(text: str) -> list[str]:
    """Names of metrics, tables and modules that are nowhere in the code."""
    return _unfound(_SERIES.sub("", word) for word in _WORD.findall(text))


def unknown_files(text: str) -> list[str]:
    """Files, named with a folder, that no path of the repository ends with."""
    named = {name for name in _FILE.findall(text) if "/" in name}
    return sorted(name for name in named if not (ROOT / name).is_file() and not _ends_a_path(name))


def _ends_a_path(name: str) -> bool:
    return any(next((ROOT / folder).rglob(name), None) for folder in FOLDERS)


def unknown_commands(text: str) -> list[str]:
    """Subcommands there are not."""
    return sorted(set(_COMMAND.findall(text)) - set(COMMANDS))


def _unfound(names: Iterable[str]) -> list[str]:
    return sorted({name for name in names if not re.search(rf"\b{name}\b", source())})


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_names_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert unknown_variables(text) == []
    assert unknown_words(text) == []
    assert unknown_files(text) == []
    assert unknown_commands(text) == []


def test_what_does_not_exist_is_found() -> None:
    variable, metric = "NOTIFY_" + "QUANTUM_FLUX", "notify_" + "flux_total"
    text = f"Set `{variable}` or `NOTIFY_RETENTION`, watch {metric} and notify_send_duration_seconds_bucket.\n"
    text += "See `core/flux.py`, `core/notifier.py`, `NOTIFY_SMS_*`; run notify-grpc flux, notify-grpc serve.\n"
    assert unknown_variables(text) == [variable]
    assert unknown_words(text) == [metric]
    assert unknown_files(text) == ["core/flux.py"]
    assert unknown_commands(text) == ["flux"]
