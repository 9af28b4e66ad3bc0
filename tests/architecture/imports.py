"""Which library may be imported where."""

from __future__ import annotations

import ast
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TypeGuard

from tests.architecture.source import imports, modules, tree

_RPC = ("rpc", "client", "cli", "stores/entdb")
LIBRARIES: Mapping[str, tuple[str, ...]] = {
    "grpc": _RPC,
    "grpc_health": _RPC,
    "grpc_reflection": _RPC,
    "grpc_status": _RPC,
    "google.protobuf": _RPC,
    "google.rpc": _RPC,
    "notify": ("rpc", "client", "cli"),
    "sqlite3": ("stores/sqlite",),
    "psycopg": ("stores/postgres", "buses/postgres"),
    "psycopg_pool": ("stores/postgres", "buses/postgres"),
    "redis": ("buses/redis",),
    "entdb_sdk": ("stores/entdb",),
    "opentelemetry": ("telemetry", "client"),
    "jwt": ("auth", "cli", "channels"),
    "pydantic": ("config",),
    "pydantic_settings": ("config",),
    "typer": ("cli",),
}
"""Library → the only places under notify_grpc/ that import it: a module or a folder."""

_ENVIRONMENT = {"environ", "environb", "getenv", "putenv"}


def misplaced_imports(package: Path) -> list[str]:
    """Imports of a library outside its places, and anything but the standard library in domain/."""
    found = []
    for module in modules(package):
        place = module.relative_to(package).with_suffix("").as_posix()
        for line, name in imports(module):
            if not _may_import(place, name):
                found.append(f"{place}:{line} imports {name}")
    return found


def environment_readers(package: Path) -> list[str]:
    """Uses of the process's environment outside config.py."""
    return [
        f"{module.relative_to(package)}:{node.lineno} reads the environment"
        for module in modules(package)
        if module != package / "config.py"
        for node in ast.walk(tree(module))
        if _reads_environment(node)
    ]


def _reads_environment(node: ast.AST) -> TypeGuard[ast.Attribute | ast.ImportFrom]:
    if isinstance(node, ast.ImportFrom):
        return node.module == "os" and any(alias.name in _ENVIRONMENT for alias in node.names)
    return isinstance(node, ast.Attribute) and node.attr in _ENVIRONMENT and ast.unparse(node.value) == "os"


def _may_import(place: str, name: str) -> bool:
    if _within(place, "domain") and not _within(name, "notify_grpc.domain", "."):
        return name.split(".")[0] in sys.stdlib_module_names
    places = [places for library, places in LIBRARIES.items() if _within(name, library, ".")]
    return all(any(_within(place, allowed) for allowed in group) for group in places)


def _within(path: str, parent: str, separator: str = "/") -> bool:
    return path == parent or path.startswith(parent + separator)
