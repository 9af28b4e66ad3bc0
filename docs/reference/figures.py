"""What `make bench` measured last, from benchmarks/results/."""

from __future__ import annotations

import json
import re
from pathlib import Path

_NONE = "None yet: `make bench` measures, then `make docs` writes the tables here."
_RESULT = re.compile(r"# (?P<name>.+)\n+(?P<facts>\{.+\})\n+(?P<table>(?s:.*))")


def reference(folder: Path) -> str:
    """A table for each benchmark that was run, with the machine it ran on."""
    results = sorted(folder.glob("*.md")) if folder.is_dir() else []
    return "\n\n".join(_section(file) for file in results) or _NONE


def _section(file: Path) -> str:
    match = _RESULT.fullmatch(file.read_text(encoding="utf-8"))
    if match is None:
        raise ValueError(f"{file.name} is no result of a benchmark")
    facts = json.loads(match["facts"])
    where = (
        f"{facts['at'][:10]}, Python {facts['python']}, {facts['system']}, {facts['cores']} cores, "
        f"load {facts['load_before']:.1f} before the run"
    )
    return f"### {match['name']}\n\n{where}.\n\n{match['table'].strip()}"
