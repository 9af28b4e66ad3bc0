"""Everything this service raises on purpose.

    NotifyError
    ├── InvalidArgument      a field is wrong; carries (field, description) pairs
    ├── Unauthenticated      no credential, or one that does not hold
    ├── PermissionDenied     a credential that is good, but not for this
    ├── NotFound             absent, or another user's: the same answer
    ├── FailedPrecondition   the state does not allow it
    ├── ResourceExhausted    a cap was reached; try later, or less
    ├── Unimplemented        switched off by configuration
    └── Unavailable          a dependency is down or too slow; retrying is safe
        └── OutcomeUnknown   a write may or may not be committed; retrying is safe

Messages are written for the caller: they name fields and limits, never internals. What a driver or a library raised
travels as ``__cause__`` and stays in the logs.
"""

from __future__ import annotations

from typing import NamedTuple


class NotifyError(Exception):
    """The root; a plain one is a defect."""


class FieldViolation(NamedTuple):
    """One wrong field, as in google.rpc.BadRequest."""

    field: str
    description: str


class InvalidArgument(NotifyError):
    """A request field is wrong."""

    def __init__(self, field: str, description: str, *more: FieldViolation) -> None:
        self.violations: tuple[FieldViolation, ...] = (
            FieldViolation(field, description),
            *more,
        )
        super().__init__("; ".join(f"{v.field}: {v.description}" for v in self.violations))

    @property
    def field(self) -> str:
        """The first field at fault."""
        return self.violations[0].field


class Unauthenticated(NotifyError):
    """No credential, or one that does not hold."""


class PermissionDenied(NotifyError):
    """A good credential, but not for this."""


class NotFound(NotifyError):
    """Absent, or not the caller's."""


class FailedPrecondition(NotifyError):
    """The state does not allow it."""


class ResourceExhausted(NotifyError):
    """A cap was reached."""


class Unimplemented(NotifyError):
    """Switched off by configuration."""


class Unavailable(NotifyError):
    """A dependency is down or too slow; retrying is safe."""


class OutcomeUnknown(Unavailable):
    """A write may or may not be committed; retrying is safe."""
