"""onnx-unsafe: what reaches beyond a model or contradicts itself is told, what exporters write is not."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from scanner.checks.onnx_unsafe import CHECK
from scanner.file_check import FileVerdict
from scanner.findings import Finding, Outcome
from scanner.manifest import FileEntry
from scanner.parts import Parts, Piece
from tests.assets import onnx_cases as cases
from tests.assets.make_file_assets import write_all
from tests.assets.protobuf_bytes import field, varint
from tests.scanner.check_runs import findings_of

ATTACKS = cases.onnx_attacks()
REVIEW = cases.onnx_to_review()
MALFORMED = cases.malformed_onnx()
SOUND = cases.sound_onnx()


def findings(folder: Path, data: bytes) -> list[Finding]:
    return findings_of(CHECK, write_all(folder / "model", {"model.onnx": data}))


@pytest.mark.parametrize("name", ATTACKS)
def test_model_that_reaches_beyond_itself_is_an_attack(name: str, tmp_path: Path) -> None:
    rule, data = ATTACKS[name]
    found = findings(tmp_path, data)
    assert rule in {each.rule for each in found}
    assert FileVerdict.ATTACK in {CHECK.verdict_of(each) for each in found}
    assert all(each.remediation and each.tags and each.message.isprintable() for each in found)


@pytest.mark.parametrize("name", SOUND)
def test_model_that_holds_together_passes(name: str, tmp_path: Path) -> None:
    found = findings_of(CHECK, write_all(tmp_path / "model", SOUND[name]))
    assert [each.outcome for each in found] == [Outcome.PASS], [each.message for each in found]


@pytest.mark.parametrize("name", REVIEW)
def test_model_that_needs_code_of_others_is_for_review(name: str, tmp_path: Path) -> None:
    rule, data = REVIEW[name]
    found = findings(tmp_path, data)
    assert [each.rule for each in found] == [rule]
    assert {CHECK.verdict_of(each) for each in found} == {FileVerdict.NEEDS_CLASS_INSTANCE}


@pytest.mark.parametrize("name", MALFORMED)
def test_model_that_contradicts_itself_is_not_readable(name: str, tmp_path: Path) -> None:
    rule, data = MALFORMED[name]
    found = findings(tmp_path, data)
    assert rule in {each.rule for each in found}
    assert {CHECK.verdict_of(each) for each in found} == {FileVerdict.NOT_READABLE}
    assert all(each.message.isprintable() and len(each.message) < 400 for each in found)


def test_files_of_the_onnx_library_pass(tmp_path: Path) -> None:
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    kinds = {name: kind for name, kind in TensorProto.DataType.items() if name not in ("UNDEFINED", "STRING")}
    few = [helper.make_tensor(f"t_{name}", kind, [4], [1, 0, 1, 1]) for name, kind in kinds.items()]
    texts = TensorProto(name="texts", data_type=TensorProto.STRING, dims=[2], string_data=[b"a", b"\xff"])
    weights = numpy_helper.from_array(np.arange(4096, dtype=np.float32).reshape(64, 64), "w")
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"], name="/layer/MatMul")],
        "main",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 64])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 64])],
        [*few, texts, weights],
    )
    model = helper.make_model(graph, producer_name="test")
    helper.set_model_props(model, {"author": "somebody"})
    onnx.save(model, tmp_path / "inline.onnx")
    onnx.save(
        model, tmp_path / "outside.onnx",
        save_as_external_data=True, location="outside.onnx.data", size_threshold=16,
    )  # fmt: skip
    found = findings_of(CHECK, tmp_path)
    assert [(each.outcome, len(each.locations)) for each in found] == [(Outcome.PASS, 2)], found


def test_same_fields_are_read_as_by_the_onnx_library() -> None:
    import onnx

    from scanner.graphs import onnx_review, onnx_tensors

    known = {
        "ModelProto": onnx_review._MODEL,
        "GraphProto": onnx_review._GRAPH,
        "NodeProto": onnx_review._NODE,
        "AttributeProto": onnx_review._ATTRIBUTE,
        "FunctionProto": onnx_review._FUNCTION,
        "TensorProto": onnx_tensors._KNOWN,
    }
    for name, numbers in known.items():
        fields = {each.number for each in getattr(onnx, name).DESCRIPTOR.fields}
        assert fields <= numbers, name


def test_ten_gigabytes_of_weights_are_not_read(tmp_path: Path) -> None:
    size = 10 * 1024**3
    tensor = field(1, size) + field(2, 2) + field(8, "w") + varint(9 << 3 | 2) + varint(size)
    in_graph = varint(5 << 3 | 2) + varint(len(tensor) + size) + tensor
    head = field(1, 8) + field(8, field(2, 17)) + varint(7 << 3 | 2) + varint(len(in_graph) + size) + in_graph
    path = tmp_path / "model" / "model.onnx"
    path.parent.mkdir()
    with path.open("wb") as stream:
        stream.write(head)
        stream.truncate(len(head) + size)
    entry = FileEntry("model.onnx", len(head) + size, "0" * 64)
    tracemalloc.start()
    found = findings_of(CHECK, tmp_path / "model", entry)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [each.outcome for each in found] == [Outcome.PASS]
    assert peak < 16 * 1024**2


def test_header_alone_is_enough_when_weights_were_not_fetched(tmp_path: Path) -> None:
    data = cases.model(
        cases.graph(field(5, cases.tensor("w", [2**20], bytes(2**22))), cases.node("PyOp", "x"))
    )
    at = data.index(bytes(1000))
    pieces = (Piece(0, at + 8, 0), Piece(at + 2**22 - 8, len(data), at + 2**22 - 8))
    path = tmp_path / "model" / "model.onnx"
    path.parent.mkdir()
    path.write_bytes(data)
    parts = Parts(pieces, "0" * 64, "only its structure was read")
    found = findings_of(CHECK, tmp_path / "model", FileEntry("model.onnx", len(data), "", parts=parts))
    assert [each.rule for each in found] == ["runs-code"]


def test_own_format_of_the_runtime_is_told_as_not_judged(tmp_path: Path) -> None:
    folder = write_all(tmp_path / "model", {"model.ort": bytes(4) + b"ORTM" + bytes(40)})
    found = findings_of(CHECK, folder)
    assert [each.outcome for each in found] == [Outcome.ERROR]
    assert "not read" in found[0].reason
