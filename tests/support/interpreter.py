"""A copy of this interpreter, as a base image brings one."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pip

PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"


def copy_interpreter(prefix: Path) -> None:
    """Copy this interpreter, with pip and nothing else installed, to where every user can read it."""
    home = Path(sys.base_prefix)
    lib = prefix / "lib" / PYTHON
    shutil.copytree(home / "lib" / PYTHON, lib, ignore=shutil.ignore_patterns("site-packages", "test", "config-*"))
    shutil.copytree(Path(pip.__file__).parent, lib / "site-packages" / "pip")
    for shared in home.glob("lib/libpython3*.so*"):
        shutil.copy2(shared, prefix / "lib")
    (prefix / "bin").mkdir()
    shutil.copy2(home / "bin" / PYTHON, prefix / "bin")
    (prefix / "bin" / "pip3").write_text("#!/bin/sh\n")
