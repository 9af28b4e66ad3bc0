"""The renderer of these tests gives what the real kustomize gives."""

from __future__ import annotations

import shutil
import subprocess
from typing import Any

import pytest
import yaml

from tests.deploy.kustomize import ROOT, Resource, render

BUILT = str(ROOT.parent / "build" / "bin" / "kustomize")
COMMANDS = (["kubectl", "kustomize"], ["kustomize", "build"], [BUILT, "build"])
COMMAND = next((command for command in COMMANDS if shutil.which(command[0])), None)


def by_name(resources: list[Resource]) -> dict[tuple[str, str], Any]:
    return {(r["kind"], r["metadata"]["name"]): r for r in resources}


@pytest.mark.skipif(COMMAND is None, reason="neither kubectl nor kustomize is here: `make cluster` builds it")
@pytest.mark.parametrize("overlay", ["dev", "prod"])
def test_like_the_real_one(overlay: str) -> None:
    assert COMMAND
    done = subprocess.run([*COMMAND, ROOT / "overlays" / overlay], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    assert by_name(render(ROOT / "overlays" / overlay)) == by_name(list(yaml.safe_load_all(done.stdout)))
