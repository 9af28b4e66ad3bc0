"""Wake-ups by pub/sub over several channels, presence by expiring keys."""

from notify_grpc.buses.redis.bus import RedisBus
from notify_grpc.buses.redis.presence import RedisPresence

__all__ = ["RedisBus", "RedisPresence"]
