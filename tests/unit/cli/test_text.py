"""What strangers wrote cannot harm a terminal; scripts get all of it."""

from __future__ import annotations

import json

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from notify.v1.notification_pb2 import DeliveryChannel, Notification

from notify_grpc.cli.text import local_time, name_of, one_line, print_json, seconds, table


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("two\nlines", "two lines"),
        ("\x1b[2Jgone", " [2Jgone".strip()),
        ("a" * 81, "a" * 79 + "…"),
        ("ünï 🎉", "ünï 🎉"),
        ("", ""),
    ],
)
def test_one_line(text: str, shown: str) -> None:
    assert one_line(text) == shown


@given(st.text())
def test_one_line_holds_nothing_a_terminal_obeys(text: str) -> None:
    shown = one_line(text, 20)
    assert len(shown) <= 20
    assert shown.isprintable()


def test_json_of_a_message_leaves_nothing_out(capsys: pytest.CaptureFixture[str]) -> None:
    print_json(Notification(id="1", title="ünï\n", created_at_ms=5))
    [line] = capsys.readouterr().out.splitlines()
    shown = json.loads(line)
    assert (shown["title"], shown["created_at_ms"], shown["body"], shown["data"]) == ("ünï\n", "5", "", {})
    assert set(shown) == {field.name for field in Notification.DESCRIPTOR.fields}


@pytest.mark.parametrize(("value", "name"), [(1, "in app"), (4, "mobile push"), (0, "unspecified"), (99, "99")])
def test_names_of_enums(value: int, name: str) -> None:
    assert name_of(DeliveryChannel, value) == name


@pytest.mark.parametrize(("text", "value"), [("90s", 90.0), ("5m", 300.0), ("0", 0.0), (1.5, 1.5)])
def test_durations(text: str | float, value: float) -> None:
    assert seconds(text) == value


@pytest.mark.parametrize("text", ["soon", "5 minutes", ""])
def test_a_duration_that_is_none(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="duration"):
        seconds(text)


def test_no_time_is_a_dash() -> None:
    assert local_time(0) == "-"


def test_columns_are_aligned(capsys: pytest.CaptureFixture[str]) -> None:
    table(("A", "LONGER"), [("1", "2"), ("333", "")])
    assert capsys.readouterr().out == "A    LONGER\n1    2\n333\n"
