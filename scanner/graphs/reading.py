"""Everything that is wrong with a file of a graph, for the checks, and what to fetch of it for them."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import BinaryIO, Final

from scanner.graphs.coreml import coreml_faults
from scanner.graphs.fault import GraphFault, malformed
from scanner.graphs.flat import Flat, FlatError
from scanner.graphs.kinds import FileKind
from scanner.graphs.onnx_external import ExternalData
from scanner.graphs.onnx_review import model_faults, tensor_file_faults
from scanner.graphs.tensorflow import GraphKind
from scanner.graphs.tensorflow_review import fingerprint_faults, graph_faults
from scanner.graphs.text_graph import LIMIT_BYTES, TextGraphError, kind_of_text, parse_text
from scanner.graphs.tflite_review import MARK
from scanner.graphs.tflite_review import model_faults as tflite_faults
from scanner.graphs.trailing import trailing_faults
from scanner.graphs.wire import Wire, WireError

TENSORFLOW: Final[Mapping[FileKind, GraphKind]] = {
    FileKind.SAVED_MODEL: GraphKind.SAVED_MODEL,
    FileKind.META_GRAPH: GraphKind.META_GRAPH,
    FileKind.GRAPH: GraphKind.GRAPH,
}
_AT_ONCE_BYTES: Final = 128 * 1024
# Where reading means fetching, a little more than most operators take.
_FETCHED_BYTES: Final = 4096


def faults_of(
    kind: FileKind,
    stream: BinaryIO,
    size_bytes: int,
    external: ExternalData | None = None,
    at_once: int = _AT_ONCE_BYTES,
) -> Iterator[GraphFault]:
    """Everything that is wrong with a file of this kind, as it is found; nothing for kinds without structure.

    Args:
        kind: What it is, by `kinds.kind_of`.
        stream: The file.
        size_bytes: Its length.
        external: The files beside it, for ONNX; without, there are none.
        at_once: How many bytes to read at a time.

    Raises:
        PartlyReadError: when the file was not read far enough.
    """
    try:
        wire = Wire(stream, size_bytes, at_once)
        if kind is FileKind.TFLITE:
            yield from _of_tflite(Flat(stream, size_bytes, at_once), stream)
        elif kind is FileKind.TEXT_GRAPH:
            yield from _of_text(stream, size_bytes)
        elif kind in TENSORFLOW:
            yield from graph_faults(wire, TENSORFLOW[kind])
        elif kind is FileKind.FINGERPRINT:
            yield from fingerprint_faults(wire)
        elif kind is FileKind.ONNX_MODEL:
            yield from model_faults(wire, external or ExternalData("", {}))
        elif kind is FileKind.COREML:
            yield from coreml_faults(wire)
        elif kind is FileKind.ONNX_TENSOR:
            yield from tensor_file_faults(wire)
    except (WireError, FlatError, TextGraphError) as error:
        yield malformed(f"it is not readable: {error}")


def fetch_structure(kind: FileKind, stream: BinaryIO, size_bytes: int) -> None:
    """Reads what the checks will read of a file of this kind, and nothing beside.

    Raises:
        PartlyReadError: when not as much may be read.
    """
    for _ in faults_of(kind, stream, size_bytes, at_once=_FETCHED_BYTES):
        pass


def _of_text(stream: BinaryIO, size_bytes: int) -> Iterator[GraphFault]:
    if size_bytes > LIMIT_BYTES:
        yield malformed(f"it is a text of {size_bytes} bytes; texts of up to {LIMIT_BYTES} are read")
        return
    stream.seek(0)
    text = stream.read(LIMIT_BYTES).decode("utf-8", "replace")
    kind, data = parse_text(text, None if kind_of_text(text) else GraphKind.SAVED_MODEL)
    yield from graph_faults(Wire(io.BytesIO(data), len(data)), kind)


def _of_tflite(flat: Flat, stream: BinaryIO) -> Iterator[GraphFault]:
    for fault in tflite_faults(flat):
        yield fault
        if fault.place == MARK:
            return
    yield from trailing_faults(stream, flat.size_bytes, flat.furthest)
