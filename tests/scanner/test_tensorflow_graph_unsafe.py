"""tensorflow-graph-unsafe: what a graph does beside computing is told, what savers and loaders do is not."""

from __future__ import annotations

import time
import tracemalloc
from pathlib import Path

import pytest

from scanner.checks.tensorflow_graph_unsafe import CHECK
from scanner.file_check import FileVerdict
from scanner.findings import Finding, Outcome
from scanner.manifest import FileEntry
from tests.assets import tensorflow_cases as cases
from tests.assets.make_file_assets import write_all
from tests.assets.protobuf_bytes import field, varint
from tests.scanner.check_runs import findings_of

ATTACKS = cases.tensorflow_attacks()
REVIEW = cases.tensorflow_to_review()
MALFORMED = cases.malformed_tensorflow()


def findings(folder: Path, name: str, data: bytes) -> list[Finding]:
    return findings_of(CHECK, write_all(folder / "model", {name: data}))


@pytest.mark.parametrize("name", ATTACKS)
def test_graph_that_does_more_than_compute_is_an_attack(name: str, tmp_path: Path) -> None:
    rule, data = ATTACKS[name]
    found = findings(tmp_path, name, data)
    assert rule in {each.rule for each in found}
    assert FileVerdict.ATTACK in {CHECK.verdict_of(each) for each in found}
    assert all(each.locations[0].path == name and each.remediation and each.tags for each in found)


@pytest.mark.parametrize("name", cases.sound_tensorflow())
def test_graph_that_computes_passes(name: str, tmp_path: Path) -> None:
    found = findings(tmp_path, name, cases.sound_tensorflow()[name])
    assert [(each.outcome, each.message[:30]) for each in found] == [
        (Outcome.PASS, "1 of 1 TensorFlow files do not")
    ]


@pytest.mark.parametrize("name", REVIEW)
def test_graph_that_needs_code_of_others_is_for_review(name: str, tmp_path: Path) -> None:
    rule, data = REVIEW[name]
    found = findings(tmp_path, name, data)
    assert rule in {each.rule for each in found}
    assert {CHECK.verdict_of(each) for each in found} == {FileVerdict.NEEDS_CLASS_INSTANCE}


@pytest.mark.parametrize("name", MALFORMED)
def test_file_that_is_no_graph_is_not_readable(name: str, tmp_path: Path) -> None:
    rule, data = MALFORMED[name]
    found = findings(tmp_path, name, data)
    assert rule in {each.rule for each in found}
    assert {CHECK.verdict_of(each) for each in found} == {FileVerdict.NOT_READABLE}


def test_checkpoint_is_plain_data(tmp_path: Path) -> None:
    magic = (0xDB4775248B80FB57).to_bytes(8, "little")
    files = {"v/variables.index": bytes(40) + magic, "v/variables.data-00000-of-00001": bytes(64)}
    found = findings_of(CHECK, write_all(tmp_path / "model", files))
    assert [(each.outcome, len(each.locations)) for each in found] == [(Outcome.PASS, 2)]


@pytest.mark.parametrize("data", [b"", b"plain text\n", b"\x80\x04K\x01.", b"\x0a\x05hello", bytes(100)])
def test_other_files_are_no_matter(data: bytes, tmp_path: Path) -> None:
    found = findings(tmp_path, "some.file", data)
    assert [(each.outcome, each.rule) for each in found] == [(Outcome.NOT_RUN, "nothing-to-examine")]


@pytest.mark.parametrize(
    "text",
    [
        b'item { id: 1 name: "person" }',
        b'node { calculator: "FlowLimiterCalculator" input_stream: "in" }',
        b'name: "model" platform: "onnxruntime_onnx" max_batch_size: 8',
    ],
    ids=["labels", "MediaPipe", "Triton"],
)
def test_other_texts_of_the_same_suffix_are_no_matter(text: bytes, tmp_path: Path) -> None:
    found = findings(tmp_path, "config.pbtxt", text)
    assert [(each.outcome, each.rule) for each in found] == [(Outcome.NOT_RUN, "nothing-to-examine")]


def test_names_of_the_file_reach_messages_escaped(tmp_path: Path) -> None:
    name = "\u202e\x1b[31m" + "n" * 5000
    for each in findings(tmp_path, "x.pb", cases.COMPUTING + cases.node("ReadFile", name, "x")):
        assert each.message.isprintable()
        assert len(each.message) < 400


def test_many_faults_are_told_in_twenty_findings(tmp_path: Path) -> None:
    nodes = b"".join(cases.node("ReadFile", f"r{number}") for number in range(5000))
    found = findings(tmp_path, "x.pb", nodes)
    assert len(found) == 21
    assert found[-1].locations[0].detail == "further faults"


def test_names_that_branch_without_end_are_followed_for_a_bounded_time(tmp_path: Path) -> None:
    packs = [cases.node("Pack", f"n{number}", *[f"n{number - 1}"] * 20) for number in range(1, 200)]
    nodes = [cases.node("Placeholder", "n0"), *packs]
    nodes += [cases.node("Identity", "a", "b"), cases.node("Identity", "b", "a")]
    data = b"".join(nodes) + cases.node("SaveV2", "s", "n199") + cases.node("SaveV2", "t", "a")
    started = time.process_time()
    found = findings(tmp_path, "x.pb", data)
    assert {each.rule for each in found} == {"writes"}
    assert time.process_time() - started < 5


def test_text_without_operations_is_looked_at_for_a_bounded_time(tmp_path: Path) -> None:
    started = time.process_time()
    found = findings(tmp_path, "x.pbtxt", b"node " * 100_000)
    assert [each.rule for each in found] == ["nothing-to-examine"]
    assert time.process_time() - started < 5


def test_large_constants_are_not_read(tmp_path: Path) -> None:
    size = 4 * 1024**3
    value = field(1, 1) + b"\x22" + varint(size)  # tensor_content
    tensor = _framed(8, value, size)
    attribute = _framed(5, field(1, "value") + _framed(2, tensor, size), size)
    graph = cases.COMPUTING + _framed(1, field(1, "w") + field(2, "Const") + attribute, size)
    folder = tmp_path / "model"
    folder.mkdir()
    with (folder / "big.pb").open("wb") as stream:
        stream.write(graph)
        stream.truncate(len(graph) + size)
        stream.seek(0, 2)
        stream.write(cases.node("ReadFile", "r", "x"))
    entry = FileEntry("big.pb", (folder / "big.pb").stat().st_size, "0" * 64)
    tracemalloc.start()
    found = findings_of(CHECK, folder, entry)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [each.rule for each in found] == ["reads"]
    assert peak < 16 * 1024**2


def _framed(number: int, head: bytes, more: int) -> bytes:
    """A field whose content begins with `head` and goes on for so many bytes that are not written here."""
    return varint(number << 3 | 2) + varint(len(head) + more) + head
