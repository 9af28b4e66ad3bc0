"""What sqlite3 raises becomes Unavailable, OutcomeUnknown, or stays the defect it is."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from notify_grpc.domain.errors import NotFound, OutcomeUnknown, Unavailable
from notify_grpc.stores.sqlite.errors import translated, translated_commit

Around = Callable[[], AbstractContextManager[None]]


def error(code: int) -> sqlite3.OperationalError:
    exc = sqlite3.OperationalError("/var/lib/secret.db: table notify_contents is …")
    exc.sqlite_errorcode = code
    return exc


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (sqlite3.SQLITE_BUSY, "locked by another process"),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, "locked by another process"),
        (sqlite3.SQLITE_FULL, "disk is full"),
        (sqlite3.SQLITE_IOERR_WRITE, "cannot be read or written"),
        (sqlite3.SQLITE_READONLY, "cannot be written"),
        (sqlite3.SQLITE_CANTOPEN, "cannot be opened"),
        (sqlite3.SQLITE_CORRUPT, "damaged"),
        (sqlite3.SQLITE_NOTADB, "not a SQLite database"),
    ],
)
@pytest.mark.parametrize("around", [translated, translated_commit])
def test_a_database_at_fault_is_unavailable_in_words_of_ours(code: int, says: str, around: Around) -> None:
    raised = error(code)
    with pytest.raises(Unavailable, match=says) as caught, around():
        raise raised
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is raised
    assert not isinstance(caught.value, OutcomeUnknown)


def test_a_commit_that_was_not_synced_has_an_unknown_outcome() -> None:
    raised = error(sqlite3.SQLITE_IOERR_FSYNC)
    with pytest.raises(OutcomeUnknown) as caught, translated_commit():
        raise raised
    assert caught.value.__cause__ is raised


@pytest.mark.parametrize(
    "defect", [error(sqlite3.SQLITE_CONSTRAINT), sqlite3.ProgrammingError("no code"), KeyError("x"), NotFound("x")]
)
@pytest.mark.parametrize("around", [translated, translated_commit])
def test_everything_else_passes_unchanged(defect: Exception, around: Around) -> None:
    with pytest.raises(type(defect)) as caught, around():
        raise defect
    assert caught.value is defect
