"""Presence by expiring keys.

``notify:instance:<instance>`` lives for the time to live and is renewed. ``notify:sessions:<n>:<tenant>:<user>`` (n:
the tenant's length, so that no two users share a key) maps each session to its device type and instance. A session
counts while its instance's key exists; sessions of dead instances are removed by whoever finds them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from typing import NamedTuple, cast

from redis.exceptions import RedisError

from notify_grpc.buses.announcer import Announcer
from notify_grpc.buses.redis.bus import redis_client
from notify_grpc.domain.clock import Clock, SystemClock
from notify_grpc.domain.errors import Unavailable
from notify_grpc.domain.models import DeviceType, UserKey
from notify_grpc.ports.bus import LiveSession, UserPresence

_USER_TTL_S = 7 * 86_400
"""Longer than any stream lives; only forgets users whose instance died unnoticed."""


def _user_key(user: UserKey) -> str:
    return f"notify:sessions:{len(user.tenant_id)}:{user.tenant_id}:{user.user_id}"


def _instance_key(instance: str) -> str:
    return f"notify:instance:{instance}"


class _Found(NamedTuple):
    """One session read from Redis."""

    user: UserKey
    session_id: str
    device_type: str
    instance: str


def _presence(sessions: Sequence[_Found]) -> UserPresence:
    device_types = frozenset(DeviceType(s.device_type) for s in sessions)
    return UserPresence(len(sessions), len({s.instance for s in sessions}), device_types)


class RedisPresenceBackend:
    """Every method is one or two round trips, whatever the number of sessions or users."""

    def __init__(self, url: str, instance: str, ttl_s: float) -> None:
        self._client = redis_client(url)
        self._instance = instance
        self._ttl_ms = round(ttl_s * 1_000)
        self._written: dict[str, UserKey] = {}

    async def renew(self) -> bool:
        [known, _] = await self._run(
            ("EXISTS", _instance_key(self._instance)), ("SET", _instance_key(self._instance), "", "PX", self._ttl_ms)
        )
        return bool(known)

    async def write(self, opened: Sequence[LiveSession], closed: Sequence[LiveSession]) -> None:
        commands: list[tuple[str | int, ...]] = []
        for session in opened:
            key = _user_key(session.user)
            commands.append(("HSET", key, session.session_id, f"{session.device_type.value} {self._instance}"))
            commands.append(("EXPIRE", key, _USER_TTL_S))
        commands += [("HDEL", _user_key(s.user), s.session_id) for s in closed]
        self._written.update((s.session_id, s.user) for s in opened)  # first: a lost answer may have been a yes
        await self._run(*commands)
        for session in closed:
            self._written.pop(session.session_id, None)

    async def withdraw(self) -> None:
        sessions = [("HDEL", _user_key(user), session_id) for session_id, user in self._written.items()]
        await self._run(("DEL", _instance_key(self._instance)), *sessions)
        self._written.clear()

    async def find(self, users: Sequence[UserKey]) -> Mapping[UserKey, UserPresence]:
        hashes = await self._run(*(("HGETALL", _user_key(user)) for user in users))
        found = [
            _Found(user, session_id, *value.split(" ", 1))
            for user, fields in zip(users, cast("list[dict[str, str]]", hashes), strict=True)
            for session_id, value in fields.items()
        ]
        living = await self._living({f.instance for f in found})
        await self._run(*(("HDEL", _user_key(f.user), f.session_id) for f in found if f.instance not in living))
        online: dict[UserKey, list[_Found]] = {}
        for one in found:
            if one.instance in living:
                online.setdefault(one.user, []).append(one)
        return {user: _presence(sessions) for user, sessions in online.items()}

    async def _living(self, instances: set[str]) -> set[str]:
        names = list(instances)
        exist = await self._run(*(("EXISTS", _instance_key(name)) for name in names))
        return {name for name, exists in zip(names, exist, strict=True) if exists}

    async def close(self) -> None:
        await self._client.aclose()

    async def _run(self, *commands: tuple[str | int, ...]) -> list[object]:
        if not commands:
            return []
        try:
            async with self._client.pipeline(transaction=False) as pipeline:
                for command in commands:
                    pipeline.execute_command(*command)
                return await cast("Awaitable[list[object]]", pipeline.execute())
        except (RedisError, OSError, TimeoutError) as exc:
            raise Unavailable("presence cannot be looked up now") from exc


class RedisPresence(Announcer):
    """A ports.bus.Presence; ``ttl_s`` after an instance's death its sessions are gone."""

    def __init__(self, url: str, instance: str, *, ttl_s: float = 30.0, clock: Clock = SystemClock()) -> None:
        super().__init__(RedisPresenceBackend(url, instance, ttl_s), ttl_s, clock=clock)
