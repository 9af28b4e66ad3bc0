"""``python -m benchmarks [name …]``: figures beside ceilings of the same run; written to benchmarks/results/."""

from __future__ import annotations

import importlib
import json
import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvloop

from benchmarks.report import Row, plot, table

NAMES = ("notify", "streams", "sqlite", "postgres", "postgres_reads", "instances", "dispatch", "tracing", "entdb")
RESULTS = Path(__file__).parent / "results"


def facts() -> dict[str, Any]:
    """What the figures depend on."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "load_before": os.getloadavg()[0],
    }


def main() -> int:
    names = sys.argv[1:] or NAMES
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        print(f"unknown: {', '.join(unknown)}; there are {', '.join(NAMES)}", file=sys.stderr)
        return 2
    RESULTS.mkdir(exist_ok=True)
    about = facts()
    if about["load_before"] > 0.5:
        print(f"note: the machine is busy (load {about['load_before']:.1f}); figures will be lower and ratios noisy")
    for name in names:
        print(f"\n{name} …", flush=True)
        rows: list[Row] = uvloop.run(importlib.import_module(f"benchmarks.{name}").measure())
        text = table(rows)
        print(text)
        document = f"# {name}\n\n{json.dumps(about)}\n\n{text}\n"
        (RESULTS / f"{name}.md").write_text(document, encoding="utf-8")
        if rows:
            plot(name, rows, RESULTS / f"{name}.png")
    print(f"\nwritten to {RESULTS.relative_to(Path.cwd()) if RESULTS.is_relative_to(Path.cwd()) else RESULTS}/")
    return 0


if __name__ == "__main__":
    sys.exit(main())
