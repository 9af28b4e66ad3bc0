"""One of several worker processes: ``python -m notify_grpc.app.worker <overrides as JSON>``, started by the supervisor.

Says on standard output where its HTTP port is, once it listens. Drains when told by a signal, and when standard input
ends: then the supervisor is gone.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading

from notify_grpc.app.application import Application, run
from notify_grpc.config import load
from notify_grpc.domain.errors import NotifyError


def main() -> int:
    """Serve until told to stop; the exit code."""
    settings = load(**json.loads(sys.argv[1]))
    threading.Thread(target=_stop_with_supervisor, name="notify-supervisor-watch", daemon=True).start()
    try:
        return run(settings, _announce)
    except (NotifyError, OSError) as exc:
        print(f"error: cannot start: {exc}", file=sys.stderr)
        return 1


def _announce(application: Application) -> None:
    print(json.dumps({"metrics_port": application.ports.metrics}), flush=True)


def _stop_with_supervisor() -> None:
    """Blocks until standard input ends."""
    while os.read(0, 1):  # not sys.stdin: its lock must not be held when the interpreter ends
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
