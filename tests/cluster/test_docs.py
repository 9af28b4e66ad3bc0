"""The blocks of docs/kubernetes.md, with a real engine and in a real cluster, do what the page says."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.support.page_runner import follow
from tests.support.pages import Block, blocks_by

[PAGE] = blocks_by("cluster").values()
BESIDE = Path(__file__).with_name("beside.yaml")
pytestmark = pytest.mark.timeout(1200)


def section(title: str) -> list[Block]:
    return [block for block in PAGE if block.section == f"## {title}"]


def kubectl(env: dict[str, str], *arguments: str | Path) -> str:
    return subprocess.run(["kubectl", *arguments], env=env, check=True, capture_output=True, text=True).stdout


def edit(path: Path, **changes: object) -> None:
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | changes))


@pytest.fixture
def no_volume_left(engine_env: dict[str, str]) -> Iterator[None]:
    """The page's volume goes away, unless a developer had it before."""
    had = subprocess.run(["docker", "volume", "inspect", "notify"], env=engine_env, capture_output=True).returncode == 0
    yield
    if not had:
        subprocess.run(["docker", "volume", "rm", "notify"], env=engine_env, check=True, capture_output=True)


@pytest.fixture
def namespace(cluster_env: dict[str, str]) -> Iterator[dict[str, str]]:
    """The environment again; what the page makes in the cluster is gone afterwards, as it says."""
    yield cluster_env
    kubectl(cluster_env, "delete", "namespace", "notify", "--ignore-not-found")


@pytest.fixture
def beside(cluster_env: dict[str, str]) -> Iterator[None]:
    """What a reader's cluster has: a database and the kinds of the Prometheus operator."""
    kubectl(cluster_env, "apply", "--filename", BESIDE)
    try:
        kubectl(cluster_env, "wait", "--for=condition=established", "crd", "--all")
        kubectl(cluster_env, "--namespace", "database", "rollout", "status", "deployment/postgres", "--timeout=5m")
        yield
    finally:
        kubectl(cluster_env, "delete", "--filename", BESIDE)


@pytest.mark.usefixtures("image", "no_volume_left")
async def test_the_image(folder: Path, engine_env: dict[str, str], reader_env: dict[str, str]) -> None:
    await follow(section("The image"), folder, reader_env | engine_env)


async def test_try_it(folder: Path, namespace: dict[str, str]) -> None:
    await follow(section("Try it"), folder, namespace)


@pytest.mark.usefixtures("beside")
async def test_run_it_for_real(folder: Path, namespace: dict[str, str]) -> None:
    """The overlay is edited, as the page asks for: the image that is here, and CPU that is here."""
    prod = folder / "k8s" / "overlays" / "prod"
    edit(prod / "kustomization.yaml", images=[{"name": "notify-grpc", "newTag": "dev"}])
    deployment = yaml.safe_load((prod / "deployment.yaml").read_text())
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    container["resources"]["requests"]["cpu"] = "50m"
    edit(prod / "deployment.yaml", **deployment)
    secrets = {
        "NOTIFY_POSTGRES_DSN": "postgresql://postgres:secret@postgres.database/postgres",
        "NOTIFY_INTERNAL_TOKEN": "a token of thirty-two characters",
    }
    await follow(section("Run it for real"), folder, namespace | secrets)
