"""Names that say nothing, exceptions without a reason, and what a repository should not carry."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.architecture.source import comments, modules

FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "manager", "managers", "base", "common", "misc"}
MAX_BYTES = 300_000
_IGNORE = re.compile(r"#\s*(type:\s*ignore|noqa|ruff:\s*noqa|pragma:|pyright:)")
_REASONED = re.compile(r"#\s*(type:\s*ignore\[[\w, -]+\]|noqa: [A-Z0-9, ]+?)\s*(#|-|–|:)\s*\S.{5,}")
# Written in pieces, so that this file may be tracked itself.
_HOSTS = (
    "pypi" + ".org",
    "python" + "hosted.org",
    "npmjs" + ".org",
    "crates" + ".io",
    "proxy.golang" + ".org",
    "maven" + ".org",
)
_MACHINE_PATH = re.compile(r"(?<![\w.])/(root|work|home/\w+|Users/\w+)/")


def meaningless_names(package: Path) -> list[str]:
    """Modules and folders named after nothing they do."""
    return [
        f"{module.relative_to(package)}: find a name that says what it is"
        for module in modules(package)
        if FORBIDDEN_NAMES & set(module.relative_to(package).with_suffix("").parts)
    ]


def unexplained_ignores(folder: Path) -> list[str]:
    """Comments that silence a tool without its code and, on the same line, the reason."""
    return [
        f"{module.relative_to(folder)}:{line} {text}"
        for module in modules(folder)
        for line, text in comments(module)
        if _IGNORE.search(text) and not _REASONED.search(text)
    ]


def tracked_files(root: Path) -> list[Path]:
    """The files git knows, those staged included. Raises CalledProcessError outside a repository."""
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True, check=True).stdout
    return [root / name for name in listing.split("\0") if name and (root / name).is_file()]


def oversized(files: Iterable[Path]) -> list[str]:
    """Files too large for a source repository."""
    return [f"{file} has {size} bytes" for file in files if (size := file.stat().st_size) > MAX_BYTES]


def tied_to_a_place(files: Iterable[Path]) -> Iterator[str]:
    """Lines that name a package registry's host or a folder of somebody's machine."""
    for file in files:
        try:
            text = file.read_text()
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), 1):
            if any(host in line for host in _HOSTS) or _MACHINE_PATH.search(line):
                yield f"{file}:{number} {line.strip()[:100]}"
