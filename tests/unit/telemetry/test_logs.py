"""Log lines for machines and for eyes."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from notify_grpc.telemetry.logs import configure_logs


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


def test_json_has_the_fields_and_the_exception_on_one_line() -> None:
    out = io.StringIO()
    configure_logs("info", "json", out)
    try:
        raise ValueError("boom")
    except ValueError:
        logging.getLogger("notify_grpc.x").exception("it failed\nhere", extra={"tenant_id": "acme", "took_s": 0.5})

    [line] = out.getvalue().splitlines()
    read = json.loads(line)
    assert (read["level"], read["logger"], read["message"]) == ("error", "notify_grpc.x", "it failed\nhere")
    assert (read["tenant_id"], read["took_s"]) == ("acme", 0.5)
    assert "ValueError: boom" in read["exception"]
    assert read["time"].endswith("Z")


def test_text_is_for_eyes_and_the_level_filters() -> None:
    out = io.StringIO()
    configure_logs("warning", "text", out)
    log = logging.getLogger("notify_grpc.x")

    log.info("quiet")
    log.warning("loud", extra={"reason": "r"})

    assert "quiet" not in out.getvalue()
    assert out.getvalue().rstrip().endswith("WARNING loud reason=r")


def test_auto_is_json_where_there_is_no_terminal() -> None:
    out = io.StringIO()
    configure_logs("info", "auto", out)

    logging.getLogger("x").info("hello")

    assert json.loads(out.getvalue())["message"] == "hello"


@pytest.mark.parametrize("library", ["grpc._cython.cygrpc", "httpx", "aiohttp.access"])
def test_a_line_per_request_of_a_library_is_no_debugging_of_ours(library: str) -> None:
    out = io.StringIO()
    configure_logs("debug", "text", out)

    logging.getLogger(library).info("a request")
    logging.getLogger(library).warning("a fault")

    assert "a request" not in out.getvalue()
    assert "a fault" in out.getvalue()
