"""Graphs of TensorFlow with operations that read, write or run, and TFLite models."""

# ruff: noqa: E501 - one case a line reads best
from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from typing import Final

from tests.assets.file_corpus.archive_bytes import zipped
from tests.assets.file_corpus.files import ECHO, MARKER, Case, Dice, Technique
from tests.assets.file_corpus.keras_bytes import old_lambda_layer, old_sequential
from tests.assets.file_corpus.pickling import call
from tests.assets.file_corpus.proto_bytes import (
    constant,
    graph_def,
    saved_model,
    tf_function,
    tf_node,
    tf_type,
    variables,
)
from tests.assets.protobuf_bytes import field

_GRAPH: Final = Technique("TF SavedModel/GraphDef ops", "tensorflow")
_LITE: Final = Technique("TFLite custom operations and malformed", "tflite")


def _reading(path: str = "/etc/passwd") -> list[bytes]:
    return [constant("path", path), tf_node("read", "ReadFile", "path")]


def _writing() -> list[bytes]:
    return [constant("path", MARKER), constant("text", ECHO), tf_node("write", "WriteFile", "path", "text")]


def graphs(dice: Dice) -> Iterator[Case]:
    """Operations that touch the host, in every place of a graph."""
    read, write = _reading(), _writing()
    for name, nodes in (("read", read), ("write", write)):
        files = {"saved_model.pb": saved_model(graph_def(nodes)), **variables()}
        yield _GRAPH.attack(f"saved_{name}", files, f"a saved model that may {name} files")
        yield _GRAPH.attack(f"frozen_{name}.pb", graph_def(nodes), f"a frozen graph that may {name} files")
        inside = graph_def([tf_node("c", "PartitionedCall")], [tf_function("f", nodes)])
        yield _GRAPH.attack(f"function_{name}/saved_model.pb", saved_model(inside), f"in a function: {name}")
        yield _GRAPH.attack(f"frozen_function_{name}.pb", inside, f"in a function of a frozen graph: {name}")
    for op in ("PyFunc", "EagerPyFunc", "PyFuncStateless"):
        node = tf_node("py", op, "x", token=field(2, "pyfunc_0"), Tin=tf_type(), Tout=tf_type())
        yield _GRAPH.attack(f"{op}/saved_model.pb", saved_model(graph_def([node])), op)
        yield _GRAPH.attack(f"{op}.pb", graph_def([node]), f"{op} in a frozen graph")
    for op, path in (
        ("MatchingFiles", "/home/*"),
        ("ImmutableConst", "/etc/shadow"),
        ("Save", MARKER),
        ("SaveSlices", MARKER),
        ("DebugIdentity", "file:///tmp"),
        ("DebugIdentityV2", "grpc://127.0.0.1"),
        ("PrintV2", "file://" + MARKER),
        ("CreateSummaryFileWriter", "/tmp"),
        ("DatasetToTFRecord", MARKER),
        ("TextLineDataset", "/etc/passwd"),
        ("TFRecordDataset", "/etc/passwd"),
        ("FixedLengthRecordDataset", "/etc/passwd"),
        ("WholeFileReader", "/etc/passwd"),
        ("SqlDataset", "/etc/x.db"),
        ("FileSystemSetConfiguration", "file"),
        ("RpcClient", "127.0.0.1"),
    ):
        attributes = {"debug_urls": field(1, field(2, path))} if op.startswith("Debug") else {}
        if op == "PrintV2":
            attributes = {"output_stream": field(2, path)}
        if op == "ImmutableConst":
            attributes = {"memory_region_name": field(2, path)}
        nodes = [constant("path", path), tf_node("op", op, "path", **attributes)]
        yield _GRAPH.attack(f"{op}.pb", graph_def(nodes), f"{op} of {path}")
    table = tf_node(
        "t", "InitializeTableFromTextFileV2", "h", "path", key_index=field(3, 0), value_index=field(3, 1)
    )
    yield _GRAPH.attack(
        "table_passwd.pb", graph_def([constant("path", "/etc/passwd"), table]), "a table of /etc/passwd"
    )
    padding = [tf_node(f"n{i}", "AddV2", "a", "b", T=tf_type()) for i in range(5000)]
    late = saved_model(graph_def([*padding, *read]))
    yield _GRAPH.attack("late/saved_model.pb", late, "after 5,000 harmless operations")
    second = saved_model(graph_def([])) + field(2, field(2, graph_def(write)))
    yield _GRAPH.attack("second_graph/saved_model.pb", second, "in a second meta graph")
    traversal = saved_model(graph_def([]), assets=["../../../etc/passwd"])
    yield _GRAPH.attack("asset_traversal/saved_model.pb", traversal, "an asset outside the folder")
    absolute = saved_model(graph_def([]), assets=["/etc/passwd"])
    yield _GRAPH.attack("asset_absolute/saved_model.pb", absolute, "an asset with an absolute path")
    text = f'node {{ name: "p" op: "Const" attr {{ key: "value" value {{ tensor {{ string_val: "{MARKER}" }} }} }} }}\n'
    text += 'node { name: "w" op: "WriteFile" input: "p" input: "p" }\n'
    yield _GRAPH.attack("graph.pbtxt", text.encode(), "a graph in text form that writes")
    saved_text = (
        'saved_model_schema_version: 1 meta_graphs { graph_def { node { name: "r" op: "ReadFile" } } }'
    )
    yield _GRAPH.attack(
        "text/saved_model.pbtxt", saved_text.encode(), "a saved model in text form that reads"
    )
    keras = field(
        1, field(5, json.dumps(old_sequential(old_lambda_layer()))) + field(4, "_tf_keras_sequential")
    )
    files = {"saved_model.pb": saved_model(graph_def([])), "keras_metadata.pb": keras, **variables()}
    yield _GRAPH.attack("keras_metadata", files, "Keras metadata with a Lambda layer")
    renamed = {"saved_model.pb": saved_model(graph_def([])), "assets/vocab.txt": call("os", "system")}
    yield _GRAPH.hidden("pickle_asset", renamed, "a pickle as an asset")
    good = saved_model(graph_def(padding[:50]))
    yield _GRAPH.malformed("truncated/saved_model.pb", good[: len(good) * 2 // 3], "cut off")
    yield _GRAPH.malformed("noise/saved_model.pb", dice.random.randbytes(500), "noise")
    yield _GRAPH.malformed("empty/saved_model.pb", b"", "no bytes")
    yield _GRAPH.malformed(
        "length/saved_model.pb", b"\x08\x01\x12\xff\xff\xff\xff\x0f" + b"x" * 90, "4 GiB said"
    )
    deep = b""
    for _ in range(3000):
        deep = field(2, deep)
    yield _GRAPH.malformed("deep/saved_model.pb", field(1, 1) + deep, "3,000 messages in each other")


def tflite(
    operations: list[tuple[int, str]], *, buffers: list[bytes] | None = None, shape: tuple[int, ...] = (4,)
) -> bytes:
    """A TFLite model with these operator codes (builtin code, custom name) and one operator of each.

    Source: tensorflow/lite/schema/schema.fbs, version 3.
    """
    import flatbuffers

    build = flatbuffers.Builder(1024)
    data = [b"", struct.pack("<4f", 0.1, -0.2, 0.3, 0.05)] if buffers is None else buffers
    made = [_table(build, {0: ("offset", build.CreateByteVector(each))} if each else {}) for each in data]
    tensors = []
    for number, name in enumerate(("in", "w", "out")):
        text = build.CreateString(name)
        fields_ = {0: ("offset", _ints(build, shape)), 2: ("u32", int(number == 1)), 3: ("offset", text)}
        tensors.append(_table(build, fields_))
    operators, codes = [], []
    for number, (builtin, custom) in enumerate(operations):
        inputs, outputs = _ints(build, (0, 1)), _ints(build, (2,))
        kept: dict[int, tuple[str, int]] = {0: ("u32", number), 1: ("offset", inputs), 2: ("offset", outputs)}
        operators.append(_table(build, kept))
        code: dict[int, tuple[str, int]] = {0: ("i8", min(builtin, 127)), 2: ("i32", 1), 3: ("i32", builtin)}
        if custom:
            code[1] = ("offset", build.CreateString(custom))
        codes.append(_table(build, code))
    graph = _table(build, {
        0: ("offset", _offsets(build, tensors)), 1: ("offset", _ints(build, (0,))),
        2: ("offset", _ints(build, (2,))), 3: ("offset", _offsets(build, operators)),
        4: ("offset", build.CreateString("main"))})  # fmt: skip
    root = _table(build, {
        0: ("u32", 3), 1: ("offset", _offsets(build, codes)), 2: ("offset", _offsets(build, [graph])),
        3: ("offset", build.CreateString("MLIR Converted.")), 4: ("offset", _offsets(build, made))})  # fmt: skip
    build.Finish(root, file_identifier=b"TFL3")
    return bytes(build.Output())


def _table(build: object, values: dict[int, tuple[str, int]]) -> int:
    build.StartObject(max(values, default=0) + 1)  # type: ignore[attr-defined]
    put = {"offset": "PrependUOffsetTRelativeSlot", "u32": "PrependUint32Slot", "i32": "PrependInt32Slot",
           "i8": "PrependInt8Slot"}  # fmt: skip
    for slot, (kind, value) in values.items():
        getattr(build, put[kind])(slot, value, 0)
    made: int = build.EndObject()  # type: ignore[attr-defined]
    return made


def _ints(build: object, values: tuple[int, ...]) -> int:
    build.StartVector(4, len(values), 4)  # type: ignore[attr-defined]
    for value in reversed(values):
        build.PrependInt32(value)  # type: ignore[attr-defined]
    made: int = build.EndVector()  # type: ignore[attr-defined]
    return made


def _offsets(build: object, values: list[int]) -> int:
    build.StartVector(4, len(values), 4)  # type: ignore[attr-defined]
    for value in reversed(values):
        build.PrependUOffsetTRelative(value)  # type: ignore[attr-defined]
    made: int = build.EndVector()  # type: ignore[attr-defined]
    return made


def lite(dice: Dice) -> Iterator[Case]:
    """TFLite models whose operations come from elsewhere, and broken ones."""
    try:
        import flatbuffers  # noqa: F401
    except ImportError:
        dice.left_out.append("hostile TFLite models: flatbuffers is not installed")
        return
    for name in (
        "FlexReadFile",
        "FlexWriteFile",
        "FlexPyFunc",
        "FlexEagerPyFunc",
        "FlexMatchingFiles",
    ):
        yield _LITE.attack(f"{name}.tflite", tflite([(0, ""), (32, name)]), f"select operation {name}")
    good = tflite([(0, ""), (9, "")])
    yield _LITE.hidden(
        "pickle_buffer.tflite", tflite([(0, "")], buffers=[b"", call("os", "system")]), "a pickle in it"
    )
    metadata = good + zipped({"labels.txt": b"cat\ndog\n", "../../up.txt": b"hello"})
    yield _LITE.hidden("metadata_traversal.tflite", metadata, "its appended zip leaves the folder")
    yield _LITE.hidden(
        "metadata_pickle.tflite", good + zipped({"m.pkl": call("os", "system")}), "a zip with a pickle"
    )
    yield _LITE.malformed("truncated.tflite", good[: len(good) // 2], "cut in half")
    yield _LITE.malformed("empty.tflite", b"", "no bytes")
    yield _LITE.malformed("root_beyond.tflite", b"\xff\xff\xff\x7f" + good[4:], "its root is beyond the end")
    yield _LITE.malformed("identifier.tflite", good[:4] + b"XXXX" + good[8:], "no TFL3")
    yield _LITE.malformed("noise.tflite", good[:8] + dice.random.randbytes(400), "noise after the identifier")
    yield _LITE.malformed("root_zero.tflite", bytes(4) + good[4:], "its root is itself")
    vectors = bytearray(good)
    at = good.index(b"MLIR Converted.") - 4
    vectors[at : at + 4] = b"\xff\xff\xff\x7f"
    yield _LITE.malformed("vector_beyond.tflite", bytes(vectors), "a string of 2 GiB said")


def custom(dice: Dice) -> Iterator[Case]:
    """Operations that an application has to bring along: a person has to know them."""
    try:
        import flatbuffers  # noqa: F401
    except ImportError:
        return
    technique = Technique("operations that the application brings along", "custom-operations")
    # Training on a device saves by this, says TensorFlow's own guide; where to, only the caller knows.
    for name in ("EvilOp", "MyVendorOp", "FlexSave"):
        yield technique.review(f"{name}.tflite", tflite([(0, ""), (32, name)]), f"custom operation {name}")
    graph = graph_def([tf_node("x", "VendorFastAttention")])
    yield technique.either("custom.pb", graph, "an operation that TensorFlow has not")
