"""A cluster to try the manifests in: one that is given, or one that kind makes in docker."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.acceptance.process import environment
from tests.cluster.engine import docker_runs

_GIVEN = "NOTIFY_TEST_KUBECONFIG"
_NAME = "notify-test"


def why_not() -> str:
    """What is missing; empty where there is a cluster or one can be made."""
    if shutil.which("kubectl") is None:
        return "no kubectl here"
    if given() or (shutil.which("kind") and docker_runs()):
        return ""
    return f"neither kind with docker is here, nor a cluster named by {_GIVEN}"


def given() -> dict[str, str]:
    """An environment for the cluster that the caller named; empty if none is."""
    return environment(KUBECONFIG=os.environ[_GIVEN]) if _GIVEN in os.environ else {}


@contextmanager
def kind() -> Iterator[dict[str, str]]:
    """An environment for a new cluster that has the image; it is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="notify-kind-") as folder:
        env = environment(KUBECONFIG=str(Path(folder) / "config"))
        try:
            subprocess.run(["kind", "create", "cluster", "--name", _NAME, "--wait", "3m"], env=env, check=True)
            subprocess.run(["kind", "load", "docker-image", "notify-grpc:dev", "--name", _NAME], env=env, check=True)
            yield env
        finally:
            subprocess.run(["kind", "delete", "cluster", "--name", _NAME], env=env, check=True)
