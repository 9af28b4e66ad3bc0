"""Wake-ups between instances, and presence. Lossy by contract: the store is the truth."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from notify_grpc.domain.models import DeviceType, UserKey


class Wake(NamedTuple):
    """A user's inbox reached this change_seq."""

    user: UserKey
    epoch: int
    seq: int


@dataclass(frozen=True, slots=True)
class DataChange:
    """Something clients show has changed; a hint that is repeated until acknowledged."""

    users: tuple[UserKey, ...]
    idempotency_key: str
    subject_ref: str
    subject_type: str


class SessionSignal(NamedTuple):
    """A recipient's call about one of their sessions that lives on another instance."""

    user: UserKey
    session_id: str
    acked_key: str = ""
    """The data change they acknowledged."""
    expires_at_ms: int = 0
    """The end of the fresh credential they showed (RefreshStream)."""


class BusListener(Protocol):
    """What an instance does with what it hears. Called on the event loop; must not block or raise."""

    def on_wakes(self, wakes: Sequence[Wake]) -> None: ...

    def on_data_change(self, change: DataChange) -> None: ...

    def on_signal(self, signal: SessionSignal) -> None: ...

    def on_gap(self) -> None:
        """Messages may have been lost (reconnected): check every session against the store."""
        ...


class Bus(Protocol):
    """Carries wake-ups to the *other* instances; never echoes to the sender.

    Publishing never blocks, fails or waits: it appends to a bounded buffer that a task sends coalesced; what does not
    fit or cannot be sent is dropped (and counted). A bus that is down is logged once per outage and reconnects by
    itself, then calls ``on_gap``.
    """

    async def open(self, listener: BusListener) -> None:
        """Start listening. Does not fail when the bus is down: it keeps trying."""
        ...

    async def close(self) -> None:
        """Send what is buffered if that is quick, stop. Idempotent, safe before open."""
        ...

    def publish_wakes(self, wakes: Sequence[Wake]) -> None: ...

    def publish_data_change(self, change: DataChange) -> None: ...

    def publish_signal(self, signal: SessionSignal) -> None: ...

    @property
    def shared(self) -> bool:
        """Whether other instances may be listening; False for `local`."""
        ...

    @property
    def reconnects(self) -> int:
        """Times the connection was lost and made again."""
        ...

    @property
    def connected(self) -> bool: ...


class LiveSession(NamedTuple):
    """One live stream, as presence sees it."""

    user: UserKey
    session_id: str
    device_type: DeviceType


class UserPresence(NamedTuple):
    """Where a user is online."""

    sessions: int
    instances: int
    device_types: frozenset[DeviceType]


OFFLINE = UserPresence(0, 0, frozenset())


class Presence(Protocol):
    """Which users have live sessions, over all instances. An instance that dies is forgotten after the time to live."""

    async def open(self, sessions: Callable[[], Collection[LiveSession]]) -> None:
        """Start; ``sessions`` gives this instance's sessions whenever entries are renewed (at a third of the time to
        live).
        """
        ...

    async def close(self) -> None:
        """Withdraw this instance's sessions, stop. Idempotent, safe before open."""
        ...

    def opened(self, session: LiveSession) -> None:
        """A session began; never blocks, never raises. Shown soon (≤ 1 s)."""
        ...

    def closed(self, session: LiveSession) -> None:
        """A session ended."""
        ...

    async def find(self, users: Sequence[UserKey]) -> Mapping[UserKey, UserPresence]:
        """Users online among these. Raises Unavailable."""
        ...
