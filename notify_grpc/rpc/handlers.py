"""From a service of the contract to gRPC handlers.

gRPC tells four kinds of method apart; here all are one: a coroutine function of (request, context). Interceptors wrap
that function once, when the server is built: they know nothing of kinds, and a call pays only for what they do in it.
gRPC is given bytes: a message is decoded only after every interceptor let the call through, and one that cannot be is
answered like any wrong argument.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import grpc
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from notify_grpc.domain.errors import InvalidArgument

PACKAGE = "notify.v1"
PUBLIC_PACKAGE = "elloloop.notify.v1"
"""The public contract's package."""
PACKAGES = (PACKAGE, PUBLIC_PACKAGE)
"""Clients find the same methods under both."""

Context = grpc.aio.ServicerContext[Any, Any]
Behaviour = Callable[[Any, Context], Awaitable[Any]]
"""Takes the request, or None where requests stream in; returns the response, or None where responses stream out."""
M = TypeVar("M", bound=Message)


@dataclass(frozen=True, slots=True)
class Method:
    """One method of the contract. ``label`` is ``service/method`` and the same under every package."""

    label: str
    name: str
    requests_stream: bool
    responses_stream: bool


class Interceptor(Protocol):
    """Something every call of a server goes through."""

    def intercept(self, method: Method, behaviour: Behaviour) -> Behaviour:
        """The behaviour to use instead: a real ``async def`` function. CancelledError must pass untouched."""
        ...


class Handlers(grpc.GenericRpcHandler):
    """Handlers by path."""

    def __init__(self, by_path: Mapping[str, grpc.RpcMethodHandler[Any, Any]]) -> None:
        self._by_path = by_path

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[Any, Any] | None:
        return self._by_path.get(handler_call_details.method)


def service_handlers(
    service: ServiceDescriptor,
    servicer: object,
    interceptors: Sequence[Interceptor],
    packages: Sequence[str] = PACKAGES,
) -> Handlers:
    """Every method of ``service``, under each package; ``servicer`` has a coroutine method for each, in snake_case.

    The first interceptor is the outermost. A servicer's streams read and write bytes.
    """
    paths = [f"/{name}" for name in full_names(service, packages)]
    handlers = {m.name: _handler(m, servicer, interceptors) for m in service.methods}
    return Handlers({f"{path}/{name}": handler for path in paths for name, handler in handlers.items()})


def decode(message_type: type[M], raw: bytes) -> M:
    """A message of the wire. Raises InvalidArgument."""
    try:
        return message_type.FromString(raw)
    except DecodeError as exc:
        raise InvalidArgument("request", f"is not a valid {message_type.DESCRIPTOR.name} message") from exc


def full_names(service: ServiceDescriptor, packages: Sequence[str] = PACKAGES) -> list[str]:
    """The names a service answers to."""
    return [f"{package}.{service.name}" for package in packages]


def _wrap(method: Method, behaviour: Behaviour, interceptors: Sequence[Interceptor]) -> grpc.RpcMethodHandler[Any, Any]:
    for interceptor in reversed(interceptors):
        behaviour = interceptor.intercept(method, behaviour)
    kind: Any = {
        (False, False): grpc.unary_unary_rpc_method_handler,
        (False, True): grpc.unary_stream_rpc_method_handler,
        (True, False): grpc.stream_unary_rpc_method_handler,
        (True, True): grpc.stream_stream_rpc_method_handler,
    }[method.requests_stream, method.responses_stream]
    handler: grpc.RpcMethodHandler[Any, Any] = kind(behaviour)
    return handler


def _snake_case(name: str) -> str:
    """``MarkAllRead`` → ``mark_all_read``"""
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")


def _handler(
    descriptor: MethodDescriptor, servicer: object, interceptors: Sequence[Interceptor]
) -> grpc.RpcMethodHandler[Any, Any]:
    method = Method(
        f"{descriptor.containing_service.full_name}/{descriptor.name}",
        descriptor.name,
        descriptor.client_streaming,
        descriptor.server_streaming,
    )
    behaviour: Behaviour = getattr(servicer, _snake_case(descriptor.name))
    return _wrap(method, _of_bytes(GetMessageClass(descriptor.input_type), method, behaviour), interceptors)


def _of_bytes(request_type: type[Message], method: Method, behaviour: Behaviour) -> Behaviour:
    async def unary(raw: bytes, context: Context) -> bytes:
        response: Message = await behaviour(decode(request_type, raw), context)
        return response.SerializeToString()

    async def streaming_out(raw: bytes, context: Context) -> None:
        await behaviour(decode(request_type, raw), context)

    async def streaming_in(_: object, context: Context) -> None:
        await behaviour(None, context)

    if method.requests_stream:
        return streaming_in
    return streaming_out if method.responses_stream else unary
