"""Who is calling is settled before a call's message is even decoded."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from notify_grpc.domain.errors import PermissionDenied
from notify_grpc.domain.models import UserKey
from notify_grpc.ports.auth import Authenticator, Principal
from notify_grpc.rpc.handlers import Behaviour, Context, Method

_caller: ContextVar[Principal | None] = ContextVar("notify_caller", default=None)


class Authentication:
    """Lets a call through only with a Principal, which the call then finds in its context."""

    def __init__(self, authenticator: Authenticator) -> None:
        self._authenticator = authenticator

    def intercept(self, method: Method, behaviour: Behaviour) -> Behaviour:
        authenticate = self._authenticator.authenticate

        async def authenticated(request: Any, context: Context) -> Any:
            metadata: Any = context.invocation_metadata()
            _caller.set(await authenticate(dict(metadata)))
            return await behaviour(request, context)

        return authenticated


def caller() -> Principal | None:
    """This call's Principal; None before it is known, and where none is needed."""
    return _caller.get()


def recipient() -> UserKey:
    """The scope of the recipient who is calling. Raises PermissionDenied for anybody else."""
    principal = _caller.get()
    if principal is None or principal.user is None:
        raise PermissionDenied("only recipients may do this")
    return principal.user
