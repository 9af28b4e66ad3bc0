"""How long modules and functions are, and how long they may be."""

from __future__ import annotations

import ast
import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.architecture.source import modules, tree


@dataclass(frozen=True)
class Measure:
    """The most lines a population may have: its median, its 95th percentile and its longest member."""

    median: int
    p95: int
    longest: int

    def violations(self, lines: Mapping[str, int]) -> list[str]:
        """What is too long, the longest first; nothing to say about an empty population."""
        if not lines:
            return []
        ranked = sorted(lines, key=lines.__getitem__, reverse=True)
        p95 = lines[ranked[len(ranked) - math.ceil(0.95 * len(ranked))]]
        found = [
            f"{name} has {lines[name]} lines, at most {self.longest}" for name in ranked if lines[name] > self.longest
        ]
        if p95 > self.p95:
            found.append(f"the 95th percentile is {p95} lines, at most {self.p95}; longest: {', '.join(ranked[:5])}")
        if (median := statistics.median(lines.values())) > self.median:
            found.append(f"the median is {median} lines, at most {self.median}")
        return found


MODULES = Measure(median=120, p95=350, longest=450)
FUNCTIONS = Measure(median=8, p95=40, longest=60)


def module_lines(package: Path) -> dict[str, int]:
    """Lines of each module that says more than a docstring."""
    return {
        str(module.relative_to(package)): len(module.read_text().splitlines())
        for module in modules(package)
        if len(tree(module).body) > 1
    }


def function_lines(package: Path) -> dict[str, int]:
    """Lines of each function from ``def`` to its end, docstring and inner functions included."""
    return {
        f"{module.relative_to(package)}:{node.lineno} {node.name}": (node.end_lineno or node.lineno) - node.lineno + 1
        for module in modules(package)
        for node in ast.walk(tree(module))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
