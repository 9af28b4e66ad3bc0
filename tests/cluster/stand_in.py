"""A base image made of this machine's own files, for where no registry can be reached.

It has what the Dockerfile's steps call, this interpreter in /usr/local, and the libraries of both: enough to test what
the engine does. It is not the operating system of the real image.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

from tests.support.interpreter import PYTHON, copy_interpreter

_PROGRAMS = ("sh", "cat", "cp", "head", "id", "install", "ls", "mktemp", "rm", "sed", "touch")
_PACKAGES = ("libc6", "libgcc-s1", "libstdc++6")
"""Whose libraries every image of Debian has, and wheels count on."""
_LIBRARY = re.compile(r"(/\S+) \(0x")
_CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"


def environment() -> dict[str, str]:
    """Variables of the image: how packages are reached from here."""
    reaching = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    return {**reaching, "PIP_CERT": _CERTIFICATES} if Path(_CERTIFICATES).exists() else reaching


def make(folder: Path) -> Path:
    """The image's files as an archive, made in an empty folder."""
    root = folder / "root"
    for name in ("dev", "etc", "proc", "sys", "tmp", "usr/bin", "usr/local"):
        (root / name).mkdir(parents=True)
    (root / "tmp").chmod(0o1777)
    prefix = root / "usr/local"
    copy_interpreter(prefix)
    for name in ("python", "python3"):
        (prefix / "bin" / name).symlink_to(PYTHON)
    programs = [Path(found) for name in _PROGRAMS if (found := shutil.which(name))]
    for program in programs:
        _copy(program, root / "usr/bin" / program.name)
    (root / "bin").symlink_to("usr/bin")
    loading = [*programs, prefix / "bin" / PYTHON, *prefix.rglob("*.so")]
    for library in _loaded_by(loading, prefix / "lib") | _packaged():
        _copy(library, root / library.relative_to("/"))
    if Path(_CERTIFICATES).exists():
        _copy(Path(_CERTIFICATES), root / _CERTIFICATES[1:])
    (root / "etc/ld.so.conf").write_text("/usr/local/lib\n")
    subprocess.run(["ldconfig", "-r", root], check=True, capture_output=True)
    archive = folder / "root.tar"
    with tarfile.open(archive, "w") as tar:
        tar.add(root, arcname=".", filter=_owned_by_root)
    return archive


def _packaged() -> set[Path]:
    done = subprocess.run(["dpkg", "--listfiles", *_PACKAGES], capture_output=True, text=True, check=True)
    return {Path(line) for line in done.stdout.splitlines() if ".so" in line and Path(line).is_file()}


def _loaded_by(files: list[Path], own: Path) -> set[Path]:
    """Libraries that these files load, but for those in ``own``."""
    done = subprocess.run(
        ["ldd", *files], env={**os.environ, "LD_LIBRARY_PATH": str(own)}, capture_output=True, text=True, check=False
    )
    return {path for found in _LIBRARY.findall(done.stdout) if own not in (path := Path(found)).parents}


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, target)


def _owned_by_root(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    return member
