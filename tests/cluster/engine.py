"""A container engine under the name of docker: the real one, or podman with a folder of its own."""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.acceptance.process import environment
from tests.cluster import stand_in
from tests.support.pages import ROOT

_SETTINGS = """
[containers]
default_ulimits = ["nofile={files}:{files}", "nproc=4096:4096"]
[engine]
runtime = "{runtime}"
cgroup_manager = "cgroupfs"
events_logger = "file"
"""
"""For machines without systemd, and where not even root may raise its limits."""
_PROGRAM = """#!/bin/sh
# A build reaches packages as this machine does.
case $1 in build) shift; set -- build --network host "$@" ;; esac
exec podman {options} "$@"
"""


def why_not() -> str:
    """What is missing; empty where an engine can run."""
    if docker_runs() or (shutil.which("podman") and os.geteuid() == 0):
        return ""
    return "neither docker nor, for root, podman is here"


@contextmanager
def docker() -> Iterator[dict[str, str]]:
    """An environment in which ``docker`` works and the Dockerfile's base image is to be had."""
    if docker_runs():
        yield environment(DOCKER_BUILDKIT="1")
        return
    with tempfile.TemporaryDirectory(prefix="notify-engine-") as made:
        folder = Path(made)
        podman = _podman(folder)
        # Its own format of images has no HEALTHCHECK.
        path = f"{podman.parent}{os.pathsep}{os.environ['PATH']}"
        env = environment(PATH=path, BUILDAH_FORMAT="docker", CONTAINERS_CONF=str(folder / "containers.conf"))
        try:
            _find_base_image(folder, env)
            yield env
        finally:
            subprocess.run([podman, "system", "reset", "--force"], env=env, check=True, capture_output=True)


def docker_runs() -> bool:
    """Whether docker itself is here, with its daemon: a client alone is common."""
    return bool(shutil.which("docker")) and subprocess.run(["docker", "info"], capture_output=True).returncode == 0


def _podman(folder: Path) -> Path:
    """A program called docker: podman that keeps everything in this folder."""
    _, files = resource.getrlimit(resource.RLIMIT_NOFILE)
    runtime = "runc" if shutil.which("runc") else "crun"
    (folder / "containers.conf").write_text(_SETTINGS.format(files=files, runtime=runtime))
    places = {"root": "storage", "runroot": "run", "tmpdir": "tmp", "network-config-dir": "networks"}
    options = " ".join(f"--{option} {folder / name}" for option, name in places.items())
    program = folder / "bin" / "docker"
    program.parent.mkdir()
    program.write_text(_PROGRAM.format(options=options))
    program.chmod(0o755)
    return program


def _find_base_image(folder: Path, env: dict[str, str]) -> None:
    [name] = set(re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE))
    name = f"docker.io/library/{name}"
    if subprocess.run(["docker", "pull", name], env=env, capture_output=True).returncode:
        (folder / "base").mkdir()
        changes = [f"--change=ENV {name}={json.dumps(value)}" for name, value in stand_in.environment().items()]
        subprocess.run(["docker", "import", *changes, stand_in.make(folder / "base"), name], env=env, check=True)
        shutil.rmtree(folder / "base")
