"""The bus of one process. Several Notifiers of a process may share one hub; alone, nobody is listening."""

from __future__ import annotations

from collections.abc import Sequence

from notify_grpc.ports.bus import BusListener, DataChange, SessionSignal, Wake


class LocalHub:
    """Where the buses of one process meet."""

    def __init__(self) -> None:
        self.listeners: dict[LocalBus, BusListener] = {}


class LocalBus:
    """A ports.bus.Bus that delivers at once."""

    reconnects = 0

    def __init__(self, hub: LocalHub | None = None) -> None:
        self._hub = hub or LocalHub()

    @property
    def connected(self) -> bool:
        return self in self._hub.listeners

    @property
    def shared(self) -> bool:
        return len(self._hub.listeners) > 1

    async def open(self, listener: BusListener) -> None:
        self._hub.listeners[self] = listener

    async def close(self) -> None:
        self._hub.listeners.pop(self, None)

    def publish_wakes(self, wakes: Sequence[Wake]) -> None:
        for other in self._others():
            other.on_wakes(wakes)

    def publish_data_change(self, change: DataChange) -> None:
        for other in self._others():
            other.on_data_change(change)

    def publish_signal(self, signal: SessionSignal) -> None:
        for other in self._others():
            other.on_signal(signal)

    def _others(self) -> list[BusListener]:
        return [listener for bus, listener in self._hub.listeners.items() if bus is not self]
