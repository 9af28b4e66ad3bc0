"""The forge's workflows, as far as they can be read; tests/outside/test_actionlint.py lints them."""

from __future__ import annotations

import re
import shlex
import tomllib
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
WRITES = {("release.yml", "image"): {"packages", "id-token"}, ("release.yml", "release"): {"contents", "id-token"}}
"""The only jobs that may write anything, and what."""


def load(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text())
    return found


def jobs(name: str) -> dict[str, Any]:
    found: dict[str, Any] = load(ROOT / ".github" / "workflows" / name)["jobs"]
    return found


def steps(name: str, job: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = jobs(name)[job]["steps"]
    return found


def index(found: list[dict[str, Any]], part: str) -> int:
    (at,) = [i for i, step in enumerate(found) if part in str(step)]
    return at


def test_there_are_two() -> None:
    assert [path.name for path in FILES] == ["ci.yml", "release.yml"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_actions_are_pinned_by_commit(path: Path) -> None:
    used = re.findall(r"uses: (.+)", path.read_text())
    assert used
    assert [u for u in used if not (PINNED.fullmatch(u) or u.startswith("./.github/workflows/"))] == []
    by_action = {u.split("@")[0]: u for u in used}
    assert set(used) == set(by_action.values()), "one version of each"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_permissions_are_the_least(path: Path) -> None:
    assert load(path)["permissions"] == {"contents": "read"}
    for name, job in load(path)["jobs"].items():
        written = {k for k, v in job.get("permissions", {}).items() if v == "write"}
        assert written == WRITES.get((path.name, name), set())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_nothing_from_outside_is_pasted_into_a_shell(path: Path) -> None:
    for job in load(path)["jobs"].values():
        for step in job.get("steps", []):
            assert "${{" not in step.get("run", "")
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_job_runs_for_ever(path: Path) -> None:
    assert all("timeout-minutes" in job or "uses" in job for job in load(path)["jobs"].values())


def test_every_store_has_its_job() -> None:
    stores = jobs("ci.yml")["conformance"]["strategy"]["matrix"]["store"]
    assert stores == ["memory", "sqlite", "postgres", "entdb"]
    assert all((ROOT / "tests" / "conformance" / f"test_{store}.py").exists() for store in stores)


def test_make_targets_exist() -> None:
    targets = set(re.findall(r"^([\w./-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for path in FILES:
        for line in re.findall(r"\bmake ([\w./ -]+)$", path.read_text(), re.MULTILINE):
            assert set(line.split()) <= targets


def test_an_image_is_scanned_before_it_is_pushed_and_signed_after() -> None:
    found = steps("release.yml", "image")
    scan, push, sign = (index(found, part) for part in ("Nothing known", "'platforms'", "cosign sign"))
    assert scan < push < sign
    assert found[scan]["with"]["exit-code"] == "1"
    assert found[push]["with"]["platforms"] == "linux/amd64,linux/arm64"
    assert "attest" in found[sign]["run"]
    assert "key" not in found[sign]["run"], "keyless"


def test_a_release_checks_its_signature_as_the_page_says() -> None:
    found = steps("release.yml", "image")
    check = index(found, "cosign verify")
    assert index(found, "cosign sign") < check

    command = found[check]["run"].replace("\\\n", "").replace("$IMAGE", load(FILES[1])["env"]["IMAGE"])
    for name in ("${{ github.repository }}", "$GITHUB_REPOSITORY"):
        command = command.replace(name, "OWNER/notify-grpc")
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    page = (ROOT / "docs" / "kubernetes.md").read_text()
    said = re.findall(r"^\| (?:the image|`(--[\w-]+)`) \| `([^`]+)`", page, re.MULTILINE)
    assert shlex.split(command.replace("$VERSION", version)) == ["cosign", "verify", *filter(None, chain(*said))]


def test_a_release_carries_wheel_contract_and_sbom() -> None:
    made = "\n".join(step.get("run", "") for step in steps("release.yml", "release"))
    assert "buf build --output release/notify-v1.binpb" in made
    assert "protos.tar.gz buf.yaml protos" in made
    assert jobs("release.yml")["image"]["needs"] == "tests"
    assert jobs("release.yml")["release"]["needs"] == "image"
    makers = steps("ci.yml", "package") + steps("release.yml", "image")
    uploads = [step["with"]["name"] for step in makers if "upload" in step.get("uses", "")]
    assert uploads == ["wheel", "sbom"]
