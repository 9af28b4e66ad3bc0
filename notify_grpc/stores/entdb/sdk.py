"""The SDK's private parts that this driver speaks through, all of them (docs/adr/0016-entdb-by-its-own-messages.md).

tests/entdb/test_canary.py tells when a release moves one of them.
"""

from __future__ import annotations

from typing import Any

from entdb_sdk._generated import entdb_pb2
from entdb_sdk._generated.entdb_pb2_grpc import EntDBServiceStub

pb: Any = entdb_pb2
"""The messages of package ``entdb.v1``."""
Stub: Any = EntDBServiceStub
"""The client of ``entdb.v1.EntDBService``, over a ``grpc.aio`` channel."""
