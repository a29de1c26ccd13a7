r"""Tells what a file of a graph is by its bytes, and where these say nothing by its name.

Protobuf has no magic number: a message is recognised by which of its first fields hold what.

>>> import io
>>> kind_of(io.BytesIO(b"\x1c\0\0\0TFL3" + bytes(8)), 16, "model.bin")
<FileKind.TFLITE: 'TFLite model'>
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import BinaryIO, Final

from scanner.graphs.text_graph import LIMIT_BYTES, kind_of_text
from scanner.graphs.wire import LENGTH, VARINT, Field, Wire, WireError
from scanner.parts import PartlyReadError

# At the end of every sorted string table of LevelDB, little-endian; leveldb/doc/table_format.md.
_TABLE_MAGIC: Final = (0xDB4775248B80FB57).to_bytes(8, "little")
_NAME: Final = re.compile(rb"[A-Za-z0-9.^_][A-Za-z0-9_.\\/>^-]*")
_KIND: Final = re.compile(rb"[A-Za-z_][A-Za-z0-9_.>]*")
_VARIABLES: Final = re.compile(r"(?P<stem>.+)\.data-\d{5}-of-\d{5}")
_LOOKED_AT: Final = 64
# Tags of the fields that the messages begin with when their usual writers write them.
_FIRST_BYTES: Final = (b"\x08", b"\x0a", b"\x12", b"\x22", b"\x3a", b"\x42")
# Names that say that a file is a graph.
GRAPH_SUFFIXES: Final = frozenset({".pb", ".meta", ".onnx", ".ort", ".tflite", ".mlmodel"})
# Names that other formats have for themselves, whatever their first bytes happen to look like.
_OTHERS: Final = frozenset(
    {
        ".safetensors", ".gguf", ".ggml", ".npy", ".npz", ".pt", ".pth", ".pkl", ".pickle", ".h5", ".hdf5",
        ".keras", ".zip", ".json", ".txt", ".md", ".py", ".yaml", ".yml", ".html", ".csv", ".png", ".jpg",
        ".xml", ".tar", ".gz",
    }
)  # fmt: skip


class FileKind(enum.Enum):
    """What a file of a graph is."""

    SAVED_MODEL = "SavedModel"
    META_GRAPH = "MetaGraphDef"
    GRAPH = "GraphDef"
    TEXT_GRAPH = "TensorFlow graph in text form"
    FINGERPRINT = "fingerprint of a SavedModel"
    CHECKPOINT_INDEX = "index of a TensorFlow checkpoint"
    ONNX_MODEL = "ONNX model"
    ONNX_TENSOR = "ONNX tensor"
    ORT_MODEL = "ONNX Runtime model"
    TFLITE = "TFLite model"
    COREML = "Core ML model"


_BY_NAME: Final = {"saved_model.pb": FileKind.SAVED_MODEL, "fingerprint.pb": FileKind.FINGERPRINT}
_BY_SUFFIX: Final = {
    ".onnx": FileKind.ONNX_MODEL,
    ".ort": FileKind.ORT_MODEL,
    ".tflite": FileKind.TFLITE,
    ".mlmodel": FileKind.COREML,
}
# What FlatBuffers files have at byte 4.
_BY_MARK: Final = {b"TFL3": FileKind.TFLITE, b"ORTM": FileKind.ORT_MODEL}


def kind_of(stream: BinaryIO, size_bytes: int, path: str) -> FileKind | None:
    """What the file is; None when nothing says that it is a graph.

    Its name counts first: that is what decides which loader is handed the file.

    Raises:
        PartlyReadError: when it is one by its name and its first bytes were not read.
    """
    name = PurePosixPath(path.lower()).name
    suffix = PurePosixPath(name).suffix
    if found := _BY_NAME.get(name) or _BY_SUFFIX.get(suffix):
        return found
    try:
        return _by_content(stream, size_bytes, name, suffix)
    except PartlyReadError:
        if suffix in GRAPH_SUFFIXES:
            raise
        return None  # of a file of another name nothing is known, and others say so


def _by_content(stream: BinaryIO, size_bytes: int, name: str, suffix: str) -> FileKind | None:
    stream.seek(0)
    head = stream.read(8)
    if suffix == ".pbtxt":
        return FileKind.TEXT_GRAPH if _is_text_graph(stream, name) else None
    if suffix == ".index" and _is_table(stream, size_bytes):
        return FileKind.CHECKPOINT_INDEX
    is_named = suffix in (".pb", ".meta")
    found = None
    if is_named or (suffix not in _OTHERS and head[:1] in _FIRST_BYTES):
        found = _message(Wire(stream, size_bytes), is_named)
    return found or _BY_MARK.get(head[4:8])


def variables_index(path: str) -> str:
    """The index beside this file of variables; "" when it is none by its name."""
    match = _VARIABLES.fullmatch(path)
    return f"{match['stem']}.index" if match else ""


def _is_text_graph(stream: BinaryIO, name: str) -> bool:
    """Other texts have this suffix too: lists of labels, pipelines, settings of servers."""
    stream.seek(0)
    text = stream.read(LIMIT_BYTES + 1).decode("utf-8", "replace")
    return name == "saved_model.pbtxt" or kind_of_text(text) is not None


def _is_table(stream: BinaryIO, size_bytes: int) -> bool:
    stream.seek(max(0, size_bytes - len(_TABLE_MAGIC)))
    return stream.read(len(_TABLE_MAGIC)) == _TABLE_MAGIC


def _message(wire: Wire, is_named: bool) -> FileKind | None:
    """Which message the file begins with; less of it has to fit where its name says the same."""
    first: dict[int, Field] = {}
    try:
        for count, field in enumerate(wire.whole()):
            first.setdefault(field.number, field)
            if count >= _LOOKED_AT:
                break
    except WireError:
        pass  # what begins as a message of a kind is judged as one, broken or not
    found = next((kind for kind, looks in _LOOKS if _fits(looks, wire, first)), None)
    if found is None and is_named and first and set(first) <= {1, 2, 4}:
        return FileKind.GRAPH if any(field.kind == LENGTH for field in first.values()) else None
    if not is_named and (found is FileKind.ONNX_TENSOR or (found is FileKind.ONNX_MODEL and 1 not in first)):
        return None  # too little to go by
    return found


def _fits(looks: Callable[[Wire, dict[int, Field]], bool], wire: Wire, first: dict[int, Field]) -> bool:
    try:
        return looks(wire, first)
    except WireError:  # what would be a message here is none
        return False


def _is_saved_model(wire: Wire, first: dict[int, Field]) -> bool:
    return _is_number(first.get(1)) and _is_meta_graph(wire, _inside(wire, first.get(2)))


def _is_meta_graph(wire: Wire, first: dict[int, Field]) -> bool:
    if not _is_graph(wire, _inside(wire, first.get(2))):
        return False
    about = first.get(1)
    return about is None or about.kind == LENGTH


def _is_graph(wire: Wire, first: dict[int, Field]) -> bool:
    node = _inside(wire, first.get(1))
    name, kind = node.get(1), node.get(2)
    if name is None or kind is None:
        return False
    return bool(_NAME.fullmatch(wire.raw(name)) and _KIND.fullmatch(wire.raw(kind)) and kind.size)


def _is_onnx_model(wire: Wire, first: dict[int, Field]) -> bool:
    version = first.get(1)
    opset = _inside(wire, first.get(8))
    graph = _inside(wire, first.get(7))
    names_versions = bool(opset) and set(opset) <= {1, 2} and _is_number(opset.get(2))
    holds_nodes = bool(graph) and set(graph) <= {1, 2, 5, 10, 11, 12, 13, 14, 15, 16}
    return (version is None or _is_number(version)) and (holds_nodes or names_versions)


def _is_onnx_tensor(wire: Wire, first: dict[int, Field]) -> bool:
    kind = first.get(2)
    holds = any(number in first for number in (3, 4, 5, 6, 7, 8, 9, 10, 11))  # 3: of a sequence
    return kind is not None and kind.kind == VARINT and 0 < kind.value < 64 and holds


_LOOKS: Final = (
    (FileKind.SAVED_MODEL, _is_saved_model),
    (FileKind.ONNX_MODEL, _is_onnx_model),
    (FileKind.META_GRAPH, _is_meta_graph),
    (FileKind.GRAPH, _is_graph),
    (FileKind.ONNX_TENSOR, _is_onnx_tensor),
)


def _inside(wire: Wire, message: Field | None) -> dict[int, Field]:
    """The first field of each number among the first fields of a message."""
    found: dict[int, Field] = {}
    if message is not None:
        for count, field in enumerate(wire.inside(message)):
            found.setdefault(field.number, field)
            if count >= _LOOKED_AT:
                break
    return found


def _is_number(field: Field | None) -> bool:
    return field is not None and field.kind == VARINT
