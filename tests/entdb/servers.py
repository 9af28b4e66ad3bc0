"""The EntDB that tests use: NOTIFY_TEST_ENTDB_ADDRESS's, or a fake in this process."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator

from tests.entdb.fake import FakeEntDB


@contextlib.contextmanager
def entdb_address() -> Iterator[str]:
    """An address where EntDB answers."""
    if external := os.environ.get("NOTIFY_TEST_ENTDB_ADDRESS"):
        yield external
        return
    with FakeEntDB() as server:
        yield server.address


def fresh_tenant() -> str:
    """The name of a storage tenant that nobody used yet."""
    return f"test-{secrets.token_hex(8)}"
