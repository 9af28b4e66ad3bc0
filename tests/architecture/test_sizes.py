"""Modules and functions stay short enough to read."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.architecture.sizes import FUNCTIONS, MODULES, Measure, function_lines, module_lines
from tests.architecture.source import PACKAGE


def test_modules_are_short() -> None:
    lines = module_lines(PACKAGE)
    assert lines
    assert MODULES.violations(lines) == []


def test_functions_are_short() -> None:
    lines = function_lines(PACKAGE)
    assert lines
    assert FUNCTIONS.violations(lines) == []


@pytest.mark.parametrize("measure", [MODULES, FUNCTIONS])
def test_each_bound_can_fail(measure: Measure) -> None:
    at_the_bounds = dict.fromkeys("abcdefghijklmnopqrst", measure.median)
    assert measure.violations(at_the_bounds | {"a": measure.longest, "b": measure.p95}) == []
    assert "at most" in measure.violations(at_the_bounds | {"a": measure.longest + 1})[0]
    assert "percentile" in measure.violations(at_the_bounds | {"a": measure.p95 + 1, "b": measure.p95 + 1})[0]
    assert "median" in measure.violations(dict.fromkeys(at_the_bounds, measure.median + 1))[0]


def test_lines_are_counted_from_def_to_end(tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text(
        "import os\n\nasync def outer():\n    def inner():\n        pass\n    return inner\n"
    )
    (tmp_path / "__init__.py").write_text('"""Only a docstring."""\n')
    assert module_lines(tmp_path) == {"module.py": 6}
    assert function_lines(tmp_path) == {"module.py:3 outer": 4, "module.py:4 inner": 2}
