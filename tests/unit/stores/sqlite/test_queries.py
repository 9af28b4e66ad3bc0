"""Every statement of the SQLite driver finds its rows by an index, however large the tables are."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from notify_grpc.domain.deliveries import HELD, OPEN, RETRYABLE_BY_OPERATOR, WAITING, DeliveryState
from notify_grpc.stores.sql_files import parse_statements
from notify_grpc.stores.sqlite import migrate
from notify_grpc.stores.sqlite.connections import open_reader
from notify_grpc.stores.sqlite.migrations import known
from notify_grpc.stores.sqlite.queries import load

FILES = ("inboxes", "deliveries", "devices", "retention")
FRAGMENTS = {"columns", "item"}
STATEMENTS = {f"{file}.{name}": sql for file in FILES for name, sql in load(file).items() if name not in FRAGMENTS}
SMALL = re.compile(r"SCAN (u|r|l|q|queue|json_each)\b|SCAN \(subquery-\d+\)")
"""What may be read whole: lists given as parameters, and what another step has limited."""
SORTED = {
    "inboxes.some_recipients",
    "deliveries.of_notifications",
    "deliveries.attempts",
    "deliveries.jobs",
    "devices.list",
}
"""They sort what they found, which is no more than was asked for."""


@pytest.fixture
def db(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    path = tmp_path / "notify.db"
    migrate(path)
    with closing(open_reader(path, 1.0)) as db:
        yield db


def plan(db: sqlite3.Connection, sql: str) -> list[str]:
    named = dict.fromkeys(re.findall(r":(\w+)", sql), "1")
    rows = db.execute(f"EXPLAIN QUERY PLAN {sql}", named or ["1"] * sql.count("?"))
    return [str(row[3]) for row in rows]


@pytest.mark.parametrize("name", STATEMENTS)
def test_no_statement_reads_a_whole_table(db: sqlite3.Connection, name: str) -> None:
    steps = plan(db, STATEMENTS[name])
    assert [step for step in steps if step.startswith("SCAN") and not SMALL.match(step)] == []
    assert any("B-TREE" in step for step in steps) == (name in SORTED)


@pytest.mark.parametrize(
    ("name", "search"),
    [
        ("inboxes.page", "PRIMARY KEY (inbox_id=? AND position<?)"),
        ("inboxes.unread_page", "notify_notifications_unread (inbox_id=? AND position<?)"),
        ("inboxes.oldest_unread", "notify_notifications_unread (inbox_id=?)"),
        ("inboxes.changes", "notify_notifications_changes (inbox_id=? AND change_seq>?)"),
        ("inboxes.recipients", "(tenant_id=? AND notification_id=? AND user_id>?)"),
        ("inboxes.some_recipients", "(tenant_id=? AND notification_id=? AND user_id=?)"),
        ("inboxes.known_recipients", "(tenant_id=? AND notification_id=? AND user_id=?)"),
        ("deliveries.queues", "notify_deliveries_due (tenant_id=? AND channel>?)"),
        ("deliveries.due", "notify_deliveries_due (tenant_id=? AND channel=? AND due_at_ms<?)"),
        ("deliveries.count_due", "notify_deliveries_due (tenant_id=? AND channel=? AND due_at_ms<?)"),
        ("deliveries.run_out", "notify_deliveries_lease (lease_until_ms<?)"),
        ("deliveries.expired", "notify_deliveries_expiry (expires_at_ms>? AND expires_at_ms<?)"),
        ("deliveries.worn", "notify_deliveries_claimed (attempts>?)"),
        ("deliveries.list_trouble", "notify_deliveries_trouble (id>?)"),
        ("deliveries.by_message", "notify_deliveries_message (provider=? AND provider_message_id=?)"),
        ("devices.cancel", "notify_deliveries_target (tenant_id=? AND target=?)"),
        ("retention.old", "notify_notifications_age (created_at_ms<?)"),
    ],
)
def test_the_index_meant_for_it_is_used_as_far_as_it_goes(db: sqlite3.Connection, name: str, search: str) -> None:
    assert any(search in step for step in plan(db, STATEMENTS[name]))


def test_states_in_the_sql_are_the_domains() -> None:
    texts = [*STATEMENTS.values(), *(step.sql for step in known())]
    lists = {found for text in texts for found in re.findall(r"state IN \(('.*?')\)", text)}
    sets = {frozenset(DeliveryState(state.strip("' ")) for state in found.split(",")) for found in lists}
    assert sets == {WAITING, HELD, OPEN, RETRYABLE_BY_OPERATOR, WAITING | {DeliveryState.LEASED}}


class TestFiles:
    def test_statements_are_named_and_lose_their_comments(self) -> None:
        text = "-- a file\n-- name: one\n-- why\nSELECT 1;\n\n-- name: two\nSELECT\n  2\n"
        assert parse_statements(text) == {"one": "SELECT 1", "two": "SELECT\n  2"}

    def test_an_earlier_one_can_be_included(self) -> None:
        assert parse_statements("-- name: a\nx, y\n-- name: b\nSELECT {a}\n")["b"] == "SELECT x, y"

    def test_an_unknown_include_and_a_name_used_twice_are_refused(self) -> None:
        with pytest.raises(KeyError):
            parse_statements("-- name: a\nSELECT {b}\n-- name: b\nx\n")
        with pytest.raises(ValueError, match="called a"):
            parse_statements("-- name: a\nSELECT 1\n-- name: a\nSELECT 2\n")
