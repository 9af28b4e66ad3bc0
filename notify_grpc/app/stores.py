"""Settings → store, bus and presence. A driver is imported only where it is chosen."""

from __future__ import annotations

from pathlib import Path

from notify_grpc.config import ConfigError, Settings
from notify_grpc.core.local_bus import LocalBus
from notify_grpc.domain.clock import Clock
from notify_grpc.ports.bus import Bus, Presence
from notify_grpc.ports.store import Store
from notify_grpc.ports.telemetry import Metrics


def make_store(settings: Settings, clock: Clock) -> Store:
    """The configured store, not opened yet. Raises ConfigError where its optional packages are missing."""
    if settings.store_driver == "memory":
        from notify_grpc.stores.memory import MemoryStore

        return MemoryStore(clock)
    if settings.store_driver == "sqlite":
        from notify_grpc.stores.sqlite import SqliteStore

        return SqliteStore(settings.sqlite_path, clock)
    if settings.store_driver == "postgres":
        from notify_grpc.stores.postgres import PostgresStore

        return PostgresStore(
            postgres_dsn(settings),
            automigrate=settings.postgres_automigrate,
            pool_max=settings.postgres_pool_max,
            pgbouncer=settings.postgres_pgbouncer,
        )
    return _entdb(settings)


def postgres_dsn(settings: Settings) -> str:
    """Where the postgres store is. Raises ConfigError where that cannot be read; its text is not in there."""
    return _readable_dsn("NOTIFY_POSTGRES_DSN", settings.postgres_dsn.get_secret_value())


def postgres_bus_dsn(settings: Settings) -> str:
    """Where the postgres bus is. Raises as ``postgres_dsn`` does."""
    own = settings.postgres_bus_dsn.get_secret_value()
    return _readable_dsn("NOTIFY_POSTGRES_BUS_DSN", own) if own else postgres_dsn(settings)


def _readable_dsn(variable: str, dsn: str) -> str:
    from notify_grpc.stores.postgres import is_dsn

    if not is_dsn(dsn):
        raise ConfigError([f"{variable} is not a connection string or URL of PostgreSQL"])
    return dsn


def _entdb(settings: Settings) -> Store:
    try:
        from notify_grpc.stores.entdb import EntDBStore
    except ModuleNotFoundError as exc:
        raise ConfigError(["NOTIFY_STORE_DRIVER=entdb needs: pip install 'notify-grpc[entdb]'"]) from exc
    return EntDBStore(
        settings.entdb_address,
        settings.entdb_tenant_id,
        api_key=settings.entdb_api_key.get_secret_value(),
        tls=settings.entdb_tls,
        tls_ca=_read(settings.entdb_tls_ca_file),
    )


def _read(path: str) -> bytes | None:
    if not path:
        return None
    try:
        return Path(path).read_bytes()
    except OSError as exc:
        raise ConfigError([f"NOTIFY_ENTDB_TLS_CA_FILE cannot be read: {exc.strerror}"]) from exc


def make_bus(settings: Settings, instance: str, metrics: Metrics) -> tuple[Bus, Presence | None]:
    """The bus and the presence that goes with it; presence None means this instance is the only one."""
    if settings.bus == "postgres":
        from notify_grpc.buses.postgres import PostgresBus, PostgresPresence

        dsn = postgres_bus_dsn(settings)
        return PostgresBus(dsn, instance, metrics=metrics), PostgresPresence(dsn, instance, ttl_s=settings.presence_ttl)
    if settings.bus == "redis":
        from notify_grpc.buses.redis import RedisBus, RedisPresence

        url = settings.redis_url.get_secret_value()
        return RedisBus(url, instance, metrics=metrics), RedisPresence(url, instance, ttl_s=settings.presence_ttl)
    return LocalBus(), None
