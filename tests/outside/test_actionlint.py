"""actionlint, which knows what the forge would say, has nothing to say."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ACTIONLINT = shutil.which("actionlint", path=str(ROOT / "build" / "bin")) or shutil.which("actionlint")
pytestmark = pytest.mark.skipif(ACTIONLINT is None, reason="actionlint is not here: `make outside` builds it")


def lint(*arguments: str | Path, text: str = "") -> subprocess.CompletedProcess[str]:
    assert ACTIONLINT
    return subprocess.run([ACTIONLINT, *arguments], input=text, capture_output=True, text=True, cwd=ROOT, timeout=60)


def test_the_workflows_are_clean() -> None:
    done = lint(*sorted((ROOT / ".github" / "workflows").glob("*.yml")))
    assert (done.returncode, done.stdout) == (0, "")


def test_a_defect_would_be_found() -> None:
    done = lint("-", text="on: push\njobs:\n  a:\n    runs-on: ubuntu-24.04\n    steps: [{run: ok, needs: b}]\n")
    assert done.returncode != 0
    assert 'unexpected key "needs"' in done.stdout
