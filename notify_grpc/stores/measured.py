"""Any store, measured: time, outcome and a span for each operation. Behaves as the store inside."""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import Any, cast

from notify_grpc.domain.errors import NotifyError
from notify_grpc.ports.store import DeliveryStore, DeviceStore, InboxStore, Recovery, Retention, Store
from notify_grpc.ports.telemetry import Metrics, Tracer

OPERATIONS = tuple(
    name
    for contract in (InboxStore, DeviceStore, DeliveryStore, Retention, Recovery)
    for name in vars(contract)
    if not name.startswith("_")
)
"""Every method of the contract but the life cycle."""


class _Measured:
    def __init__(self, store: Store, metrics: Metrics, tracer: Tracer) -> None:
        self._store = store
        self.open = store.open
        self.close = store.close
        self.ping = store.ping
        for op in OPERATIONS:
            setattr(self, op, _measure(op, getattr(store, op), metrics, tracer, store.capabilities.name))

    @property
    def capabilities(self) -> object:
        return self._store.capabilities


def measured(store: Store, metrics: Metrics, tracer: Tracer) -> Store:
    """``store`` with notify_store_op_* and a span per operation (db.* of the semantic conventions)."""
    return cast(Store, _Measured(store, metrics, tracer))


def _measure(
    op: str, call: Callable[..., Awaitable[Any]], metrics: Metrics, tracer: Tracer, system: str
) -> Callable[..., Awaitable[Any]]:
    attributes = {"db.system.name": system, "db.operation.name": op}
    name = f"store {op}"

    async def operation(*args: Any, **kwargs: Any) -> Any:
        started = perf_counter()
        code = "INTERNAL"
        try:
            with tracer.span(name, kind="client", attributes=attributes):
                result = await call(*args, **kwargs)
            code = _code_of(result)
            return result
        except (NotifyError, CancelledError) as exc:
            code = type(exc).__name__
            raise
        finally:
            metrics.count("notify_store_op_total", op=op, code=code)
            metrics.observe("notify_store_op_duration_seconds", perf_counter() - started, op=op)

    return operation


def _code_of(result: Any) -> str:
    """``create_many`` answers errors in place of results: the first of them is how it went."""
    answers = result if isinstance(result, list) else ()
    return next((type(one).__name__ for one in answers if isinstance(one, NotifyError)), "OK")
