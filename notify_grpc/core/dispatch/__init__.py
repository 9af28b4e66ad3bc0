"""Deliveries: claimed, sent, retried, audited."""

from notify_grpc.core.dispatch.dispatcher import Dispatcher
from notify_grpc.core.dispatch.settings import Attempted, DispatchSettings

__all__ = ["Attempted", "DispatchSettings", "Dispatcher"]
