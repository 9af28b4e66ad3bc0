"""Wake-ups by LISTEN/NOTIFY, presence in two unlogged tables."""

from notify_grpc.buses.postgres.bus import PostgresBus
from notify_grpc.buses.postgres.presence import PostgresPresence

__all__ = ["PostgresBus", "PostgresPresence"]
