"""Settings as an operator gives them."""

from __future__ import annotations

import pytest

from notify_grpc.config import Settings, load


def settings(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Settings:
    """Of these variables, in dev mode; NOTIFY_ goes without saying, but for AWS's own."""
    for name, value in variables.items():
        monkeypatch.setenv(name if name.startswith("AWS_") else f"NOTIFY_{name}", value)
    return load(auth_dev_mode=True)
