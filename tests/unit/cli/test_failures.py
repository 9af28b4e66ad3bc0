"""Every error has an exit code a script may rely on, and a line a person can act on."""

from __future__ import annotations

import json

import pytest

from notify_grpc.cli.failures import exit_code, report
from notify_grpc.config import ConfigError
from notify_grpc.domain.errors import (
    FailedPrecondition,
    FieldViolation,
    InvalidArgument,
    NotFound,
    NotifyError,
    OutcomeUnknown,
    PermissionDenied,
    ResourceExhausted,
    Unauthenticated,
    Unavailable,
    Unimplemented,
)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (NotifyError("a defect"), 1),
        (FailedPrecondition("not now"), 1),
        (Unimplemented("switched off"), 1),
        (InvalidArgument("title", "is too long"), 2),
        (ConfigError(["NOTIFY_CLIENT_PORT: is no port"]), 2),
        (Unauthenticated("no"), 3),
        (PermissionDenied("no"), 3),
        (NotFound("none"), 4),
        (Unavailable("later"), 5),
        (OutcomeUnknown("later"), 5),
        (ResourceExhausted("later"), 5),
    ],
)
def test_exit_codes(error: NotifyError, code: int) -> None:
    assert exit_code(error) == code


def test_every_wrong_field_has_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    report(InvalidArgument("title", "is too long", FieldViolation("body", "is too long")), as_json=False)
    assert capsys.readouterr() == ("", "error: title: is too long\nerror: body: is too long\n")


def test_every_problem_of_a_configuration_has_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    report(ConfigError(["NOTIFY_A: first", "NOTIFY_B: second"]), as_json=False)
    assert capsys.readouterr().err == "error: NOTIFY_A: first\nerror: NOTIFY_B: second\n"


def test_an_error_without_words_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    report(NotFound(), as_json=False)
    assert capsys.readouterr().err == "error: NotFound\n"


def test_scripts_get_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert report(InvalidArgument("title", "is too long"), as_json=True) == 2
    assert json.loads(capsys.readouterr().err) == {"error": "usage", "problems": ["title: is too long"]}


def test_where_nobody_answers_there_is_a_hint(capsys: pytest.CaptureFixture[str]) -> None:
    report(Unavailable("cannot connect: ipv4:127.0.0.1:1: Connection refused"), as_json=False)
    assert "notify-grpc serve" in capsys.readouterr().err
