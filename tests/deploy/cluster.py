"""Reading rendered manifests."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from tests.deploy.kustomize import ROOT, Resource, render

OVERLAYS = ("dev", "prod")
SECRETS = {
    "NOTIFY_POSTGRES_DSN": "postgresql://notify@db/notify",
    "NOTIFY_INTERNAL_TOKEN": "from-a-secret",
}
"""What the Secret named notify-secrets holds in a real cluster."""


@cache
def cluster(overlay: str) -> list[Resource]:
    """The rendered resources; not to be changed."""
    return render(ROOT / "overlays" / overlay)


def one(overlay: str, kind: str, name: str) -> Any:
    """The resource of this kind whose name begins so."""
    (found,) = [r for r in cluster(overlay) if r["kind"] == kind and r["metadata"]["name"].startswith(name)]
    return found


def workloads(overlay: str) -> Iterator[Resource]:
    """Everything that makes pods."""
    return (r for r in cluster(overlay) if r["kind"] in ("Deployment", "Job"))


def pod(workload: Resource) -> Any:
    """A workload's pod."""
    return workload["spec"]["template"]["spec"]


def container(workload: Resource) -> Any:
    """A workload's only container."""
    (found,) = pod(workload)["containers"]
    return found


def notify(overlay: str) -> Any:
    """The service's Deployment."""
    (found,) = [r for r in workloads(overlay) if (r["kind"], r["metadata"]["name"]) == ("Deployment", "notify")]
    return found


def environment(overlay: str, workload: Resource) -> dict[str, str]:
    """The variables of a workload's container. Raises KeyError for a reference that leads nowhere."""
    maps = {r["metadata"]["name"]: r["data"] for r in cluster(overlay) if r["kind"] == "ConfigMap"}
    found: dict[str, str] = {}
    for source in container(workload).get("envFrom", []):
        if "configMapRef" in source:
            found |= maps[source["configMapRef"]["name"]]
    for variable in container(workload).get("env", []):
        origin = variable["valueFrom"]
        if "secretKeyRef" in origin:
            assert origin["secretKeyRef"]["name"] == "notify-secrets"
            found[variable["name"]] = SECRETS[origin["secretKeyRef"]["key"]]
        else:
            reference = origin["configMapKeyRef"]
            found[variable["name"]] = maps[reference["name"]][reference["key"]]
    return found
