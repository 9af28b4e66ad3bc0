"""One suite that every store driver passes, wrapped drivers too: one file per behaviour, all of them in `StoreSuite`.

A driver hooks in with a file of its own beside this folder:

    class TestMemoryStore(StoreSuite):
        @pytest.fixture
        def database(self) -> Database:
            return Clocked(MemoryStore)

`Clocked` fits a driver that is given a clock: it turns a ManualClock. A driver whose clock is the database's subclasses
`Database` instead: `connect()` gives one more unopened instance over the same data, `advance(seconds)` sets that clock
forward (or moves every stored due time, lease and expiry back), `now_ms()` tells it. No test waits for time to pass.
The fixture may be async, take other fixtures, and yield to clean up. The data is empty at the start of each test.

A wrapper passes by `Database.connect` returning the wrapped store: `Clocked(lambda clock: Traced(MemoryStore(clock)))`.

Nothing is skipped: `Capabilities` says what a driver cannot do, and the suite asserts just that (life_cycle.py). Where
the driver serves one process, `other` is the same instance as `store`.
"""

from __future__ import annotations

from tests.conformance.store.database import Clocked, Database
from tests.conformance.store.suite import StoreSuite

__all__ = ["Clocked", "Database", "StoreSuite"]
