"""Where the servers that wheels bring are; found without importing the packages around them."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path


def package_dir(package: str) -> Path:
    """The folder of an installed package. Raises LookupError when it is not installed."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise LookupError(f"{package} is not installed: run make test")
    return Path(next(iter(spec.submodule_search_locations)))
