"""Run the service in dev mode, Envoy in front of it and, if asked, a folder of static files; Ctrl-C stops all."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from examples.front import envoy


class Page(SimpleHTTPRequestHandler):
    """Static files, fresh each time, without a line per request; ``config.json`` names the Envoy that runs here."""

    def __init__(self, *args: Any, api: str, **kwargs: Any) -> None:
        self._api = api
        super().__init__(*args, **kwargs)  # answers the request

    def do_GET(self) -> None:
        if self.path != "/config.json":
            super().do_GET()
            return
        config = json.dumps({"api": self._api}).encode()
        self.send_response(HTTPStatus.OK)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(config)))
        self.end_headers()
        self.wfile.write(config)

    def end_headers(self) -> None:
        self.send_header("cache-control", "no-store")
        super().end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def page(folder: Path, port: int, api: str) -> Iterator[None]:
    """Serve a folder on loopback, its calls going to ``api``. Raises OSError when the port is taken."""
    with ThreadingHTTPServer(("127.0.0.1", port), partial(Page, directory=str(folder), api=api)) as server:
        thread = threading.Thread(target=server.serve_forever, name="page")
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def service() -> Iterator[subprocess.Popen[bytes]]:
    """``notify-grpc serve`` on its usual ports; drained at the end."""
    settings = {"NOTIFY_AUTH_DEV_MODE": "true", "NOTIFY_STORE_DRIVER": "memory", "NOTIFY_SHUTDOWN_SPREAD": "500ms"}
    # In a group of its own: Ctrl-C is for us, and the service gets one signal, not two.
    command = [sys.executable, "-m", "notify_grpc", "serve"]
    process = subprocess.Popen(command, env=settings | dict(os.environ), process_group=0)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(40)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m examples.front", description=__doc__)
    parser.add_argument("--port", type=int, default=8000, help="where Envoy listens")
    parser.add_argument("--probes-port", type=int, default=8001, help="where Envoy answers /ready and /live")
    parser.add_argument("--page", type=Path, help="folder of static files to serve")
    parser.add_argument("--page-port", type=int, default=8090)
    return parser.parse_args()


def main() -> int:
    """The exit code: 0 after Ctrl-C or SIGTERM, the service's own where it ended by itself."""
    args = arguments()
    origins = [f"http://{host}:{args.page_port}" for host in ("localhost", "127.0.0.1")]
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt), ExitStack() as stack:
        serving = stack.enter_context(service())
        upstream = int(os.environ.get("NOTIFY_CLIENT_PORT", "8080"))
        stack.enter_context(envoy.running(args.port, args.probes_port, [upstream], origins))
        api = f"http://127.0.0.1:{args.port}"
        print(f"  front       {api}")
        if args.page:
            stack.enter_context(page(args.page, args.page_port, api))
            print(f"  page        {origins[0]}")
        sys.stdout.flush()
        return serving.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
