"""msgpack-malformed: every fault of a checkpoint is named, honest ones pass, nothing is allocated."""

from __future__ import annotations

import pickle
import random
import struct
import tracemalloc
from pathlib import Path

import pytest
from msgspec import msgpack

from scanner.checks.file_kind_unclear import CHECK as FILE_KIND
from scanner.checks.msgpack_malformed import CHECK
from scanner.file_check import FileVerdict
from scanner.findings import Finding, Outcome
from scanner.flax.checkpoints import msgpack_faults
from tests.assets.make_file_assets import write_all
from tests.assets.pickle_cases import calling
from tests.scanner.check_runs import findings_of


def tensor(shape: list[int], dtype: str, data: bytes, code: int = 1) -> msgpack.Ext:
    """A tensor as Flax writes it: an extension that holds shape, type and numbers."""
    return msgpack.Ext(code, msgpack.encode([shape, dtype, data]))


def packed(value: object) -> bytes:
    return msgpack.encode(value)


PARAMETERS = {
    "params": {
        "dense": {"kernel": tensor([2, 3], "float32", bytes(24)), "bias": tensor([3], "bfloat16", bytes(6))}
    },
    "step": tensor([], "int32", bytes(4), code=3),
    "phase": msgpack.Ext(2, packed([1.0, 2.0])),
    "words": ["a", "é", None, True, 1.5, -7, 2**40],
    "empty": {},
    "none": tensor([0, 4], "int8", b""),
    "raw": b"\x80\x04 no pickle",
    "chunks": {
        "__msgpack_chunked_array__": True,
        "shape": {"0": 2},
        "chunks": {"0": tensor([2], "int8", b"ab")},
    },
}
GOOD = packed(PARAMETERS)
FAULTS = {
    "empty": ("MP-CUT", b""),
    "cut": ("MP-CUT", GOOD[: len(GOOD) // 2]),
    "reserved_byte": ("MP-CUT", b"\x81\xa1a\xc1"),
    "long_map": ("MP-CUT", b"\xdf\xff\xff\xff\xff"),
    "long_array": ("MP-CUT", b"\xdd\x7f\xff\xff\xff\x01"),
    "long_bytes": ("MP-CUT", b"\x81\xa1a\xc6\xff\xff\xff\xff"),
    "deep": ("MP-CUT", b"\x91" * 1000 + b"\x01"),
    "key_is_a_list": ("MP-CUT", b"\x81\x91\x01\x02"),
    "trailing": ("MP-TRAIL", GOOD + b"PK\x03\x04"),
    "text": ("MP-TRAIL", b"no MessagePack at all"),
    "key_twice": ("MP-DUP", b"\x82\xa1a\x01\xa1a\x02"),
    "no_utf8": ("MP-TEXT", b"\x81\xa1a\xa2\xff\xfe"),
    "foreign_extension": ("MP-EXT", packed({"a": msgpack.Ext(42, b"x")})),
    "too_few_numbers": ("MP-TENSOR", packed({"w": tensor([3], "float32", bytes(8))})),
    "negative_dimension": ("MP-TENSOR", packed({"w": tensor([-1, 4], "int8", b"")})),
    "enormous_dimensions": ("MP-TENSOR", packed({"w": tensor([2**62, 2**62], "float64", b"")})),
    "many_dimensions": ("MP-TENSOR", packed({"w": tensor([1] * 65, "int8", b"a")})),
    "no_tensor": ("MP-TENSOR", packed({"w": msgpack.Ext(1, packed({"shape": 1}))})),
    "behind_the_tensor": ("MP-TENSOR", packed({"w": msgpack.Ext(1, packed([[1], "int8", b"a"]) + b"x")})),
    "objects": ("MP-DTYPE", packed({"w": tensor([1], "object", bytes(8))})),
    "reaches_out": ("MP-CUT", b"\x81\xa1w\xc7\x04\x01\x93\x91\x01\xa4int8\xc4\x01a"),
    "rebuilds_objects": ("MP-OBJECT", packed({"w": 1, "__reduce__": "os.system"})),
    "pickle": ("MP-PICKLE", packed({"state": calling("os", "system")})),
}  # fmt: skip


def judged(tmp_path: Path, data: bytes) -> list[Finding]:
    (tmp_path / "model").mkdir(exist_ok=True)
    (tmp_path / "model" / "flax_model.msgpack").write_bytes(data)
    return findings_of(CHECK, tmp_path / "model")


@pytest.mark.parametrize("name", FAULTS)
def test_fault_is_named_by_its_code(name: str, tmp_path: Path) -> None:
    code, data = FAULTS[name]
    found = judged(tmp_path, data)
    assert code in {finding.rule for finding in found}
    expected = FileVerdict.ATTACK if code == "MP-PICKLE" else FileVerdict.NOT_READABLE
    assert {CHECK.verdict_of(finding) for finding in found} == {expected}


@pytest.mark.parametrize("data", [GOOD, packed({}), packed([1, 2])], ids=["checkpoint", "empty", "list"])
def test_honest_file_passes(data: bytes, tmp_path: Path) -> None:
    assert [finding.outcome for finding in judged(tmp_path, data)] == [Outcome.PASS]


@pytest.mark.parametrize("name", ["ner/model", "lookups.bin"])
def test_file_without_a_telling_name_is_read(name: str, tmp_path: Path) -> None:
    write_all(tmp_path / "sound", {name: GOOD})
    write_all(tmp_path / "hostile", {name: FAULTS["pickle"][1]})
    assert [each.outcome for each in findings_of(CHECK, tmp_path / "sound")] == [Outcome.PASS]
    assert [each.rule for each in findings_of(CHECK, tmp_path / "hostile")] == ["MP-PICKLE"]
    (kind,) = findings_of(FILE_KIND, tmp_path / "sound")
    assert kind.rule == "left-to-others"


def test_other_bytes_without_a_telling_name_are_not_judged(tmp_path: Path) -> None:
    folder = write_all(tmp_path / "model", {"blob": b"\x93" + bytes(300), "other": b"\xff\x00" * 50})
    assert not any(each.outcome in (Outcome.FAIL, Outcome.PASS) for each in findings_of(CHECK, folder))


def test_place_is_the_keys_that_lead_there(tmp_path: Path) -> None:
    data = packed({"params": {"dense": {"kernel": tensor([1], "x\x1b[2J", b"a")}}})
    (found,) = judged(tmp_path, data)
    assert found.locations[0].detail == "params/dense/kernel"
    assert found.message.isprintable()


def test_tensors_are_stepped_over(tmp_path: Path) -> None:
    big = 64 * 1024**2
    head = b"\x81\xa1w\xc9" + struct.pack(">IB", big + 17, 1) + b"\x93\x91\xce" + struct.pack(">I", big)
    head += b"\xa4int8\xc6" + struct.pack(">I", big)
    with (tmp_path / "flax_model.msgpack").open("w+b") as file:
        file.write(head)
        file.truncate(len(head) + big)
        file.seek(0)
        tracemalloc.start()
        assert msgpack_faults(file, len(head) + big) == []
        peak_bytes = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak_bytes < 1024**2


def test_random_changes_never_crash(tmp_path: Path) -> None:
    dice = random.Random(0)
    for _ in range(100):
        changed = bytearray(GOOD)
        for _ in range(dice.randint(1, 4)):
            changed[dice.randrange(len(changed))] = dice.randrange(256)
        assert judged(tmp_path, bytes(changed[: dice.randint(0, len(changed))]))


def test_model_without_such_files_is_not_judged(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes(b"{}")
    assert [finding.rule for finding in findings_of(CHECK, tmp_path)] == ["nothing-to-examine"]


@pytest.mark.parametrize("name", ["ner/model", "vocab/lookups.bin", "model.msgpack"])
def test_what_spacy_keeps_is_known_by_its_bytes(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(packed({"nodes": [1, {"name": "tok2vec"}]}))
    assert [found.outcome for found in findings_of(CHECK, tmp_path)] == [Outcome.PASS]
    path.write_bytes(packed({"nodes": calling("os", "system")}))
    assert [CHECK.verdict_of(found) for found in findings_of(CHECK, tmp_path)] == [FileVerdict.ATTACK]
    path.write_bytes(packed({"nodes": 1})[:-1])
    assert [found.rule for found in findings_of(CHECK, tmp_path)] == ["MP-CUT"]


def test_other_bytes_without_a_suffix_are_no_matter(tmp_path: Path) -> None:
    for name, data in {
        "model": pickle.dumps({"nodes": 1}),
        "weights.bin": bytes(99),
        "net.onnx": GOOD,
    }.items():
        (tmp_path / name).write_bytes(data)
    assert [found.outcome for found in findings_of(CHECK, tmp_path)] == [Outcome.NOT_RUN]


@pytest.mark.parametrize("count", [0, 1, 40, 200])
@pytest.mark.parametrize("name", ["model.msgpack", "lookups"])
def test_keys_written_twice_hide_no_pickle(name: str, count: int, tmp_path: Path) -> None:
    pairs = b"\xa1a\x01" * count + b"\xa1b" + packed(calling("os", "system"))
    (tmp_path / name).write_bytes(b"\xde" + struct.pack(">H", count + 1) + pairs)
    found = findings_of(CHECK, tmp_path)
    assert FileVerdict.ATTACK in {CHECK.verdict_of(each) for each in found}
    assert len(found) <= 20


def test_pickle_of_more_than_a_megabyte_is_an_attack(tmp_path: Path) -> None:
    data = b"\x80\x04B" + struct.pack("<I", 2**21) + bytes(2**21) + b"0" + calling("os", "system")[2:]
    (tmp_path / "a.msgpack").write_bytes(packed({"w": data, "numbers": bytes(2**21)}))
    assert [CHECK.verdict_of(found) for found in findings_of(CHECK, tmp_path)] == [FileVerdict.ATTACK]


def test_pickle_too_long_to_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.msgpack").write_bytes(packed({"w": b"\x80\x04" + bytes(65 * 2**20)}))
    assert [found.rule for found in findings_of(CHECK, tmp_path)] == ["MP-LONG"]
