"""Server reflection under its current and its alpha name, whose messages are the same."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any, cast

import grpc
from google.protobuf import text_format
from google.protobuf.descriptor import FileDescriptor, ServiceDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_reflection.v1alpha import reflection_pb2 as pb
from grpc_reflection.v1alpha.reflection import aio

from notify_grpc.rpc.draining import Draining
from notify_grpc.rpc.handlers import PACKAGE, PUBLIC_PACKAGE, Context, decode, full_names

SERVICE = cast(ServiceDescriptor, pb.DESCRIPTOR.services_by_name["ServerReflection"])
REFLECTION_PACKAGES = ("grpc.reflection.v1", "grpc.reflection.v1alpha")


class Reflection:
    """Describes a server's services: the contract's under both of its packages, the others by their own names."""

    def __init__(self, contract: ServiceDescriptor, others: Sequence[ServiceDescriptor], draining: Draining) -> None:
        names = [*full_names(contract), *(service.full_name for service in others)]
        self._servicer: Any = aio.ReflectionServicer(names, pool=_pool([contract, *others]))
        self._draining = draining

    async def server_reflection_info(self, _: None, context: Context) -> None:
        """Answer until the caller has no more questions, or the server stops."""
        await self._draining.until_begun(self._answer(context))

    async def _answer(self, context: Context) -> None:
        async for response in self._servicer.ServerReflectionInfo(_requests(context), context):
            await context.write(response.SerializeToString())


async def _requests(context: Context) -> AsyncIterator[pb.ServerReflectionRequest]:
    while (raw := await context.read()) is not grpc.aio.EOF:
        yield decode(pb.ServerReflectionRequest, raw)


def _pool(services: Iterable[ServiceDescriptor]) -> DescriptorPool:
    """Every file these need; the contract's a second time, as the public contract's."""
    pool = DescriptorPool()
    files: dict[str, FileDescriptor] = {}
    for service in services:
        _collect(service.file, files)
    for file in files.values():
        pool.AddSerializedFile(file.serialized_pb)
    for file in files.values():
        if file.package == PACKAGE:
            pool.AddSerializedFile(_renamed(file).SerializeToString())
    return pool


def _collect(file: FileDescriptor, files: dict[str, FileDescriptor]) -> None:
    """Dependencies first, each once."""
    if file.name not in files:
        for dependency in file.dependencies:
            _collect(dependency, files)
        files[file.name] = file


def _renamed(file: FileDescriptor) -> FileDescriptorProto:
    """The same file as the public package has it, with its own name and references changed."""
    proto = FileDescriptorProto()
    file.CopyToProto(proto)
    text = text_format.MessageToString(proto)
    for separator in "./":
        text = text.replace(PACKAGE.replace(".", separator), PUBLIC_PACKAGE.replace(".", separator))
    return text_format.Parse(text, FileDescriptorProto())
