"""No command block is forgotten: each is run by a target that CI calls, and tells to install what CI installs."""

from __future__ import annotations

import json
import re

import pytest

from tests.support.pages import ROOT, blocks, pages

BLOCKS = [(page, block) for page in pages() for block in blocks(page.read_text(encoding="utf-8"))]
TARGETS = {block.target for _, block in BLOCKS} - {""}
CI = (ROOT / ".ci" / "run", ROOT / ".github" / "workflows" / "ci.yml")
_OPENING = re.compile(r"^\s*```\s*(sh|bash|shell|console|shell-session)\b", re.MULTILINE)


def test_every_command_block_is_found() -> None:
    """However it is written; those within a list would not be."""
    written = sum(len(_OPENING.findall(page.read_text(encoding="utf-8"))) for page in pages())
    assert written == sum(block.language in ("sh", "console") for _, block in BLOCKS)


@pytest.mark.parametrize("target", sorted(TARGETS))
def test_a_target_that_a_block_names_runs_it(target: str) -> None:
    recipe = re.search(rf"^{target}:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert recipe is not None, "no such target"
    assert re.search(rf"pytest .*\btests/{target}\n", recipe[1])
    assert f'blocks_by("{target}")' in (ROOT / "tests" / target / "test_docs.py").read_text()


@pytest.mark.parametrize("target", sorted(TARGETS | {"test"}))
def test_ci_calls_it(target: str) -> None:
    here, forge = (path.read_text() for path in CI)
    called = re.findall(r"^ *(?:for target in|step make) (.*?)(?:; do)?$", here, re.MULTILINE)
    assert target in " ".join(called).split()
    assert target in " ".join(re.findall(r"- run: make (.*)", forge)).split()


def test_versions_are_those_of_the_examples() -> None:
    """A page pins what examples/stubs pins, which is built and run."""
    stubs = ROOT / "examples" / "stubs"
    page = (ROOT / "docs" / "clients.md").read_text()
    go = dict(re.findall(r"^\s*(\S+) v([\d.]+)", (stubs / "go" / "go.mod").read_text(), re.MULTILINE))
    package = json.loads((stubs / "typescript" / "package.json").read_text())
    npm = package["dependencies"] | package["devDependencies"]
    pinned = re.findall(r" (\S+/\S+?)@v?([\d.]+)", page)
    assert len(pinned) == 7
    wrong = [(name, version) for name, version in pinned if (go | npm).get(name, go.get(module_of(name))) != version]
    assert wrong == []


def module_of(command: str) -> str:
    """The Go module of a command within one."""
    return command.partition("/cmd/")[0]
