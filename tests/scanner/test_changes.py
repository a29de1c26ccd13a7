"""What changed between two models and their findings is told, and what cannot be read is never 'the same'."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import struct
from pathlib import Path

import pytest

from scanner.changes.contents import part_changes
from scanner.changes.findings import finding_changes, lost_evidence
from scanner.changes.parts import file_changes, part_of
from scanner.comparison import Fate, LostEvidence, Part, PartChange, PartState
from scanner.findings import Location, Severity
from scanner.manifest import FileEntry, LeftOut, Snapshot, TensorIdentity
from scanner.parts import Parts, Piece
from scanner.references import ModelRef
from tests.assets.gguf_cases import GGUF_ARCHITECTURE, gguf_bytes, gguf_key, gguf_string, gguf_tensor
from tests.assets.tensor_files import Weights, write_gguf_file
from tests.policies.fake_checks import errored, failed, not_run, passed, record, scan_of


def safetensors(tensors: dict[str, tuple[str, list[int], bytes]]) -> bytes:
    header, data = {}, b""
    for name, (dtype, shape, values) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(values)]}
        data += values
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def snapshot(root: Path, files: dict[str, bytes]) -> Snapshot:
    entries = []
    for path, content in files.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        entries.append(FileEntry(path, len(content), hashlib.sha256(content).hexdigest()))
    return Snapshot(ModelRef.parse("hf://org/name@main"), None, str(root), tuple(entries))


def parts(base: Snapshot, candidate: Snapshot, *, with_values: bool = False) -> dict[Part, PartChange]:
    files = file_changes(base, candidate)
    return {each.part: each for each in part_changes(base, candidate, files, with_values=with_values)}


WEIGHTS = safetensors({"a": ("F32", [2], b"\0" * 8), "b": ("F32", [1], b"\0" * 4)})
MODEL = {
    "config.json": b'{"model_type": "llama"}',
    "tokenizer_config.json": b'{"chat_template": "{{ messages }}", "eos_token": "</s>"}',
    "README.md": b"---\nlicense: apache-2.0\n---\n# A model\n",
    "LICENSE": b"Apache License\n",
    "model.safetensors": WEIGHTS,
}


def two(tmp_path: Path, **changed: bytes) -> tuple[Snapshot, Snapshot]:
    """A model and the same with files changed; `__` in a name stands for a dot."""
    named = {name.replace("__", "."): content for name, content in changed.items()}
    return snapshot(tmp_path / "base", MODEL), snapshot(tmp_path / "candidate", {**MODEL, **named})


@pytest.mark.parametrize(
    ("path", "part"),
    [
        ("model-00001-of-00002.safetensors", Part.WEIGHTS), ("model.safetensors.index.json", Part.WEIGHTS),
        ("model.Q4_0.gguf", Part.WEIGHTS), ("tokenizer.json", Part.TOKENIZER), ("vocab.txt", Part.TOKENIZER),
        ("tokenizer.model", Part.TOKENIZER), ("chat_template.jinja", Part.TEMPLATE),
        ("LICENSE", Part.LICENCE), ("legal/USE_POLICY.md", Part.LICENCE), ("modeling_x.py", Part.CODE),
        ("license.py", Part.CODE), ("vocab.so", Part.CODE), ("requirements.txt", Part.CODE),
        ("generation_config.json", Part.CONFIG), ("README.md", Part.CARD), ("picture.png", Part.OTHER),
    ],
)  # fmt: skip
def test_file_belongs_to_its_part_and_code_never_hides(path: str, part: Part) -> None:
    assert part_of(path) is part


def test_same_files_are_the_same_in_every_part_even_when_they_are_gone(tmp_path: Path) -> None:
    base, candidate = two(tmp_path)
    gone = dataclasses.replace(candidate, root="/nowhere")
    assert {each.state for each in parts(base, gone).values()} == {PartState.SAME}


def test_template_inside_another_file_is_found_with_its_diff(tmp_path: Path) -> None:
    found = parts(*two(tmp_path, tokenizer_config__json=b'{"chat_template": "{{ silence }}"}'))
    assert found[Part.TEMPLATE].state is PartState.CHANGED
    assert "+{{ silence }}" in found[Part.TEMPLATE].diff
    assert found[Part.TOKENIZER].state is PartState.CHANGED
    assert found[Part.CODE].state is PartState.SAME


def test_tokenizer_alone_leaves_the_template(tmp_path: Path) -> None:
    changed = b'{"chat_template": "{{ messages }}", "eos_token": "<end>"}'
    assert parts(*two(tmp_path, tokenizer_config__json=changed))[Part.TEMPLATE].state is PartState.SAME


def test_what_can_no_longer_be_read_is_unknown(tmp_path: Path) -> None:
    base, candidate = two(tmp_path, tokenizer_config__json=b"{}", README__md=b"# A model\n")
    gone = parts(base, dataclasses.replace(candidate, root=str(tmp_path / "gone")))
    assert {gone[part].state for part in (Part.TEMPLATE, Part.LICENCE, Part.CODE)} == {PartState.UNKNOWN}
    assert "can no longer be read" in gone[Part.TEMPLATE].told[0]
    (tmp_path / "candidate" / "tokenizer_config.json").write_bytes(b"[]")
    assert "was changed after it was scanned" in parts(base, candidate)[Part.TEMPLATE].told[0]


def test_licence_of_the_card_counts_without_a_licence_file(tmp_path: Path) -> None:
    found = parts(*two(tmp_path, README__md=b"---\nlicense: mit\n---\n# A model\n"))[Part.LICENCE]
    assert found.state is PartState.CHANGED
    assert found.told == ("the licence it names: apache-2.0 in the base, mit now",)
    assert parts(*two(tmp_path, README__md=b"---\nlicense: apache-2.0\n---\n# Reworded\n"))[
        Part.LICENCE
    ].is_same


def test_code_named_in_the_configuration_is_changed_code(tmp_path: Path) -> None:
    auto = b'{"model_type": "llama", "auto_map": {"AutoModel": "other/repo--modeling.Model"}}'
    found = parts(*two(tmp_path, config__json=auto))
    assert found[Part.CODE].state is PartState.CHANGED
    assert "now names the code other/repo--modeling.Model" in found[Part.CODE].told[0]


def test_tensors_are_told_by_form_and_on_request_by_value(tmp_path: Path) -> None:
    other = safetensors(
        {"a": ("BF16", [2], b"\0" * 4), "b": ("F32", [1], b"\1" * 4), "c": ("F32", [1], b"\0" * 4)}
    )
    base, candidate = two(tmp_path, model__safetensors=other)
    told = " ".join(parts(base, candidate)[Part.WEIGHTS].told)
    assert "1 of 3 tensors added: c F32 [1]" in told
    assert "1 of 3 tensors in another number format or shape: a F32 [2] to BF16 [2]" in told
    assert "other values" not in told
    assert "2 of 2 tensors hold other values: a, b" in " ".join(
        parts(base, candidate, with_values=True)[Part.WEIGHTS].told
    )


def test_same_tensors_in_other_files_are_told_without_reading_them(tmp_path: Path) -> None:
    tensors = TensorIdentity("weighbridge-tensors/1", "ab" * 32, 2, 12, values_digest="cd" * 32)
    base, candidate = two(tmp_path, model__safetensors=WEIGHTS + b"other")
    base.local_path("model.safetensors").unlink()
    old = dataclasses.replace(base, tensors=tensors)
    for identity, expected in (
        (tensors, "the weights are the same 2 tensors in other files"),
        (dataclasses.replace(tensors, digest="ef" * 32), "the same values under other names"),
    ):
        new = dataclasses.replace(candidate, tensors=identity)
        change = parts(old, new)[Part.WEIGHTS]
        assert change.state is PartState.CHANGED
        assert expected in " ".join(change.told)
    unsure = dataclasses.replace(tensors, left_out=(LeftOut("x.onnx", "unknown"),))
    new = dataclasses.replace(candidate, tensors=unsure)
    assert "same" not in " ".join(parts(old, new)[Part.WEIGHTS].told)


def test_same_identity_does_not_make_unchanged_weights_a_change(tmp_path: Path) -> None:
    tensors = TensorIdentity("weighbridge-tensors/1", "ab" * 32, 2, 12)
    base, candidate = two(tmp_path, config__json=b"{}")
    both = [dataclasses.replace(each, tensors=tensors) for each in (base, candidate)]
    assert parts(*both)[Part.WEIGHTS].is_same


def test_values_are_compared_across_containers(tmp_path: Path) -> None:
    base, candidate = two(tmp_path)
    kept = {"a": Weights("F32", (2,), b"\0" * 8), "b": Weights("F32", (1,), b"\0\0\0\1")}
    write_gguf_file(tmp_path / "m.gguf", kept)
    other = snapshot(tmp_path / "other", {"m.gguf": (tmp_path / "m.gguf").read_bytes()})
    told = " ".join(parts(base, other, with_values=True)[Part.WEIGHTS].told)
    assert "1 of 2 tensors hold other values: b" in told


def test_weights_that_cannot_be_told_apart_are_named(tmp_path: Path) -> None:
    base, candidate = two(tmp_path, model__safetensors=WEIGHTS + b"other")
    told = " ".join(parts(base, candidate)[Part.WEIGHTS].told)
    assert "tensors that could not be compared: model.safetensors: it is malformed" in told
    assert "removed" not in told


def test_file_changes_are_sorted_with_their_verb(tmp_path: Path) -> None:
    base = snapshot(tmp_path / "base", MODEL)
    changed = {**MODEL, "config.json": b"{}", "extra.py": b"pass"}
    del changed["LICENSE"]
    found = file_changes(base, snapshot(tmp_path / "candidate", changed))
    assert [(each.verb, each.path) for each in found] == [
        ("removed", "LICENSE"), ("changed", "config.json"), ("added", "extra.py"),
    ]  # fmt: skip


def fates(base: object, candidate: object) -> list[tuple[str, str]]:
    from scanner.scan import Scan

    assert isinstance(base, Scan)
    assert isinstance(candidate, Scan)
    return [(each.fate.value, each.finding.check_id) for each in finding_changes(base, candidate)]


def test_finding_is_recognised_by_its_fingerprint_whatever_it_says() -> None:
    name = "remote-code"
    old = record(name, failed(name, Severity.MEDIUM, rule="a"))
    base = scan_of(None, old)
    reworded = dataclasses.replace(old.findings[0], message="said otherwise")
    assert fates(base, scan_of(None, record(name, reworded))) == [("same", name)]
    assert fates(base, scan_of(None, record(name, failed(name, Severity.HIGH, rule="a")))) == [
        ("worse", name)
    ]
    assert fates(base, scan_of(None, record(name, failed(name, Severity.LOW, rule="a")))) == [
        ("milder", name)
    ]
    other = scan_of(None, record(name, failed(name, rule="b")))
    assert fates(base, other) == [("new", name), ("fixed", name)]


def test_failure_that_nobody_looked_at_again_is_not_fixed() -> None:
    name = "remote-code"
    base = scan_of(None, record(name, failed(name, rule="a")))
    assert fates(base, scan_of(None, record(name, passed(name)))) == [("fixed", name)]
    assert fates(base, scan_of(None, record(name, errored(name)))) == [("unjudged", name)]
    assert fates(base, scan_of(None, record(name, passed(name), errored(name)))) == [("unjudged", name)]
    without = scan_of({each.check_id: each for each in base.records if each.check_id != name})
    assert fates(base, without) == [("unjudged", name)]
    no_file = record(name, not_run(name, rule="nothing-to-examine"))
    assert fates(base, scan_of(None, no_file)) == [("fixed", name)]


def test_new_failure_of_a_check_that_the_base_had_not_run_says_so() -> None:
    name = "remote-code"
    candidate = scan_of(None, record(name, failed(name)))
    base = scan_of(None, record(name, errored(name)))
    (change,) = finding_changes(base, candidate)
    assert (change.fate, change.was_judged) == (Fate.NEW, False)


def test_model_that_is_one_file_is_recognised_under_another_name() -> None:
    name = "gguf-malformed"

    def scan(path: str) -> object:
        finding = dataclasses.replace(failed(name), locations=(Location(path, detail="byte 9"),))
        made = scan_of(None, record(name, finding))
        files = (FileEntry(path, 2, "44" * 32),)
        return dataclasses.replace(made, snapshot=dataclasses.replace(made.snapshot, files=files))

    assert fates(scan("model-Q4.gguf"), scan("model-Q8.gguf")) == [("same", name)]


def test_lost_evidence_is_what_only_the_base_judged() -> None:
    name = "alignment-deflection"
    both = record(name, passed(name, subject="en"), passed(name, subject="zh"))
    base = scan_of(None, both)
    only_english = scan_of(
        None, record(name, passed(name, subject="en"), not_run(name, "not capable", subject="zh"))
    )
    assert lost_evidence(base, only_english) == (LostEvidence(name, "zh", "not capable"),)
    silent = scan_of(None, record(name, passed(name, subject="en")))
    assert lost_evidence(base, silent) == ()
    assert lost_evidence(base, silent, questioning={name}) == (
        LostEvidence(name, "zh", "nothing was said about it"),
    )
    assert lost_evidence(silent, base) == ()
    none = scan_of(None, record(name, errored(name)))
    assert lost_evidence(base, none) == (LostEvidence(name, "", "it broke"),)


def test_file_that_is_no_longer_there_is_no_lost_evidence() -> None:
    name = "pickle-runs-code"
    base = scan_of(None, record(name, passed(name)))
    none = scan_of(None, record(name, not_run(name, rule="nothing-to-examine")))
    assert lost_evidence(base, none) == ()


def gguf(template: str, licence: str, *, kind: int = 0) -> bytes:
    keys = [
        GGUF_ARCHITECTURE,
        gguf_key("tokenizer.chat_template", 8, gguf_string(template)),
        gguf_key("general.license", 8, gguf_string(licence)),
    ]
    return gguf_bytes(keys, [gguf_tensor("w", [32], 0, kind)], bytes(128 if kind == 0 else 32))


def test_parts_inside_a_gguf_header_are_told_apart_whatever_the_file_is_called(tmp_path: Path) -> None:
    base = snapshot(tmp_path / "base", {"model-Q8.gguf": gguf("{{ messages }}", "mit")})
    other = snapshot(tmp_path / "other", {"model-Q4.gguf": gguf("{{ silence }}", "llama3", kind=2)})
    found = parts(base, other)
    assert {part for part, each in found.items() if not each.is_same} == {
        Part.WEIGHTS, Part.TEMPLATE, Part.LICENCE,
    }  # fmt: skip
    assert "+{{ silence }}" in found[Part.TEMPLATE].diff
    assert found[Part.LICENCE].told == ("the licence it names: mit in the base, llama3 now",)
    assert "w F32 [32] to Q4_0 [32]" in " ".join(found[Part.WEIGHTS].told)
    requantised = snapshot(tmp_path / "q4", {"model-Q4.gguf": gguf("{{ messages }}", "mit", kind=2)})
    assert {part for part, each in parts(base, requantised).items() if not each.is_same} == {Part.WEIGHTS}


def partly(whole: Snapshot, path: str, size_bytes: int | None = None) -> Snapshot:
    """The snapshot as an inspection has it: of one file only the first bytes were read."""
    parts = Parts((Piece(0, 8, 0),), "0" * 64, "only its header was read")
    entries = [
        FileEntry(path, size_bytes or each.size_bytes, "", parts=parts) if each.path == path else each
        for each in whole.files
    ]
    return dataclasses.replace(whole, files=tuple(entries))


def test_weights_that_were_not_read_are_neither_the_same_nor_changed(tmp_path: Path) -> None:
    base, candidate = two(tmp_path)
    inspected = partly(candidate, "model.safetensors")
    for one, other in ((base, inspected), (inspected, base), (inspected, inspected)):
        found = parts(one, other)
        assert found[Part.WEIGHTS].state is PartState.UNKNOWN
        assert found[Part.CONFIG].state is PartState.SAME
        assert "sha256" not in " ".join(found[Part.WEIGHTS].told)


def test_weights_of_another_size_changed_although_they_were_not_read(tmp_path: Path) -> None:
    base, candidate = two(tmp_path)
    found = parts(base, partly(candidate, "model.safetensors", 10**9))[Part.WEIGHTS]
    assert found.state is PartState.CHANGED
    assert "1,000,000,000 bytes, not read whole" in " ".join(found.told)
