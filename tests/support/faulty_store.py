"""A store that fails, or stops, where a test says so."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Awaitable, Callable
from typing import Any, cast

from notify_grpc.ports.store import Store


class FaultyStore:
    """Passes every call on. ``before`` and ``after`` hold errors to raise around the next calls of a method.

    An error raised ``after`` is a commit whose answer was lost.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self.before: defaultdict[str, deque[Exception]] = defaultdict(deque)
        self.after: defaultdict[str, deque[Exception]] = defaultdict(deque)
        self.down: Exception | None = None
        """While set, every call raises it."""
        self.calls: Counter[str] = Counter()
        self.first: dict[str, Callable[[], Awaitable[object]]] = {}
        """What to await before a method is called."""

    def as_store(self) -> Store:
        """This, as what it stands for."""
        return cast(Store, self)

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)
        if not callable(method):
            return method

        async def call(*args: Any, **kwargs: Any) -> Any:
            self.calls[name] += 1
            if name in self.first:
                await self.first[name]()
            for error in (self.down, self.before[name].popleft() if self.before[name] else None):
                if error is not None:
                    raise error
            answer = await method(*args, **kwargs)
            if self.after[name]:
                raise self.after[name].popleft()
            return answer

        return call
