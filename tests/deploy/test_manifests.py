"""k8s/ is valid, safe, and of one piece."""

from __future__ import annotations

from typing import Any

import kubernetes_validate
import pytest
import yaml

from notify_grpc.config import parse_duration
from tests.deploy.cluster import OVERLAYS, cluster, container, environment, notify, one, pod, workloads
from tests.deploy.kustomize import ROOT, Resource

VERSIONS = ["1.30", "1.37"]
CUSTOM = {"ServiceMonitor", "PrometheusRule"}
"""Kinds of the Prometheus operator; Kubernetes has no schema of them."""
EVERY_POD = [(overlay, w["metadata"]["name"]) for overlay in OVERLAYS for w in workloads(overlay)]


def workload(overlay: str, name: str) -> Resource:
    (found,) = [w for w in workloads(overlay) if w["metadata"]["name"] == name]
    return found


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_valid_by_the_schemas_of_kubernetes(overlay: str, version: str) -> None:
    for resource in cluster(overlay):
        if resource["kind"] not in CUSTOM:
            kubernetes_validate.validate(resource, version, strict=True)


def test_an_invalid_manifest_would_be_found() -> None:
    wrong = notify("prod") | {"spec": notify("prod")["spec"] | {"replica": 3}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, VERSIONS[-1], strict=True)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_names_are_given_once(overlay: str) -> None:
    names = [(r["kind"], r["metadata"]["name"]) for r in cluster(overlay)]
    assert len(names) == len(set(names))
    assert all(r["metadata"].get("namespace") is None for r in cluster(overlay))


@pytest.mark.parametrize(("overlay", "name"), EVERY_POD)
def test_pods_are_confined(overlay: str, name: str) -> None:
    spec = pod(workload(overlay, name))
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] == 65532
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is False
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec)
    inside = container(workload(overlay, name))
    assert inside["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {"cpu", "memory"} <= set(inside["resources"]["requests"])
    assert "memory" in inside["resources"]["limits"]
    assert inside["image"].rpartition(":")[2] not in ("", "latest", inside["image"])


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_pod_has_time_to_drain(overlay: str) -> None:
    deployment = notify(overlay)
    pre_stop = container(deployment)["lifecycle"]["preStop"]["sleep"]["seconds"]
    budget = parse_duration(environment(overlay, deployment)["NOTIFY_SHUTDOWN_TIMEOUT"])
    assert isinstance(budget, float)
    assert pod(deployment)["terminationGracePeriodSeconds"] >= pre_stop + budget + 5
    readiness = container(deployment)["readinessProbe"]
    assert pre_stop >= readiness["periodSeconds"] * readiness["failureThreshold"]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_selectors_find_pods_and_ports(overlay: str) -> None:
    pods = [w["spec"]["template"]["metadata"]["labels"].items() for w in workloads(overlay)]
    ports = {p["name"] for w in workloads(overlay) for p in container(w).get("ports", [])}
    assert [r for r in cluster(overlay) if r["kind"] == "Deployment"]
    for resource in cluster(overlay):
        for selector in selectors(resource):
            assert any(selector.items() <= labels for labels in pods), resource["metadata"]["name"]
        if resource["kind"] == "Service":
            assert {p["targetPort"] for p in resource["spec"]["ports"]} <= ports


def selectors(resource: Resource) -> list[dict[str, str]]:
    spec = resource.get("spec", {})
    match resource["kind"]:
        case "Service":
            return [spec["selector"]]
        case "Deployment" | "PodDisruptionBudget":
            return [spec["selector"]["matchLabels"]]
        case "NetworkPolicy":
            return [spec["podSelector"]["matchLabels"]]
    return []


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_grpc_services_are_headless(overlay: str) -> None:
    for name, port in (("notify-clients", 8080), ("notify-producers", 8081)):
        spec = one(overlay, "Service", name)["spec"]
        assert spec["clusterIP"] == "None"
        assert [p["port"] for p in spec["ports"]] == [port]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_only_the_front_is_open(overlay: str) -> None:
    """8081 and 9090 take nobody from outside the cluster, and nobody unnamed from inside."""
    policies = [r for r in cluster(overlay) if r["kind"] == "NetworkPolicy"]
    by_port: dict[str, Any] = {}
    for policy in policies:
        assert "Ingress" in policy["spec"]["policyTypes"]
        for rule in policy["spec"]["ingress"]:
            for port in rule["ports"]:
                by_port[port["port"]] = rule.get("from")
    assert by_port.pop("recipients") is None
    assert set(by_port) == {"clients", "producers", "metrics"}
    peers = [peer for rule in by_port.values() for peer in rule]
    assert peers
    assert all("ipBlock" not in peer and peer != {} for peer in peers)
    assert by_port["clients"] == [{"podSelector": {"matchLabels": {"app.kubernetes.io/name": "notify-front"}}}]
    assert {r["metadata"]["name"] for r in cluster(overlay) if r["kind"] == "Service" and not is_headless(r)} == {
        "notify-front"
    }


def is_headless(service: Resource) -> bool:
    return bool(service["spec"].get("clusterIP") == "None")


def test_dev_has_one_process_and_keeps_its_file() -> None:
    deployment = notify("dev")
    assert (deployment["spec"]["replicas"], deployment["spec"]["strategy"]["type"]) == (1, "Recreate")
    (mount,) = container(deployment)["volumeMounts"]
    assert environment("dev", deployment)["NOTIFY_SQLITE_PATH"].startswith(mount["mountPath"] + "/")
    (volume,) = pod(deployment)["volumes"]
    assert volume["persistentVolumeClaim"]["claimName"] == one("dev", "PersistentVolumeClaim", "")["metadata"]["name"]


def test_prod_spreads_scales_and_survives_a_node() -> None:
    spread = pod(notify("prod"))["topologySpreadConstraints"]
    assert [s["topologyKey"] for s in spread] == ["topology.kubernetes.io/zone", "kubernetes.io/hostname"]
    assert "replicas" not in notify("prod")["spec"], "the autoscaler's"
    for kind in ("HorizontalPodAutoscaler", "PodDisruptionBudget"):
        assert {r["metadata"]["name"] for r in cluster("prod") if r["kind"] == kind} == {"notify", "notify-front"}
    (scaler,) = [
        r for r in cluster("prod") if r["kind"] == "HorizontalPodAutoscaler" and r["metadata"]["name"] == "notify"
    ]
    assert scaler["spec"]["minReplicas"] >= 2
    assert scaler["spec"]["metrics"][0]["pods"]["metric"]["name"] == "notify_live_sessions"


def test_prod_migrates_before_it_serves() -> None:
    job = one("prod", "Job", "notify-migrate")
    assert container(job)["args"] == ["migrate"]
    assert container(job)["image"] == container(notify("prod"))["image"]
    assert environment("prod", notify("prod"))["NOTIFY_POSTGRES_AUTOMIGRATE"] == "false"


def test_prometheus_finds_the_metrics() -> None:
    monitor = one("prod", "ServiceMonitor", "notify")["spec"]
    wanted = monitor["selector"]["matchLabels"].items()
    (service,) = [r for r in cluster("prod") if r["kind"] == "Service" and wanted <= r["metadata"]["labels"].items()]
    assert {e["port"] for e in monitor["endpoints"]} == {p["name"] for p in service["spec"]["ports"]}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_front_runs_the_file_that_is_tested(overlay: str) -> None:
    front = workload(overlay, "notify-front")
    (volume,) = pod(front)["volumes"]
    config = one(overlay, "ConfigMap", "notify-front")
    assert volume["configMap"]["name"] == config["metadata"]["name"]
    assert config["data"] == {"envoy.yaml": (ROOT / "envoy" / "envoy.yaml").read_text()}
    envoy = yaml.safe_load(config["data"]["envoy.yaml"])["static_resources"]
    listening = {listener["address"]["socket_address"]["port_value"] for listener in envoy["listeners"]}
    assert listening == {p["containerPort"] for p in container(front)["ports"]}
    (group,) = envoy["clusters"][0]["load_assignment"]["endpoints"]
    (upstream,) = [e["endpoint"]["address"]["socket_address"] for e in group["lb_endpoints"]]
    assert upstream == {"address": "notify-clients", "port_value": 8080}
