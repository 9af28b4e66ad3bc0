"""An engine, the image that it builds as docs/kubernetes.md says, and a cluster that has the image."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import engine, kubernetes
from tests.support.pages import ROOT, blocks_by

_BUILD_S = 900
PAGE = blocks_by("cluster")["docs/kubernetes.md"]


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a clone holds, as files: engines follow no links out of their context."""
    made = tmp_path_factory.mktemp("clone")
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, tracked.split("\0")):
        if (ROOT / name).exists():
            (made / name).parent.mkdir(parents=True, exist_ok=True)
            (made / name).write_bytes((ROOT / name).read_bytes())
    return made


@pytest.fixture(scope="session")
def engine_env() -> Iterator[dict[str, str]]:
    """An environment in which ``docker`` works, in that folder."""
    if missing := engine.why_not():
        pytest.skip(f"not run: {missing}")
    with engine.docker() as env:
        yield env | {"GIT_DIR": str(ROOT / ".git")}


@pytest.fixture(scope="session")
def image(engine_env: dict[str, str], folder: Path) -> str:
    """The name of the image that the page's first block builds."""
    build = PAGE[0].text
    subprocess.run(["bash", "-euc", build], cwd=folder, env=engine_env, check=True, timeout=_BUILD_S)
    return "notify-grpc:dev"


@pytest.fixture(scope="session")
def cluster_env(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """An environment in which ``kubectl`` reaches a cluster that has the image."""
    if missing := kubernetes.why_not():
        pytest.skip(f"not run: {missing}")
    if given := kubernetes.given():
        yield given
        return
    request.getfixturevalue("image")
    with kubernetes.kind() as env:
        yield env
