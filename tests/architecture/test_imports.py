"""Layers and libraries stay where they belong."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.imports import environment_readers, misplaced_imports
from tests.architecture.source import PACKAGE, ROOT

PACKAGES = ("", "domain", "ports", "core", "stores", "buses", "channels", "auth", "telemetry", "rpc", "client", "cli")


def lint_imports(root: Path) -> subprocess.CompletedProcess[str]:
    """The project's import contracts, held against the notify_grpc under ``root``."""
    linter = Path(sys.executable).with_name("lint-imports")
    command = [str(linter), "--no-cache", "--no-logo", str(ROOT / "pyproject.toml")]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    """An empty package with every layer."""
    for name in PACKAGES:
        folder = tmp_path / "notify_grpc" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "__init__.py").touch()
    for name in ("app", "config", "stores/memory", "stores/sqlite"):
        (tmp_path / "notify_grpc" / f"{name}.py").touch()
    return tmp_path / "notify_grpc"


def test_layers_hold() -> None:
    report = lint_imports(ROOT)
    assert report.returncode == 0, report.stdout


def test_layers_of_an_empty_package_hold(sample: Path) -> None:
    report = lint_imports(sample.parent)
    assert report.returncode == 0, report.stdout


@pytest.mark.parametrize(
    ("importer", "imported"),
    [
        ("domain", "ports"),
        ("ports", "core"),
        ("core", "stores"),
        ("core", "rpc"),
        ("core", "config"),
        ("stores", "core"),
        ("stores", "channels"),
        ("stores.memory", "stores.sqlite"),
        ("auth", "config"),
        ("rpc", "stores"),
        ("rpc", "auth"),
        ("rpc", "app"),
        ("telemetry", "domain"),
        ("telemetry", "ports"),
        ("client", "core"),
        ("app", "cli"),
    ],
)
def test_a_broken_layer_is_found(sample: Path, importer: str, imported: str) -> None:
    path = sample / importer.replace(".", "/")
    module = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    module.write_text(f"import notify_grpc.{imported}\n")
    report = lint_imports(sample.parent)
    assert report.returncode == 1, report.stdout
    assert f"notify_grpc.{importer} -> notify_grpc.{imported}" in report.stdout


def test_a_module_without_a_layer_is_found(sample: Path) -> None:
    (sample / "novelty.py").touch()
    report = lint_imports(sample.parent)
    assert report.returncode == 1
    assert "novelty" in report.stdout


def test_libraries_stay_in_their_places() -> None:
    assert misplaced_imports(PACKAGE) == []


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ("core/thing.py", "import grpc"),
        ("stores/memory.py", "from grpc import aio"),
        ("stores/entdb_cache.py", "import grpc.aio"),
        ("app.py", "from notify.v1 import notification_pb2"),
        ("core/thing.py", "def late():\n    import psycopg"),
        ("stores/memory.py", "from psycopg.rows import tuple_row"),
        ("buses/linked.py", "import redis.asyncio"),
        ("domain/thing.py", "import typer"),
        ("domain/thing.py", "from notify_grpc.ports import store"),
    ],
)
def test_a_misplaced_library_is_found(sample: Path, place: str, line: str) -> None:
    (sample / place).write_text(f"{line}\n")
    [violation] = misplaced_imports(sample)
    assert violation.startswith(place.removesuffix(".py"))


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ("rpc/thing.py", "from google.protobuf import message"),
        ("stores/postgres.py", "import psycopg"),
        ("stores/entdb/__init__.py", "import grpc"),
        ("domain/thing.py", "import json\nfrom notify_grpc.domain import errors"),
    ],
)
def test_a_library_in_its_place_is_fine(sample: Path, place: str, line: str) -> None:
    (sample / place).parent.mkdir(exist_ok=True)
    (sample / place).write_text(f"{line}\n")
    assert misplaced_imports(sample) == []


def test_only_the_configuration_reads_the_environment() -> None:
    assert environment_readers(PACKAGE) == []


@pytest.mark.parametrize(
    "line",
    ["import os\nos.environ['A']", "import os\nos.getenv('A')", "from os import environ", "from os import getenv"],
)
def test_a_reader_of_the_environment_is_found(sample: Path, line: str) -> None:
    (sample / "config.py").write_text(f"{line}\n")
    assert environment_readers(sample) == []
    (sample / "app.py").write_text(f"{line}\n")
    assert [violation.split(":")[0] for violation in environment_readers(sample)] == ["app.py"]
