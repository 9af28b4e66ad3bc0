"""The composition root: from Settings to a running service. Nothing else wires parts together."""

from notify_grpc.app.application import Application, run

__all__ = ["Application", "run"]
