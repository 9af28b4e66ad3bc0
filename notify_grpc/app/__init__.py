"""The composition root: from Settings to a running service. Nothing else wires parts together."""

from notify_grpc.app.application import Application, run
from notify_grpc.app.supervisor import Supervisor, supervise

__all__ = ["Application", "Supervisor", "run", "supervise"]
