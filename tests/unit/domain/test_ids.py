"""Ids and epochs."""

from __future__ import annotations

from uuid import RFC_4122, UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notify_grpc.domain.ids import MAX_ID_BYTES, MAX_ID_CHARS, fault_of_id, is_id, new_epoch, new_id

MILLIS = st.integers(0, 2**48 - 1)


@given(MILLIS)
def test_an_id_is_a_uuid_of_its_millisecond(now_ms: int) -> None:
    id = new_id(now_ms)
    uuid = UUID(id)
    assert (uuid.version, uuid.variant, str(uuid)) == (7, RFC_4122, id)
    assert uuid.int >> 80 == now_ms
    assert is_id(id)


@given(MILLIS, MILLIS)
def test_ids_sort_by_time(one: int, other: int) -> None:
    if one != other:
        assert (new_id(one) < new_id(other)) == (one < other)


def test_ids_of_one_millisecond_differ() -> None:
    assert len({new_id(1) for _ in range(10_000)}) == 10_000


@pytest.mark.parametrize(
    "text",
    ["", "x", "A" * 8 + new_id(1)[8:], new_id(1) + "\n", new_id(1)[:-1], "{" + new_id(1)],
    ids=["empty", "short", "upper", "newline", "cut", "brace"],
)
def test_what_is_no_id(text: str) -> None:
    assert not is_id(text)


@pytest.mark.parametrize("text", ["a", "x" * MAX_ID_CHARS, "🙂" * (MAX_ID_BYTES // 4), " "])
def test_what_callers_may_choose_as_an_id(text: str) -> None:
    assert fault_of_id(text) == ""


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "is required"),
        ("x" * (MAX_ID_CHARS + 1), "is longer than 256 characters"),
        ("🙂" * (MAX_ID_BYTES // 4 + 1), "is larger than 768 bytes"),
        ("a\0b", "must not contain NUL"),
        ("half \ud83d", "is not valid Unicode"),
    ],
    ids=["empty", "long", "large", "NUL", "half a pair"],
)
def test_what_they_may_not(text: str, fault: str) -> None:
    assert fault_of_id(text) == fault


def test_epochs_are_never_zero_and_differ() -> None:
    epochs = {new_epoch() for _ in range(1_000)}
    assert 0 not in epochs
    assert max(epochs) < 2**48
    assert len(epochs) > 990
