"""Core ML, OpenVINO and compiled models: what reaches beyond them or cannot be read is told."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from scanner.checks import coreml_unsafe, openvino_ir_unsafe
from scanner.checks.compiled_model_opaque import CHECK as COMPILED
from scanner.file_check import FileCheck, FileVerdict
from scanner.findings import Outcome
from tests.assets import other_graph_cases as cases
from tests.assets.make_file_assets import write_all
from tests.scanner.check_runs import findings_of

COREML, IR = coreml_unsafe.CHECK, openvino_ir_unsafe.CHECK
HOSTILE_COREML, HOSTILE_IR = cases.hostile_coreml(), cases.hostile_ir()
VERDICTS = {
    "path-elsewhere": FileVerdict.ATTACK,
    "xml-entities": FileVerdict.ATTACK,
    "names-library": FileVerdict.ATTACK,
    "code-in-metadata": FileVerdict.ATTACK,
    "unknown-operation": FileVerdict.NEEDS_CLASS_INSTANCE,
    "opaque": FileVerdict.NEEDS_CLASS_INSTANCE,
    "malformed": FileVerdict.NOT_READABLE,
    "hidden-bytes": FileVerdict.NOT_READABLE,
}


def verdict(check: FileCheck, folder: Path, files: dict[str, bytes], rule: str) -> FileVerdict:
    found = findings_of(check, write_all(folder / "model", files))
    assert rule in {each.rule for each in found}, [each.message for each in found]
    assert all(each.message.isprintable() and len(each.message) < 400 for each in found)
    return max((check.verdict_of(each) for each in found), key=lambda each: each.rank)


@pytest.mark.parametrize("name", HOSTILE_COREML)
def test_hostile_coreml_model_is_told(name: str, tmp_path: Path) -> None:
    rule, data = HOSTILE_COREML[name]
    assert verdict(COREML, tmp_path, {"m.mlmodel": data}, rule) is VERDICTS[rule]


@pytest.mark.parametrize("name", cases.sound_coreml())
def test_sound_coreml_model_passes(name: str, tmp_path: Path) -> None:
    files = {
        "m.mlpackage/Data/com.apple.CoreML/model.mlmodel": cases.sound_coreml()[name],
        "m.mlpackage/Data/com.apple.CoreML/weights/weight.bin": bytes(64),
    }
    found = findings_of(COREML, write_all(tmp_path, files))
    assert [(each.outcome, len(each.locations)) for each in found] == [(Outcome.PASS, 2)], found


@pytest.mark.parametrize("name", HOSTILE_IR)
def test_hostile_openvino_model_is_told(name: str, tmp_path: Path) -> None:
    rule, text = HOSTILE_IR[name]
    files = {"m.xml": text.encode(), "m.bin": bytes(16)}
    assert verdict(IR, tmp_path, files, rule) is VERDICTS[rule]


def test_hostile_openvino_model_in_another_encoding_is_told(tmp_path: Path) -> None:
    text = HOSTILE_IR["external entity"][1].replace("?>", ' encoding="utf-16"?>', 1)
    files = {"m.xml": text.encode("utf-16"), "m.bin": bytes(16)}
    assert verdict(IR, tmp_path, files, "xml-entities") is FileVerdict.ATTACK


@pytest.mark.parametrize("name", cases.sound_ir())
def test_sound_openvino_model_passes(name: str, tmp_path: Path) -> None:
    files = {"m.xml": cases.sound_ir()[name].encode(), "m.bin": bytes(16)}
    assert [each.outcome for each in findings_of(IR, write_all(tmp_path, files))] == [Outcome.PASS]


def test_long_attribute_takes_bounded_time(tmp_path: Path) -> None:
    text = cases.ir(f'<layer id="2" name="{"a" * 8_000_000}" type="ReLU" version="opset1"/>')
    started = time.process_time()
    found = findings_of(IR, write_all(tmp_path, {"m.xml": text.encode()}))
    assert [each.outcome for each in found] == [Outcome.PASS]
    assert time.process_time() - started < 5


def test_description_without_its_weights_is_not_readable(tmp_path: Path) -> None:
    files = {"m.xml": cases.sound_ir()["plain"].encode()}
    assert verdict(IR, tmp_path, files, "malformed") is FileVerdict.NOT_READABLE


def test_model_of_the_openvino_library_passes(tmp_path: Path) -> None:
    import numpy as np
    import openvino
    from openvino import opset13

    given = opset13.parameter([1, 4], np.float32, name="x")
    weights = opset13.constant(np.ones((1, 4), np.float32))
    openvino.save_model(openvino.Model([opset13.add(given, weights)], [given], "m"), tmp_path / "m.xml")
    assert [each.outcome for each in findings_of(IR, tmp_path)] == [Outcome.PASS]


@pytest.mark.parametrize("text", ["<html><net></net></html>", "<annotation><x/></annotation>", "", "no XML"])
def test_other_xml_is_no_matter(text: str, tmp_path: Path) -> None:
    found = findings_of(IR, write_all(tmp_path, {"x.xml": text.encode()}))
    assert [each.outcome for each in found] == [Outcome.NOT_RUN]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("model.engine", b"\x00\x01\x02\xff" * 40),
        ("model.plan", b"ftrt" + bytes(100)),
        ("model.bin", b"ptrt" + bytes(100)),
        ("model.rknn", b"RKNN" + bytes(100)),
        ("empty.engine", b""),
    ],
)
def test_compiled_model_is_not_readable(name: str, data: bytes, tmp_path: Path) -> None:
    found = findings_of(COMPILED, write_all(tmp_path / "model", {name: data}))
    assert [COMPILED.verdict_of(each) for each in found] == [FileVerdict.NOT_READABLE]
    assert "machine code" in found[0].reason


@pytest.mark.parametrize(
    ("name", "data"), [("training.plan", b"First we train.\n"), ("weights.bin", bytes(9))]
)
def test_other_files_are_no_compiled_models(name: str, data: bytes, tmp_path: Path) -> None:
    found = findings_of(COMPILED, write_all(tmp_path / "model", {name: data}))
    assert [each.outcome for each in found] == [Outcome.NOT_RUN]
