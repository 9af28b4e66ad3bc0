"""The Dockerfile, as far as it can be read; tests/outside/test_image.py runs its steps."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from notify_grpc.config import Settings

ROOT = Path(__file__).resolve().parents[2]
Instruction = tuple[str, str]


def instructions(text: str) -> list[Instruction]:
    lines = re.sub(r"\\\n", " ", text).splitlines()
    return [(word, rest.strip()) for word, _, rest in (x.partition(" ") for x in lines) if word.isupper()]


ALL = instructions((ROOT / "Dockerfile").read_text())
FINAL = ALL[max(i for i, (word, _) in enumerate(ALL) if word == "FROM") :]


def value(word: str, stage: list[Instruction] = FINAL) -> str:
    (found,) = [rest for name, rest in stage if name == word]
    return found


def test_hadolint_has_nothing_to_say() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, "--no-color", ROOT / "Dockerfile"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_hadolint_would_find_a_defect() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, "-"], input="FROM python\nRUN cd /tmp\n", capture_output=True, text=True)
    assert "DL3006" in done.stdout


def test_one_pinned_base() -> None:
    bases = {rest.split(" AS ")[0] for word, rest in ALL if word == "FROM"}
    (base,) = bases
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-\w+", base)


def test_it_runs_as_nobody_and_ends_by_its_own_signal() -> None:
    assert value("USER") == "65532:65532"
    assert value("STOPSIGNAL") == "SIGTERM"
    assert json.loads(value("ENTRYPOINT")) == ["notify-grpc"]
    assert json.loads(value("CMD")) == ["serve"]
    assert json.loads(value("HEALTHCHECK").partition("CMD ")[2]) == ["notify-grpc", "health"]


def test_its_ports_are_the_defaults() -> None:
    defaults = [Settings.model_fields[f"{name}_port"].default for name in ("client", "internal", "metrics")]
    assert value("EXPOSE").split() == [str(port) for port in defaults]


def test_state_is_where_the_store_writes() -> None:
    assert f"NOTIFY_SQLITE_PATH={value('VOLUME')}/notify.db" in value("ENV")
    assert value("WORKDIR") == value("VOLUME")


def test_every_step_is_a_script_that_runs_without_an_engine() -> None:
    steps = [rest for word, rest in ALL if word == "RUN"]
    assert [re.findall(r"\S*image/(\w+\.sh)", step)[:1] for step in steps] == [["build.sh"], ["finish.sh"]]


def test_version_and_commit_are_labels() -> None:
    labels = value("LABEL")
    assert 'image.version="$VERSION"' in labels
    assert 'image.revision="$COMMIT"' in labels


def test_the_context_has_what_is_copied_and_no_more() -> None:
    lines = (ROOT / ".dockerignore").read_text().split("\n")
    allowed = {line[1:] for line in lines if line.startswith("!")}
    assert "*" in lines
    copied = {
        name.split("/")[0]
        for word, rest in ALL
        if word == "COPY" and not rest.startswith("--from")
        for name in rest.split()[:-1]
    }
    assert copied | {"image"} == allowed
    assert all((ROOT / name).exists() for name in allowed)


@pytest.mark.parametrize("name", ["build.sh", "finish.sh"])
def test_the_scripts_stop_at_the_first_error(name: str) -> None:
    script = (ROOT / "image" / name).read_text()
    assert script.startswith("#!/bin/sh\n")
    assert "\nset -eu\n" in script
    subprocess.run(["sh", "-n", ROOT / "image" / name], check=True)
