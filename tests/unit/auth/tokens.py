"""Tokens for tests."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import jwt

SECRET = "a secret of thirty-two bytes, at least"


def claims(**changes: Any) -> dict[str, Any]:
    """Good claims, but for the changes; None leaves one out."""
    good = {"sub": "ann", "tenant": "acme", "exp": int(time.time()) + 600}
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def signed(
    key: Any = SECRET, algorithm: str = "HS256", *, headers: Mapping[str, Any] | None = None, **changes: Any
) -> Mapping[str, str]:
    """Call metadata with a token of these claims."""
    return shown(jwt.encode(claims(**changes), key, algorithm=algorithm, headers=dict(headers or {})))


def shown(token: str) -> Mapping[str, str]:
    """Call metadata with this token."""
    return {"authorization": f"Bearer {token}"}
