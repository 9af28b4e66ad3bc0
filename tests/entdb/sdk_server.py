"""The server's half of the SDK's generated service."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import grpc
from entdb_sdk._generated.entdb_pb2_grpc import EntDBServiceServicer, add_EntDBServiceServicer_to_server

_Servicer: Any = EntDBServiceServicer
_add: Any = add_EntDBServiceServicer_to_server


def serve(server: grpc.Server, methods: Mapping[str, Callable[[Any, grpc.ServicerContext], Any]]) -> None:
    """Answer these methods of entdb.v1.EntDBService; all others are UNIMPLEMENTED."""
    _add(type("Servicer", (_Servicer,), {name: staticmethod(method) for name, method in methods.items()})(), server)
