"""Contents differ when anything in them does."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notify_grpc.domain.models import Content

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
CONTENT = st.builds(Content, TEXT, TEXT, TEXT, TEXT, st.dictionaries(TEXT, TEXT, max_size=3))


@given(CONTENT, CONTENT)
def test_digests_are_equal_exactly_when_contents_are(one: Content, other: Content) -> None:
    assert (one.digest() == other.digest()) == (one == other)


@given(CONTENT)
def test_the_order_of_data_does_not_matter(content: Content) -> None:
    backwards = replace(content, data=dict(reversed(list(content.data.items()))))
    assert backwards.digest() == content.digest()


@pytest.mark.parametrize("field", [field.name for field in fields(Content) if field.name != "data"])
def test_every_field_counts(field: str) -> None:
    changed: dict[str, Any] = {field: "x"}
    assert replace(Content(), **changed).digest() != Content().digest()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Content("ab", ""), Content("a", "b")),
        (Content(data={"ab": ""}), Content(data={"a": "b"})),
        (Content(data={"a": "b", "c": "d"}), Content(data={"a": "bcd"})),
        (Content(subject_ref="x"), Content(subject_type="x")),
    ],
)
def test_parts_do_not_run_into_each_other(one: Content, other: Content) -> None:
    assert one.digest() != other.digest()


def test_a_digest_is_16_bytes() -> None:
    assert len(Content("title", "body").digest()) == 16
