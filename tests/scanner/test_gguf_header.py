"""The GGUF header reader: agrees with gguf's own writer, and survives whatever a file claims."""

from __future__ import annotations

import random
import struct
import time
from pathlib import Path

import gguf
import numpy
import pytest

from scanner.tensorfiles.gguf_header import ARRAY_HEAD, GgufArray, GgufError, read_gguf_header


def text(value: str) -> bytes:
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def header(*, version: int = 3, tensors: int = 0, keys: int = 0, rest: bytes = b"") -> bytes:
    return b"GGUF" + struct.pack("<IQQ", version, tensors, keys) + rest


def write(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "tiny.gguf"
    path.write_bytes(data)
    return path


@pytest.fixture
def real(tmp_path: Path) -> Path:
    """A file by the reference writer, with every type of value it can write."""
    path = tmp_path / "real.gguf"
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_name("Tiny 1M Instruct")
    writer.add_uint8("t.u8", 255)
    writer.add_int8("t.i8", -1)
    writer.add_uint16("t.u16", 65535)
    writer.add_int16("t.i16", -2)
    writer.add_uint32("t.u32", 2**32 - 1)
    writer.add_int32("t.i32", -3)
    writer.add_uint64("t.u64", 2**64 - 1)
    writer.add_int64("t.i64", -4)
    writer.add_float32("t.f32", 0.5)
    writer.add_float64("t.f64", 0.25)
    writer.add_bool("t.bool", True)
    writer.add_array("t.strings", [f"token {index}" for index in range(1000)])
    writer.add_array("t.numbers", list(range(300)))
    writer.add_string("t.after", "still in step")
    writer.add_tensor("blk.0.weight", numpy.zeros((4, 8), dtype=numpy.float32))
    writer.add_tensor("blk.0.bias", numpy.zeros(8, dtype=numpy.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def test_every_type_is_read_as_the_reference_wrote_it(real: Path) -> None:
    read = read_gguf_header(real)
    expected = {
        "t.u8": 255, "t.i8": -1, "t.u16": 65535, "t.i16": -2, "t.u32": 2**32 - 1, "t.i32": -3,
        "t.u64": 2**64 - 1, "t.i64": -4, "t.f32": 0.5, "t.f64": 0.25, "t.bool": True,
        "t.after": "still in step", "general.name": "Tiny 1M Instruct", "general.architecture": "llama",
    }  # fmt: skip
    assert {key: read.metadata[key] for key in expected} == expected
    assert (read.version, read.byte_order, read.tensor_count) == (3, "little", 2)


def test_arrays_keep_their_length_and_only_their_head(real: Path) -> None:
    read = read_gguf_header(real)
    strings, numbers = read.metadata["t.strings"], read.metadata["t.numbers"]
    assert isinstance(strings, GgufArray)
    assert isinstance(numbers, GgufArray)
    assert (strings.element_type, strings.length, len(strings.head)) == ("string", 1000, ARRAY_HEAD)
    assert strings.head[:2] == ("token 0", "token 1")
    assert (numbers.element_type, numbers.length, numbers.head[:3]) == ("int32", 300, (0, 1, 2))


def test_tensor_list_agrees_with_the_reference_reader(real: Path) -> None:
    ours = read_gguf_header(real)
    theirs = gguf.GGUFReader(str(real))
    assert [(t.name, t.shape, t.type_id) for t in ours.tensors] == [
        (t.name, tuple(int(size) for size in t.shape), int(t.tensor_type)) for t in theirs.tensors
    ]
    assert [t.element_count for t in ours.tensors] == [t.n_elements for t in theirs.tensors]
    assert -(-ours.header_bytes // 32) * 32 == theirs.data_offset


def test_demo_model_is_read_quickly_and_right(demo_model: Path) -> None:
    began = time.process_time()
    read = read_gguf_header(demo_model)
    assert time.process_time() - began < 2
    assert read.text("general.name") == "Smollm2 135M 8k Lc100K Mix1 Ep2"
    assert read.number("llama.block_count") == 30
    assert (read.tensor_count, len(read.tensors)) == (272, 272)
    assert 130e6 < sum(tensor.element_count for tensor in read.tensors) < 140e6


def test_big_endian_is_read(tmp_path: Path) -> None:
    key = struct.pack(">Q", 1) + b"k" + struct.pack(">I", 4) + struct.pack(">I", 7)
    read = read_gguf_header(write(tmp_path, b"GGUF" + struct.pack(">IQQ", 3, 0, 1) + key))
    assert (read.byte_order, read.metadata) == ("big", {"k": 7})


def test_first_version_with_short_lengths_is_read(tmp_path: Path) -> None:
    key = struct.pack("<I", 1) + b"k" + struct.pack("<I", 8) + struct.pack("<I", 2) + b"ok"
    read = read_gguf_header(write(tmp_path, b"GGUF" + struct.pack("<III", 1, 0, 1) + key))
    assert read.metadata == {"k": "ok"}


def test_key_written_twice_keeps_the_first_and_tells(tmp_path: Path) -> None:
    pair = text("general.name") + struct.pack("<I", 8)
    data = header(keys=2, rest=pair + text("honest") + pair + text("other"))
    read = read_gguf_header(write(tmp_path, data))
    assert read.text("general.name") == "honest"
    assert read.duplicate_keys == ("general.name",)


STRING_ARRAY = text("k") + struct.pack("<II", 9, 8)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "cut off in the magic"),
        (b"PK\x03\x04", "not b'GGUF'"),
        (b"GGUF", "cut off in the version"),
        (header(version=99), "version 99"),
        (header(tensors=2**60), "tensor count is 1152921504606846976"),
        (header(keys=2**63), "metadata count is"),
        (header(keys=1, rest=struct.pack("<Q", 2**62)), "metadata key 0 claims"),
        (header(keys=1, rest=text("k") + struct.pack("<I", 77)), "type of 'k' is 77"),
        (header(keys=1, rest=STRING_ARRAY + struct.pack("<Q", 2**60)), "length of value of 'k'"),
        (header(keys=1, rest=STRING_ARRAY + struct.pack("<Q", 8) + text("a")), "cut off"),
        (header(keys=1, rest=text("k") + struct.pack("<IIQ", 9, 10, 3) + bytes(8)), "cut off"),
        (header(keys=1, rest=text("k") + struct.pack("<I", 9) + struct.pack("<IQ", 9, 1) * 9), "nested"),
        (header(tensors=1, rest=text("w") + struct.pack("<I", 2**31) + bytes(64)), "dimensions"),
    ],
)
def test_absurd_headers_are_refused_at_once(tmp_path: Path, data: bytes, problem: str) -> None:
    began = time.process_time()
    with pytest.raises(GgufError, match=problem) as caught:
        read_gguf_header(write(tmp_path, data))
    assert time.process_time() - began < 1
    assert "tiny.gguf, byte" in str(caught.value)


def test_every_cut_of_a_real_header_is_an_error(real: Path, tmp_path: Path) -> None:
    data = real.read_bytes()
    end = read_gguf_header(real).header_bytes
    for cut in [*range(0, 200), *range(200, end, 97), end - 1]:
        with pytest.raises(GgufError):
            read_gguf_header(write(tmp_path, data[:cut]))
    assert read_gguf_header(write(tmp_path, data[:end])).tensor_count == 2


def test_damaged_headers_never_hang_or_raise_anything_else(real: Path, tmp_path: Path) -> None:
    data = bytearray(real.read_bytes())
    end = read_gguf_header(real).header_bytes
    chance = random.Random(1)
    began = time.process_time()
    refused = 0
    for _ in range(400):
        damaged = bytearray(data)
        for _ in range(4):
            damaged[chance.randrange(4, end)] = chance.choice([0, 1, 9, 127, 255])
        try:
            read_gguf_header(write(tmp_path, bytes(damaged)))
        except GgufError:
            refused += 1
    assert time.process_time() - began < 20
    assert refused > 50


def test_missing_file_is_an_error_of_ours(tmp_path: Path) -> None:
    with pytest.raises(GgufError, match="No such file"):
        read_gguf_header(tmp_path / "none.gguf")
