"""The renderer of these tests gives what the real kustomize gives."""

from __future__ import annotations

import shutil
import subprocess
from typing import Any

import pytest
import yaml

from tests.deploy.kustomize import ROOT, Resource, render

COMMAND = [*(["kustomize", "build"] if shutil.which("kustomize") else ["kubectl", "kustomize"])]


def by_name(resources: list[Resource]) -> dict[tuple[str, str], Any]:
    return {(r["kind"], r["metadata"]["name"]): r for r in resources}


@pytest.mark.skipif(shutil.which(COMMAND[0]) is None, reason="neither kustomize nor kubectl is here")
@pytest.mark.parametrize("overlay", ["dev", "prod"])
def test_like_the_real_one(overlay: str) -> None:
    done = subprocess.run([*COMMAND, ROOT / "overlays" / overlay], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    assert by_name(render(ROOT / "overlays" / overlay)) == by_name(list(yaml.safe_load_all(done.stdout)))
