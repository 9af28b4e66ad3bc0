"""Every statement is a few index searches, whatever the planner believes about the tables."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest
from psycopg import sql

from notify_grpc.domain.models import Channel, Content
from notify_grpc.ports.store import Notice, Recipient
from notify_grpc.stores.postgres import migrate
from notify_grpc.stores.postgres.arrays import Bigints, Texts, Uuids
from notify_grpc.stores.postgres.create import Batch
from notify_grpc.stores.postgres.pool import PLANNER
from notify_grpc.stores.postgres.queries import load
from tests.postgres.filling import fill, fill_deliveries

EACH = 2_000
USERS = int(os.environ.get("NOTIFY_TEST_PLAN_ROWS", "40_000")) // EACH
FEW = 20
"""What a statement is asked for; it must not touch many times as many rows."""
_TOUCHED = 15 * FEW
_PARAMETER = re.compile(rb"%\((\w+)\)s")
_STARTS = (b"SELECT", b"WITH", b"INSERT", b"UPDATE", b"DELETE")
_TYPES = {int: "bigint", str: "text", Bigints: "bigint[]", Texts: "text[]", Uuids: "uuid[]"}
USER = {"tenant_id": "acme", "user_id": "user-0000007"}
ID = "0197734c-a400-7000-8000-000000000007"
DELIVERY = "01970000-0000-7000-9000-000000000007"
NEW = Batch(
    [Notice("acme", "new", Content("t"), (Channel.IN_APP,), tuple(Recipient(f"user-{n:07}") for n in range(FEW)), 1)]
)
CALL = "00000000-0000-0000-0000-000000000000"
FAR_ID = "ffffffff-ffff-7000-8000-000000000000"
LEASES = {"ids": Uuids([DELIVERY]), "fences": Bigints([0]), "lease_ms": 1, "due_in_ms": 1}
PAGE = {"before": EACH, "since": EACH // 2, "limit": FEW, "after": ""}
FILTER = {"states": Texts(), "channels": Texts(), "created_before_ms": 0, "after": CALL}
DEVICE = {"device_type": "browser", "device_id": "d", "token": "t", "channel": "web_push", "target": "t", "at_ms": 1}
REPORT = {"state": "acked", "provider": "p", "message_id": "m", "error_class": "", "error_code": "", "error": ""}
OUTCOME = {
    **{name: Texts(["failed"]) for name in ("states", "a_states")},
    **{name: Texts([""]) for name in ("providers", "message_ids", "error_classes", "error_codes", "errors")},
    **{name: Texts([""]) for name in ("a_owners", "a_providers", "a_error_classes", "a_error_codes", "a_errors")},
    **{name: Bigints([0]) for name in ("failures", "a_at_ms", "a_fences", "a_durations")},
    "due_in_ms": Bigints([0]),
    "a_places": Bigints([1]),
}
USERS_OF = {"tenant_ids": Texts(["acme"]), "user_ids": Texts([USER["user_id"]])}
PARAMETERS: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "create": {"create": NEW.statement().params},
    "inboxes": {
        "get": {"id": ID, **USER},
        "list_page": PAGE | USER,
        "list_unread_page": PAGE | USER,
        "list_changes": PAGE | USER,
        "list_recipients": PAGE | {"call_key": CALL},
        "list_some_recipients": PAGE | {"call_key": CALL, "user_ids": Texts(["user-0000007"])},
        "get_inboxes": USERS_OF,
        "lock": USER,
        "mark_read": {"id": ID, "at_ms": 1, **USER},
        "get_with_inbox": {"id": ID, **USER},
        "mark_all_read": {"limit": FEW, "at_ms": 1, **USER},
        "get_inbox": USER,
        "mark_delivered": {"ids": Uuids([ID]), "at_ms": 1, **USERS_OF},
    },
    "devices": {
        "lock_token": USER | DEVICE,
        "take_token": USER | DEVICE,
        "upsert": USER | DEVICE,
        "list": {"tenant_id": "acme", "user_ids": Texts(["user-0000007"])},
        "remove": USER | DEVICE,
        "remove_token": USER | DEVICE,
        "remove_all": USER,
    },
    "deliveries": {
        "claim": {
            "owner": "me",
            "limit": FEW,
            "lease_ms": 1,
            "channels": Texts(["email"]),
            "per_tenant": FEW,
            "after": "",
        },
        "start_sending": LEASES,
        "renew": LEASES,
        "release": LEASES,
        "finish": LEASES | OUTCOME,
        "sweep": {"limit": FEW, "parking": Texts(["sms"])},
        "abandon": {"ids": Uuids([DELIVERY]), "state": "expired", "error_class": "misconfigured", "error_code": ""},
        "get": {"id": DELIVERY},
        "attempts": {"ids": Uuids([DELIVERY])},
        "list_of": {"refs": Uuids([ID])},
        "list_all": FILTER | {"limit": FEW},
        "list_of_tenant": FILTER | {"limit": FEW, "tenant_id": "acme"},
        "list_stuck": FILTER | {"limit": FEW, "tenant_id": "", "states": Texts(["failed", "parked"])},
        "retry": {"id": DELIVERY, "from_states": Texts(["failed"])},
        "report": REPORT | {"id": DELIVERY, "from_states": Texts(["delivered"])},
        "report_message": REPORT | {"from_states": Texts(["delivered"])},
        "due_stats": {"after": "", "bound": FEW},
    },
    "recovery": {
        "renew_epochs": {"after_tenant": "", "after_user": "", "limit": FEW},
    },
    "retention": {
        "old": {"after": CALL, "before": FAR_ID, "limit": FEW},
        "unserved": {"after": CALL, "before": FAR_ID, "limit": FEW, "channels": Texts(["sms"])},
        "of_user": {"limit": FEW, **USER},
        "lock_inboxes": USERS_OF,
        "remove": {"ids": Uuids([ID])},
        "lock_contents": {"locks": Bigints([1])},
        "remove_contents": {"call_keys": Uuids([CALL]), "hashes": Uuids([CALL])},
        "remove_inbox": USER,
    },
}
NAMES = [(file, name) for file, statements in PARAMETERS.items() for name in statements]


def test_no_statement_is_left_out() -> None:
    for file, statements in PARAMETERS.items():
        whole = {name for name, text in load(file).items() if text.startswith(_STARTS)}
        assert whole == set(statements)


@dataclass
class Planned:
    """A session that prepared every statement while the tables were empty, as a server that boots first does."""

    connection: psycopg.AsyncConnection[Any]
    arguments: dict[tuple[str, str], list[Any]] = field(default_factory=dict)

    async def prepare(self) -> None:
        await self.connection.execute("DEALLOCATE ALL")
        for file, name in NAMES:
            given = PARAMETERS[file][name]
            text = load(file)[name]
            used = [found.decode() for found in dict.fromkeys(_PARAMETER.findall(text))]
            types = ", ".join(_TYPES[type(given[one])] for one in used)
            body = _numbered(text, used)
            head = f"PREPARE {file}_{name} {f'({types})' if used else ''} AS ".encode()
            await self.connection.execute(head + body.replace(b"%%", b"%"))
            self.arguments[file, name] = [given[one] for one in used]

    async def wrong(self) -> dict[tuple[str, str], list[dict[str, Any]]]:
        """What is wrong, by statement."""
        found = {key: list(_wrong(await self.plan(*key))) for key in NAMES}
        return {key: scans for key, scans in found.items() if scans}

    async def plan(self, file: str, name: str) -> dict[str, Any]:
        """The plan it runs by, with what it really touched; what it wrote is taken back."""
        values = sql.SQL(", ").join(map(_literal, self.arguments[file, name]))
        call = sql.SQL("({})").format(values) if self.arguments[file, name] else sql.SQL("")
        execute = sql.SQL("EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE {}{}").format(sql.Identifier(f"{file}_{name}"), call)
        async with self.connection.transaction(force_rollback=True):
            [[[plan]]] = await (await self.connection.execute(execute)).fetchall()
        return dict(plan["Plan"])


def _numbered(text: bytes, names: list[str]) -> bytes:
    """``%(name)s`` as ``$1``, as the driver sends it."""
    return _PARAMETER.sub(lambda found: b"$%d" % (names.index(found[1].decode()) + 1), text)


def _literal(value: Any) -> sql.Composable:
    if isinstance(value, list):
        return sql.SQL("{}::{}").format(sql.Literal(list(value)), sql.SQL(_TYPES[type(value)]))
    return sql.Literal(value)


def _scans(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if plan.get("Relation Name", "").startswith("notify_") and "Scan" in plan["Node Type"]:
        yield plan
    for part in plan.get("Plans", []):
        yield from _scans(part)


def _wrong(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Scans that are no index search, or touch more rows than were asked for."""
    for scan in _scans(plan):
        rows = (scan["Actual Rows"] + scan.get("Rows Removed by Filter", 0)) * scan["Actual Loops"]
        if scan["Node Type"] not in ("Index Scan", "Index Only Scan") or rows > _TOUCHED:
            yield {key: value for key, value in scan.items() if key != "Plans"}


@pytest.fixture
async def planned(postgres_dsn: str) -> AsyncIterator[Planned]:
    await migrate(postgres_dsn)
    # Without prepared statements of the driver's own: it deallocates all of them after a rollback, ours too.
    connecting = psycopg.AsyncConnection.connect(postgres_dsn, autocommit=True, prepare_threshold=None)
    async with await connecting as connection:
        for name, value in PLANNER.items():
            await connection.execute(sql.SQL("SET {} = {}").format(sql.Identifier(name), sql.Literal(value)))
        await connection.execute("ANALYZE")
        yield Planned(connection)


@pytest.mark.timeout(60 + USERS)
async def test_plans_of_empty_just_grown_and_known_tables(planned: Planned) -> None:
    await planned.prepare()
    assert await planned.wrong() == {}  # and generic plans are made now, of empty tables
    await fill(planned.connection, users=USERS, each=EACH)
    await fill_deliveries(planned.connection, 20_000, tenant_id="acme")
    await fill_deliveries(planned.connection, 10_000, tenant_id="bravo", start=100_000)
    await fill_deliveries(planned.connection, 5_000, tenant_id="acme", start=200_000, state="failed")
    assert await planned.wrong() == {}
    await planned.connection.execute("ANALYZE")
    await planned.prepare()
    assert await planned.wrong() == {}
