"""Lesser faults in numbers, and fields beyond a bound, hide no attack in a graph."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path, PurePath
from typing import Final

import pytest

from scanner.checks import (
    coreml_unsafe,
    onnx_unsafe,
    openvino_ir_unsafe,
    tensorflow_graph_unsafe,
    tflite_unsafe,
)
from scanner.file_check import FileCheck, FileVerdict
from tests.assets import onnx_cases as onnx
from tests.assets import other_graph_cases as other
from tests.assets import tensorflow_cases as tensorflow
from tests.assets import tflite_cases as tflite
from tests.assets.make_file_assets import write_all
from tests.assets.protobuf_bytes import field
from tests.scanner.check_runs import findings_of

_EVIL: Final = "/etc/passwd"
_CODE: Final = "__import__('os').system('true')"
_ONNX: Final = onnx_unsafe.CHECK
_TENSORFLOW: Final = tensorflow_graph_unsafe.CHECK


def _broken_tensors(count: int) -> bytes:
    tensors = (field(5, onnx.tensor(f"w{number}", [2], bytes(4))) for number in range(count))
    return onnx.model(onnx.graph(*tensors, onnx.node("PyOp", "x")))


def _odd_names(count: int) -> bytes:
    nodes = (tensorflow.node("Add", f"\x01a{number}") for number in range(count))
    return tensorflow.saved_model(b"".join(nodes) + tensorflow.node("PyFunc", "p"))


def _compiled(count: int) -> bytes:
    """Operations for an accelerator, and a constant of the same name that hides a graph."""
    hidden = field(1, 21) + field(15, field(1, "tensorflow::DatasetVariantWrapper"))
    nodes = [tensorflow.node("TRTEngineOp", f"n{number}") for number in range(count)]
    more = tensorflow.attribute("value", field(8, hidden))
    return tensorflow.saved_model(b"".join(nodes) + tensorflow.node("Const", "n0", more=more))


def _layers(count: int) -> bytes:
    library = '<layer id="9" name="l" type="X" version="opset1"><data library="evil.so"/></layer>'
    return other.ir('<layer name="n" type="" version="opset1"/>' * count + library).encode()


def _without_weights(count: int) -> bytes:
    library = '<layer id="9" name="l" type="X" version="opset1"><data library="evil.so"/></layer>'
    return other.ir(other.const() * count + library).encode()


# The check, and a file that carries an attack behind so many lesser faults.
FLOODS: Final[dict[str, tuple[FileCheck, Callable[[int], bytes]]]] = {
    "tensors.onnx": (_ONNX, _broken_tensors),
    "names/saved_model.pb": (_TENSORFLOW, _odd_names),
    "layers.xml": (openvino_ir_unsafe.CHECK, _layers),
    "weights.xml": (openvino_ir_unsafe.CHECK, _without_weights),
    "compiled.pb": (_TENSORFLOW, _compiled),
}


def verdict_of(check: FileCheck, folder: Path, files: dict[str, bytes]) -> FileVerdict | None:
    """The worst that the check says of any of these files."""
    found = findings_of(check, write_all(folder / "model", files))
    verdicts = [verdict for each in found if (verdict := check.verdict_of(each))]
    return max(verdicts, key=lambda verdict: verdict.rank, default=None)


@pytest.mark.parametrize("count", [0, 1, 100])
@pytest.mark.parametrize("name", FLOODS)
def test_lesser_faults_hide_no_attack(name: str, count: int, tmp_path: Path) -> None:
    check, make = FLOODS[name]
    assert verdict_of(check, tmp_path, {name: make(count)}) is FileVerdict.ATTACK


def _onnx_node(kinds: int) -> bytes:
    named = field(4, "Relu") * kinds + field(4, "PythonOp") + field(7, "com.microsoft")
    return onnx.model(onnx.graph(field(1, field(1, "x") + field(2, "y") + named)))


def _onnx_branch(attributes: int) -> bytes:
    branch = field(5, field(1, "body") + field(6, onnx.graph(onnx.node("PyOp", "x"))) + field(20, 5))
    return onnx.model(onnx.graph(onnx.node("If", "x", more=field(5, field(1, "a")) * attributes + branch)))


def _onnx_place(entries: int) -> bytes:
    places = [("location", "w.bin"), *([("checksum", "0")] * entries), ("location", _EVIL)]
    more = b"".join(field(13, field(1, key) + field(2, value)) for key, value in places) + field(14, 1)
    return onnx.holding(onnx.tensor("w", [4], more=more))


def _onnx_metadata(*values: str) -> bytes:
    entry = field(1, "names") + b"".join(field(2, value) for value in values)
    return onnx.model(onnx.graph(), field(14, entry))


def _saved(*nodes: bytes, more: bytes = b"") -> bytes:
    """A SavedModel that restores from the file that the operation "c" names."""
    return tensorflow.saved_model(b"".join(nodes) + tensorflow.node("RestoreV2", "r", "c", "n", "s"), more)


def _texts(*values: bytes) -> bytes:
    """A constant "c" with these values, each a whole tensor."""
    more = b"".join(tensorflow.attribute("value", field(8, value)) for value in values)
    return tensorflow.node("Const", "c", more=more)


def _joined(left: list[str], right: list[str]) -> bytes:
    parts = tensorflow.const("a", *left) + tensorflow.const("b", *right)
    return _saved(parts, tensorflow.node("StringJoin", "c", "a", "b"))


def _packed(count: int) -> bytes:
    parts = b"".join(tensorflow.const(f"c{number}", f"a{number}") for number in range(count))
    names = [f"c{number}" for number in range(count)]
    return _saved(parts, tensorflow.const("e", _EVIL), tensorflow.node("Pack", "c", *names, "e"))


def _handed(count: int) -> bytes:
    opens = tensorflow.node_message("RestoreV2", "r", "name", "n", "s")
    call = tensorflow.node("PartitionedCall", "p", *["x"] * count, "e")
    return tensorflow.saved_model(
        tensorflow.function("f", opens, given="name") + tensorflow.const("e", _EVIL) + call
    )


def _described(*parts: bytes) -> bytes:
    """A SavedModel with a Keras object that is written in these parts."""
    objects = field(7, field(1, b"".join(field(4, part) for part in parts)))
    return tensorflow.saved_model(tensorflow.node("Add", "a"), objects)


_LAYER: Final = field(1, "_tf_keras_layer")
_LAMBDA: Final = field(3, json.dumps({"class_name": "Lambda", "config": {"function": ["4wEA", None, None]}}))
_BY_SUFFIX: Final[dict[str, FileCheck]] = {
    ".onnx": _ONNX,
    ".pb": _TENSORFLOW,
    ".tflite": tflite_unsafe.CHECK,
    ".mlmodel": coreml_unsafe.CHECK,
}
_MANY: Final = [f"a{number}" for number in range(64)]
_TEXT: Final = tensorflow.tensor(_EVIL)


def _restoring(values: bytes, *, is_outside: bool = False) -> bytes:
    """A TFLite model that restores from the files that a constant names, which may lie behind its tables."""
    named = tflite.tensor("c", [1], 1, 5)
    graph = tflite.subgraph([tflite.PLAIN[0], named, tflite.PLAIN[2]], [tflite.operator(0, [1, 0], [2])])
    at = 4096
    buffer = {1: ("u64", at), 2: ("u64", len(values))} if is_outside else {0: values}
    data = tflite.tflite_bytes(tflite.model([tflite.code(32, "FlexRestoreV2")], [graph], [{}, buffer]))
    return data.ljust(at, b"\0") + values if is_outside else data


def _with_options(options: bytes) -> bytes:
    graph = tflite.subgraph(tflite.PLAIN, [tflite.operator(0, [1, 0], [2], {5: options})])
    return tflite.tflite_bytes(tflite.model([tflite.code(32, "FlexErf")], [graph]))


def _core_weights(*paths: str) -> bytes:
    value = field(5, b"".join(field(1, path) for path in paths))
    operation = field(1, "const") + field(5, field(1, "val") + field(2, value))
    block = field(3, field(1, "CoreML7") + field(2, field(3, operation)))
    function = field(1, "main") + field(2, block)
    return other.coreml(field(502, field(1, 1) + field(2, function)))


# Files that carry an attack where a reader that stops at a bound, or at the first of a field, looks no more.
REST: Final[dict[str, Callable[[], bytes]]] = {
    "many kinds.onnx": lambda: _onnx_node(8),
    "many attributes.onnx": lambda: _onnx_branch(10_000),
    "many places.onnx": lambda: _onnx_place(64),
    "two values.onnx": lambda: _onnx_metadata("plain", _CODE),
    "long value.onnx": lambda: _onnx_metadata("#" * 70_000 + "\n" + _CODE),
    "long list.onnx": lambda: _onnx_metadata("[" + "1," * 300_000 + _CODE + "]"),
    "many kinds.pb": lambda: tensorflow.saved_model(
        field(1, field(1, "p") + field(2, "Add") * 8 + field(2, "PyFunc"))
    ),
    "many attributes.pb": lambda: _saved(
        tensorflow.node(
            "Const",
            "c",
            more=tensorflow.attribute("dtype", field(6, 7)) * 10_000
            + tensorflow.attribute("value", field(8, _TEXT)),
        )
    ),
    "many texts.pb": lambda: _saved(_texts(tensorflow.tensor(*_MANY, _EVIL))),
    "two values.pb": lambda: _saved(_texts(tensorflow.tensor("a"), _TEXT)),
    "value in two parts.pb": lambda: _saved(
        tensorflow.node(
            "Const", "c", more=field(5, field(1, "value") + field(2, field(8, _TEXT)) + field(2, b""))
        )
    ),
    "many packed.pb": lambda: _packed(70),
    "joined last.pb": lambda: _joined([*_MANY[:10], "/etc"], _MANY[:10]),
    "joined beyond what is kept.pb": lambda: _joined([*_MANY, "/etc"], ["/passwd"]),
    "joined of too many.pb": lambda: _joined([*_MANY, "."], ["./etc"]),
    "many addresses.pb": lambda: tensorflow.saved_model(
        tensorflow.node(
            "DebugIdentity", "d", "x", more=tensorflow.strings("debug_urls", *[""] * 64, "grpc://a:1")
        )
    ),
    "many assets.pb": lambda: tensorflow.saved_model(
        tensorflow.node("Add", "a"),
        tensorflow.asset("a:0", "x") * 10_000 + tensorflow.asset("a:0", "../../x"),
    ),
    "asset of two names.pb": lambda: _saved(
        _texts(_TEXT), more=field(6, field(1, field(1, "c:0") + field(1, "other:0")) + field(2, "x"))
    ),
    "many inputs of a call.pb": lambda: _handed(64),
    "two descriptions.pb": lambda: _described(_LAYER + field(3, "{}") + _LAMBDA),
    "description in two parts.pb": lambda: _described(_LAYER, _LAMBDA),
    "many texts.tflite": lambda: _restoring(tflite.string_buffer(*_MANY, _EVIL)),
    "long text.tflite": lambda: _restoring(tflite.string_buffer("a" * 70_000, _EVIL)),
    "texts outside.tflite": lambda: _restoring(tflite.string_buffer(_EVIL), is_outside=True),
    "long options.tflite": lambda: _with_options(b"a" * 1024**2 + tflite.flex_options("PyFunc")),
    "two paths.mlmodel": lambda: _core_weights("@model_path/weights/weight.bin", _EVIL),
    "two links.mlmodel": lambda: other.coreml(
        field(556, field(1, field(1, field(1, "a") + field(1, _EVIL))))
    ),
    "late template.onnx": lambda: _onnx_metadata("{{" + "a" * 70_000 + ".__class__ }}"),
}


@pytest.mark.parametrize("name", REST)
def test_what_lies_beyond_a_bound_is_read(name: str, tmp_path: Path) -> None:
    check = _BY_SUFFIX[PurePath(name).suffix]
    files = {name: REST[name](), "w.bin": bytes(16)}
    assert verdict_of(check, tmp_path, files) is FileVerdict.ATTACK


def test_templates_without_end_are_looked_at_once(tmp_path: Path) -> None:
    started = time.process_time()
    assert verdict_of(_ONNX, tmp_path, {"a.onnx": _onnx_metadata("{" * 4_000_000)}) is FileVerdict.PLAIN_DATA
    assert time.process_time() - started < 5


def _handed_by(*nodes: bytes) -> bytes:
    """A SavedModel that hands the name "c", made of "e", to a function that opens it."""
    opens = tensorflow.node_message("RestoreV2", "r", "name", "n", "s")
    made = tensorflow.const("a", "a") + tensorflow.const("e", "/../etc") + b"".join(nodes)
    function = tensorflow.function("f", opens, given="name")
    return tensorflow.saved_model(function + made + tensorflow.node("PartitionedCall", "p", "c"))


@pytest.mark.parametrize("count", [1, 70])
def test_names_handed_by_a_longer_way_than_is_followed_are_told(count: int, tmp_path: Path) -> None:
    joined = _handed_by(tensorflow.node("StringJoin", "c", *["a"] * count, "e"))
    steps = [tensorflow.node("Identity", f"i{number}", f"i{number - 1}") for number in range(1, count)]
    passed = _handed_by(
        tensorflow.node("Identity", "i0", "e"), *steps, tensorflow.node("Identity", "c", f"i{count - 1}")
    )
    expected = FileVerdict.ATTACK if count == 1 else FileVerdict.NOT_READABLE
    for number, data in enumerate((joined, passed)):
        assert verdict_of(_TENSORFLOW, tmp_path / str(number), {"saved_model.pb": data}) is expected
