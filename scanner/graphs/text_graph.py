"""Reads a TensorFlow graph in text form by protobuf's own parser, as far as it is looked at.

>>> parse_text('node { name: "r" op: "ReadFile" }')[0]
<GraphKind.GRAPH: 'GraphDef'>

Source: protobuf.dev, "Text Format Language Specification"; field numbers as in `scanner.graphs.tensorflow`.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Final

from scanner.errors import ScanError
from scanner.graphs.tensorflow import GraphKind

if TYPE_CHECKING:
    from google.protobuf.message import Message

# Text takes ten times as long to read as bytes; a dense megabyte takes two seconds.
LIMIT_BYTES: Final = 4 * 1024**2
# What each message holds of what is looked at: name, number, and type; "*" for many.
_MESSAGES: Final = {
    "SavedModel": "saved_model_schema_version=1:int meta_graphs=2:*MetaGraphDef",
    "MetaGraphDef": "graph_def=2:GraphDef asset_file_def=6:*AssetFileDef object_graph_def=7:SavedObjectGraph",
    "AssetFileDef": "tensor_info=1:TensorInfo filename=2:text",
    "TensorInfo": "name=1:text",
    "SavedObjectGraph": "nodes=1:*SavedObject",
    "SavedObject": "user_object=4:SavedUserObject",
    "SavedUserObject": "identifier=1:text metadata=3:text",
    "GraphDef": "node=1:*NodeDef library=2:FunctionDefLibrary",
    "FunctionDefLibrary": "function=1:*FunctionDef",
    "FunctionDef": "signature=1:OpDef node_def=3:*NodeDef",
    "OpDef": "name=1:text",
    "NodeDef": "name=1:text op=2:text input=3:*text attr=5:*AttrEntry",
    "AttrEntry": "key=1:text value=2:AttrValue",
    "AttrValue": "list=1:ListValue s=2:bytes b=5:bool tensor=8:TensorProto",
    "ListValue": "s=2:*bytes b=5:*bool",
    "TensorProto": "tensor_content=4:bytes string_val=8:*bytes variant_val=15:*VariantTensorDataProto",
    "VariantTensorDataProto": "type_name=1:text",
}
# Fields that all have to be named for a text to be of a kind.
_KINDS: Final = (
    ((re.compile(r"\bmeta_graphs\b"),), GraphKind.SAVED_MODEL),
    ((re.compile(r"\bgraph_def\b"),), GraphKind.META_GRAPH),
    ((re.compile(r"\bnode(_def)?\b"), re.compile(r"\bop\s{0,100}:")), GraphKind.GRAPH),
)


class TextGraphError(ScanError):
    """The text is no message that can be read."""


def kind_of_text(text: str) -> GraphKind | None:
    """Which graph the text is by the fields that it names; None when it is none."""
    return next((kind for fields, kind in _KINDS if all(each.search(text) for each in fields)), None)


def parse_text(text: str, kind: GraphKind | None = None) -> tuple[GraphKind, bytes]:
    """The same message in bytes, of this kind or the one that its fields say.

    Raises:
        TextGraphError: when it is no message of a graph.
    """
    from google.protobuf import text_format

    kind = kind or kind_of_text(text)
    if kind is None:
        raise TextGraphError("it names none of the fields of a graph")
    message = _messages()[kind.value]()
    try:
        text_format.Parse(text, message, allow_unknown_extension=True, allow_unknown_field=True)
    except (text_format.ParseError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())[:120].encode("ascii", "backslashreplace").decode()
        raise TextGraphError(f"it is no text of a {kind.value}: {reason}") from error
    return kind, message.SerializeToString()


@functools.cache
def _messages() -> dict[str, type[Message]]:
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    file = descriptor_pb2.FileDescriptorProto(
        name="weighbridge_graph.proto", package="weighbridge", syntax="proto2"
    )
    scalar = descriptor_pb2.FieldDescriptorProto
    types = {
        "int": scalar.TYPE_INT64,
        "text": scalar.TYPE_STRING,
        "bytes": scalar.TYPE_BYTES,
        "bool": scalar.TYPE_BOOL,
    }
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for written in fields.split():
            field_name, number, kind = re.split("[=:]", written)
            is_many, kind = kind.startswith("*"), kind.removeprefix("*")
            label = scalar.LABEL_REPEATED if is_many else scalar.LABEL_OPTIONAL
            field = message.field.add(name=field_name, number=int(number), label=label)
            if kind in types:
                field.type = types[kind]
            else:
                field.type, field.type_name = scalar.TYPE_MESSAGE, f".weighbridge.{kind}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"weighbridge.{name}"))
        for name in ("SavedModel", "MetaGraphDef", "GraphDef")
    }
