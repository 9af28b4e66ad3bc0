"""What the page on PostgreSQL says about backups works on a real server, with its own tools."""

from __future__ import annotations

import os
from pathlib import Path

from notify_grpc.domain.models import Channel, Content, UserKey
from notify_grpc.ports.store import Notice, Recipient
from notify_grpc.stores.postgres import PostgresStore
from tests.support.page_runner import follow
from tests.support.pages import blocks
from tests.support.postgres import PostgresServer, fresh_database, programs

PAGE = Path(__file__).resolve().parents[2] / "docs" / "stores" / "postgres.md"
ADA = UserKey("acme", "ada")


async def test_a_dump_is_restored_with_new_epochs(
    postgres_server: PostgresServer, own_postgres_dsn: str, clone: Path, reader_env: dict[str, str]
) -> None:
    restoring = [block for block in blocks(PAGE.read_text()) if "pg_dump" in block.text]
    store = PostgresStore(own_postgres_dsn)
    await store.open()
    await store.create(Notice(ADA.tenant_id, "n1", Content("Hello"), (Channel.IN_APP,), (Recipient(ADA.user_id),), 1))
    before = await store.list_changes(ADA, since=0, limit=10)
    await store.close()
    with fresh_database(postgres_server.dsn()) as new_dsn:
        path = f"{programs()}{os.pathsep}{reader_env['PATH']}"
        await follow(
            restoring, clone, reader_env | {"PATH": path, "NOTIFY_POSTGRES_DSN": own_postgres_dsn, "NEW_DSN": new_dsn}
        )
        restored = PostgresStore(new_dsn, automigrate=False)
        await restored.open()
        after = await restored.list_changes(ADA, since=0, limit=10)
        await restored.close()
    assert after.notifications == before.notifications
    assert after.inbox == before.inbox._replace(epoch=after.inbox.epoch)
    assert after.inbox.epoch != before.inbox.epoch
