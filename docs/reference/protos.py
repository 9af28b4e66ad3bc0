"""The API reference, from the comments in protos/."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
    MethodDescriptorProto,
)

from docs.reference.markdown import table

ORDER = ("internal_service", "client_service", "notification")
_PACKAGE, _MESSAGE, _ENUM, _SERVICE, _MEMBER = 2, 4, 5, 6, 2
"""Field numbers of descriptor.proto that make up a comment's path."""
_SCALARS = {
    number: name.removeprefix("TYPE_").lower()
    for name, number in FieldDescriptorProto.Type.items()
    if name not in ("TYPE_MESSAGE", "TYPE_ENUM", "TYPE_GROUP")
}
Place = tuple[int, ...]


def reference(folder: Path) -> str:
    """Every service, message and enumeration. Raises CalledProcessError if protoc refuses the files."""
    files = sorted(described(folder), key=lambda file: ORDER.index(Path(file.name).stem))
    return "\n\n".join(section for file in files for section in _File(file).sections())


def described(folder: Path) -> Sequence[FileDescriptorProto]:
    """The files of the contract with their comments, as protoc reads them."""
    with TemporaryDirectory() as scratch:
        out = Path(scratch) / "set.pb"
        names = sorted(str(file) for file in folder.glob("notify/v1/*.proto"))
        options = [f"-I{folder}", "--include_source_info", f"--descriptor_set_out={out}"]
        subprocess.run([sys.executable, "-m", "grpc_tools.protoc", *options, *names], check=True, capture_output=True)
        return FileDescriptorSet.FromString(out.read_bytes()).file


class _File:
    """One file as Markdown."""

    def __init__(self, file: FileDescriptorProto) -> None:
        self._file = file
        self._comments: dict[Place, str] = {
            tuple(place.path): " ".join(place.leading_comments.split()) for place in file.source_code_info.location
        }

    def sections(self) -> Iterator[str]:
        """Services, then messages, then enumerations, each in the file's order."""
        for i, service in enumerate(self._file.service):
            yield f"## {service.name}\n\n{self._comment(_SERVICE, i)}"
            rows = [self._method((_SERVICE, i, _MEMBER, j), m) for j, m in enumerate(service.method)]
            yield table(("method", "request", "response", "meaning"), rows)
        if not self._file.service:
            yield f"## Both\n\n{self._comment(_PACKAGE)}"
        for i, message in enumerate(self._file.message_type):
            yield self._message((_MESSAGE, i), message)
        for i, enum in enumerate(self._file.enum_type):
            yield self._enum((_ENUM, i), enum)

    def _comment(self, *path: int) -> str:
        return self._comments.get(path, "")

    def _method(self, path: Place, method: MethodDescriptorProto) -> list[str]:
        request, response = _link(method.input_type), _link(method.output_type)
        return [
            f"`{method.name}`",
            f"stream of {request}" if method.client_streaming else request,
            f"stream of {response}" if method.server_streaming else response,
            self._comment(*path),
        ]

    def _message(self, path: Place, message: DescriptorProto) -> str:
        parts = [f"### {message.name}", self._comment(*path)]
        rows = [self._field((*path, _MEMBER, i), message, field) for i, field in enumerate(message.field)]
        parts.append(table(("no.", "field", "type", "meaning"), rows) if rows else "No fields.")
        return "\n\n".join(part for part in parts if part)

    def _field(self, path: Place, message: DescriptorProto, field: FieldDescriptorProto) -> list[str]:
        meaning = self._comment(*path)
        if field.HasField("oneof_index"):
            meaning = f"(one of `{message.oneof_decl[field.oneof_index].name}`) {meaning}".strip()
        return [str(field.number), f"`{field.name}`", _type(message, field), meaning]

    def _enum(self, path: Place, enum: EnumDescriptorProto) -> str:
        rows = [
            [str(value.number), f"`{value.name}`", self._comment(*path, _MEMBER, i)]
            for i, value in enumerate(enum.value)
        ]
        parts = (f"### {enum.name}", self._comment(*path), table(("no.", "value", "meaning"), rows))
        return "\n\n".join(part for part in parts if part)


def _type(message: DescriptorProto, field: FieldDescriptorProto) -> str:
    entry = next((one for one in message.nested_type if field.type_name.endswith(f".{message.name}.{one.name}")), None)
    if entry is not None and entry.options.map_entry:
        key, value = (_type(entry, one) for one in entry.field)
        return f"map of {key} to {value}"
    name = _SCALARS.get(field.type) or _link(field.type_name)
    return f"list of {name}" if field.label == FieldDescriptorProto.LABEL_REPEATED else name


def _link(type_name: str) -> str:
    name = type_name.rpartition(".")[2]
    return f"[{name}](#{name.lower()})"
