"""The one place where what psycopg raises becomes one of the domain's errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from psycopg import Error, InterfaceError, InternalError, OperationalError, ProgrammingError, errors
from psycopg.conninfo import conninfo_to_dict
from psycopg_pool import PoolClosed, PoolTimeout, TooManyRequests

from notify_grpc.domain.errors import NotifyError, OutcomeUnknown, ResourceExhausted, Unavailable

RACES = (errors.SerializationFailure, errors.DeadlockDetected, errors.UniqueViolation)
"""Lost against another transaction; nothing is stored, and another try sees what the other one did."""
_GONE = (
    errors.AdminShutdown,
    errors.CrashShutdown,
    errors.CannotConnectNow,
    errors.IdleInTransactionSessionTimeout,
)


@contextmanager
def translated(*, writing: bool = False) -> Iterator[None]:
    """Raise the domain's errors. When ``writing``, a lost connection may have lost the answer of a commit."""
    try:
        yield
    except Error as exc:
        raise translate(exc, writing=writing) from exc


def translate(exc: Error, *, writing: bool) -> NotifyError | Error:
    """The domain's error for one of psycopg's; a defect of ours stays what it is. Nothing of its text goes on."""
    if isinstance(exc, PoolClosed):
        return Unavailable("the store is closed")
    if isinstance(exc, TooManyRequests):
        return ResourceExhausted("too many calls wait for the database")
    if isinstance(exc, PoolTimeout):
        return Unavailable("no connection to the database was free in time")
    if is_lost(exc):
        if writing:
            return OutcomeUnknown("the connection to the database was lost; the write may be stored")
        return Unavailable("the connection to the database was lost")
    if isinstance(exc, RACES):
        return Unavailable("too many writes to the same rows")
    if isinstance(exc, (OperationalError, InternalError)):
        return Unavailable("the database cannot do this now")
    return exc


def unreachable(exc: Error) -> Unavailable:
    """When connecting at boot: libpq names the server and what is wrong, and no password."""
    return Unavailable(f"PostgreSQL cannot be reached: {str(exc).splitlines()[0]}")


def is_lost(exc: BaseException) -> bool:
    """Whether the connection is gone: the server was stopped, or nothing was heard from it."""
    if isinstance(exc, (PoolTimeout, TooManyRequests)):
        return False
    return isinstance(exc, _GONE) or (isinstance(exc, (OperationalError, InterfaceError)) and not exc.sqlstate)


def is_dsn(text: str) -> bool:
    """Whether libpq can read a connection string. What it says of one it cannot read may quote a password."""
    try:
        conninfo_to_dict(text)
    except ProgrammingError:
        return False
    return True
