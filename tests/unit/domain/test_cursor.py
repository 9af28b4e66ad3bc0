"""Cursors round-trip, and nothing else is one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notify_grpc.domain.cursor import MAX_SEQ, Cursor, encode_page, parse_cursor, parse_page
from notify_grpc.domain.errors import InvalidArgument


@given(st.integers(0, 2**64 - 1), st.integers(0, MAX_SEQ))
def test_a_stream_cursor_round_trips(epoch: int, seq: int) -> None:
    assert parse_cursor(Cursor(epoch, seq).encode()) == Cursor(epoch, seq)


@given(st.integers(1, MAX_SEQ))
def test_a_page_cursor_round_trips(position: int) -> None:
    assert parse_page(encode_page(position)) == position


def test_no_page_cursor_is_the_first_page() -> None:
    assert parse_page("") is None


@pytest.mark.parametrize(
    "text", ["", ":", "1", "1:", ":1", "g:1", "A:1", "1:-1", " 1:1", "1:1\n", "1:1:1", f"1:{MAX_SEQ + 1}", "1:²", "p5"]
)
def test_what_is_no_stream_cursor_names_the_field(text: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        parse_cursor(text)
    assert refused.value.field == "resume_after"


@pytest.mark.parametrize("text", ["p", "p0", "p-1", "5", "P5", "p5 ", "p5\n", "p٥", f"p{MAX_SEQ + 1}", "1:1"])
def test_what_is_no_page_cursor_names_the_field(text: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        parse_page(text)
    assert refused.value.field == "cursor"


@given(st.text())
def test_any_text_is_a_cursor_or_refused(text: str) -> None:
    for parse in (parse_cursor, parse_page):
        try:
            parse(text)
        except InvalidArgument:
            continue
        assert text == "" or text.isascii()
