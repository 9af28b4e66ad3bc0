"""Reading source files as the rules need them."""

from __future__ import annotations

import ast
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "notify_grpc"


def tree(module: Path) -> ast.Module:
    """The parsed module."""
    return ast.parse(module.read_bytes(), str(module))


def modules(package: Path) -> list[Path]:
    """Every module of the package, sorted."""
    return sorted(package.rglob("*.py"))


def imports(module: Path) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of each absolute import, however deep in the module; ``from a import b`` counts as a.b."""
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def comments(module: Path) -> Iterator[tuple[int, str]]:
    """(line, text) of each comment."""
    with module.open("rb") as source:
        for token in tokenize.tokenize(source.readline):
            if token.type == tokenize.COMMENT:
                yield token.start[0], token.string
