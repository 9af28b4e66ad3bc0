"""The manifests against the program: every variable, port and probe."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import aiohttp
import pytest

from examples.front import envoy
from notify_grpc.config import Settings, masked
from tests.acceptance import process
from tests.deploy.cluster import OVERLAYS, container, environment, notify, one, workloads
from tests.deploy.kustomize import ROOT, Resource

KNOWN = set(masked(Settings.model_construct()))
OURS = [(o, w["metadata"]["name"]) for o in OVERLAYS for w in workloads(o) if container(w)["name"] != "envoy"]


def workload(overlay: str, name: str) -> Resource:
    (found,) = [w for w in workloads(overlay) if w["metadata"]["name"] == name]
    return found


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_variable_is_a_setting(overlay: str) -> None:
    for each in workloads(overlay):
        variables = set(environment(overlay, each))
        assert variables
        assert variables - KNOWN == set(), each["metadata"]["name"]


@pytest.mark.parametrize(("overlay", "name"), OURS)
async def test_the_program_takes_them(overlay: str, name: str) -> None:
    done = await process.run(
        "config", "check", env=process.environment(**environment(overlay, workload(overlay, name)))
    )
    assert done.code == 0, done.err


def test_secrets_come_by_reference() -> None:
    settings = environment("prod", notify("prod"))
    for name, field in Settings.model_fields.items():
        variable = f"NOTIFY_{name.upper()}"
        if "Secret" in str(field.annotation) and variable in settings:
            origin = {e["name"]: e["valueFrom"] for e in container(notify("prod"))["env"]}
            assert "secretKeyRef" in origin[variable]


async def test_the_page_shows_a_provider_with_all_that_it_needs() -> None:
    page = (ROOT.parent / "docs" / "kubernetes.md").read_text()
    shown = dict(re.findall(r"--from-literal=(NOTIFY_EMAIL_\w+)=(\S+)", page))
    assert shown
    settings = environment("prod", notify("prod")) | shown
    done = await process.run("config", "check", env=process.environment(**settings))
    assert done.code == 0, done.err


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_ports_are_the_settings(overlay: str) -> None:
    settings = environment(overlay, notify(overlay))
    ports = {p["name"]: str(p["containerPort"]) for p in container(notify(overlay))["ports"]}
    assert ports == {
        "clients": settings["NOTIFY_CLIENT_PORT"],
        "producers": settings["NOTIFY_INTERNAL_PORT"],
        "metrics": settings["NOTIFY_METRICS_PORT"],
    }


async def test_every_probe_is_answered(tmp_path: Path) -> None:
    """By a server with the settings of the dev overlay, but for its ports and its file."""
    settings = environment("dev", notify("dev")) | {
        "NOTIFY_LISTEN_HOST": "127.0.0.1",
        "NOTIFY_SQLITE_PATH": "notify.db",
        **{f"NOTIFY_{name}_PORT": "0" for name in ("CLIENT", "INTERNAL", "METRICS")},
    }
    by_port = {p["containerPort"]: p["name"] for p in container(notify("dev"))["ports"]}
    async with process.serving(tmp_path, settings=settings) as server:
        listening = {"clients": server.ports.client, "producers": server.ports.internal}
        for kind in ("startupProbe", "livenessProbe", "readinessProbe"):
            probe = container(notify("dev"))[kind]["grpc"]
            port = listening[by_port[probe["port"]]]
            done = await server.command("health", "--service", probe["service"], "--server", str(port))
            assert (done.code, done.out) == (0, "SERVING\n"), kind
        (endpoint,) = one("prod", "ServiceMonitor", "notify")["spec"]["endpoints"]
        async with (
            aiohttp.ClientSession() as http,
            http.get(f"http://127.0.0.1:{server.ports.metrics}{endpoint['path']}") as response,
        ):
            assert response.status == 200
            assert "notify_ready 1" in await response.text()


def test_the_front_is_the_envoy_that_is_tested() -> None:
    version = subprocess.run([envoy.program(), "--version"], capture_output=True, text=True, check=True).stdout
    for overlay in OVERLAYS:
        tag = container(workload(overlay, "notify-front"))["image"].rpartition("-v")[2]
        assert f"/{tag}/" in version
