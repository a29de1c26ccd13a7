"""Inspecting reads what it must, remembers what it read, and stops where it may not go on."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from scanner.errors import ScanError
from scanner.inspection import demand, files
from scanner.inspection.allowance import Allowance
from scanner.inspection.demand import LocalFile
from scanner.inspection.files import read_heads
from scanner.inspection.heads import read_header
from scanner.inspection.plan import Extent, extent_of
from scanner.manifest import SourceDigest
from scanner.parts import PartlyReadError
from tests.assets.archives import zip_bytes
from tests.assets.gguf_cases import gguf_bytes, gguf_key
from tests.assets.safetensors_cases import safetensors_bytes
from tests.scanner.model_folders import write_safetensors

MIB = 1024**2


@pytest.mark.parametrize(
    ("path", "size_bytes", "extent"),
    [
        ("model.safetensors", 10**12, Extent.HEADER),
        ("sub/model.GGUF", 10**9, Extent.HEADER),
        ("pytorch_model.bin", 10**9, Extent.HEADER),
        ("state.pkl", 10**9, Extent.HEADER),
        ("saved_model.pb", 10**9, Extent.HEADER),
        ("model.tflite", 10**9, Extent.HEADER),
        ("model.safetensors", 900, Extent.WHOLE),
        ("tokenizer.json", 60 * MIB, Extent.WHOLE),
        ("README.md", 10 * 10**9, Extent.BEGINNING),
        ("LICENSE", 5000, Extent.WHOLE),
        ("modeling_x.py", 3 * MIB, Extent.WHOLE),
        ("film.mp4", 10**9, Extent.NOTHING),
        ("logo.png", 300_000, Extent.WHOLE),
    ],
)
def test_extent_follows_name_and_size(path: str, size_bytes: int, extent: Extent) -> None:
    assert extent_of(path, size_bytes) is extent


def test_pieces_are_sorted_and_hold_what_the_file_holds(tmp_path: Path) -> None:
    data = bytes(number % 251 for number in range(500_000))
    (tmp_path / "m.bin").write_bytes(data)
    with LocalFile(tmp_path, "m.bin", len(data), Allowance(MIB), 4096) as file:
        stream = file.open()
        for place in (300_000, 10, 499_999, 150_000, 12_000):
            stream.seek(place)
            assert stream.read(100) == data[place : place + 100]
        assert [piece.begin for piece in file.pieces] == sorted(piece.begin for piece in file.pieces)
        assert all(a.end <= b.begin for a, b in zip(file.pieces, file.pieces[1:], strict=False))
        assert not file.is_whole
        assert sum(piece.end - piece.begin for piece in file.pieces) < 150_000


def test_end_of_a_file_comes_in_one_piece(tmp_path: Path) -> None:
    (tmp_path / "m.bin").write_bytes(bytes(500_000))
    with LocalFile(tmp_path, "m.bin", 500_000, Allowance(MIB), 4096) as file:
        file.open().seek(500_000 - 22)
        stream = file.open()
        stream.seek(500_000 - 22)
        stream.read()
        assert file.pieces[0].begin <= 500_000 - 65_557  # the longest a zip archive's end record can be
        assert file.pieces[0].end == 500_000


def test_header_beyond_the_limit_is_said_not_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demand, "HEADER_LIMIT_BYTES", 64 * 1024)
    header = {"w": {"dtype": "U8", "shape": [8], "data_offsets": [0, 8]}}
    path = tmp_path / "model.safetensors"
    path.write_bytes(safetensors_bytes(header, pad=b" " * 200_000, data=bytes(8)))
    (entry,) = read_heads(tmp_path, [path.name]).files
    assert entry.parts is not None
    assert "its header takes more than" in entry.parts.reason
    assert entry.bytes_read <= 64 * 1024


def test_allowance_ends_an_inspection_and_names_what_it_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "ALLOWANCE_BYTES", 100_000)
    for number in range(20):
        (tmp_path / f"text{number}.txt").write_bytes(b"x" * 20_000)
    write_safetensors(tmp_path / "model.safetensors", {"w": [500, 500]})
    entries = read_heads(tmp_path, [path.name for path in tmp_path.iterdir()]).files
    assert sum(entry.bytes_read for entry in entries) <= 100_000
    left = [entry for entry in entries if not entry.is_whole]
    assert len(left) == 16
    assert all(entry.parts and "that this inspection may take" in entry.parts.reason for entry in left)


def test_header_in_several_steps_is_read_to_its_end(tmp_path: Path) -> None:
    names = {f"model.layers.{number}.weight": [4] for number in range(5000)}
    write_safetensors(tmp_path / "model.safetensors", {**names, "large": [10**6]})
    (entry,) = read_heads(tmp_path, ["model.safetensors"]).files
    assert entry.parts is not None
    assert entry.parts.pieces[0].end > 300_000
    assert entry.parts.reason == "only its header was read"


def test_long_arrays_of_a_gguf_header_are_stepped_over(tmp_path: Path) -> None:
    numbers = gguf_key("tokenizer.ggml.scores", 9, (6).to_bytes(4, "little") + (10**6).to_bytes(8, "little"))
    data = gguf_bytes([numbers + bytes(4 * 10**6)], [], bytes(MIB))
    (tmp_path / "m.gguf").write_bytes(data)
    (entry,) = read_heads(tmp_path, ["m.gguf"]).files
    assert entry.bytes_read < 400_000


def test_recorded_digest_of_a_file_read_in_part_is_kept_and_matches_nothing(tmp_path: Path) -> None:
    write_safetensors(tmp_path / "model.safetensors", {"w": [500, 500]})
    digest = SourceDigest("sha256", "0" * 64, "SHA256SUMS")
    (entry,) = read_heads(tmp_path, ["model.safetensors"], {"model.safetensors": [digest]}).files
    assert (entry.sha256, entry.source_digest, entry.matches_source) == ("", digest, None)


def test_small_weight_file_is_read_whole(tmp_path: Path) -> None:
    write_safetensors(tmp_path / "model.safetensors", {"w": [5, 5]})
    (entry,) = read_heads(tmp_path, ["model.safetensors"]).files
    assert entry.is_whole


@pytest.mark.parametrize("name", ["model.safetensors", "m.gguf", "pytorch_model.bin", "old.pt", "x.npz"])
@pytest.mark.parametrize("data", [b"\xff" * 100_000, b"PK\x03\x04" + b"\xff" * 100_000, bytes(100_000)])
def test_garbage_under_any_name_is_an_entry_not_an_error(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    (entry,) = read_heads(tmp_path, [name]).files
    assert entry.size_bytes == len(data)


def test_unreadable_file_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ScanError, match="model.safetensors: No such file"):
        read_heads(tmp_path, ["model.safetensors"])


def test_allowance_gives_all_or_nothing() -> None:
    allowance = Allowance(10)
    assert [allowance.take(size) for size in (6, 5, 4, 1)] == [True, False, True, False]
    assert allowance.used_bytes == 10


def test_no_reader_gets_bytes_beyond_the_allowance(tmp_path: Path) -> None:
    (tmp_path / "m.bin").write_bytes(bytes(100_000))
    with (
        LocalFile(tmp_path, "m.bin", 100_000, Allowance(20_000), 8192) as file,
        pytest.raises(PartlyReadError, match="may take"),
    ):
        file.open().read(60_000)


def test_card_of_ten_gigabytes_is_read_at_its_beginning(tmp_path: Path) -> None:
    with (tmp_path / "README.md").open("wb") as stream:
        stream.write(b"# A card\n")
        stream.truncate(10 * 10**9)
    (entry,) = read_heads(tmp_path, ["README.md"]).files
    assert (entry.is_whole, entry.size_bytes) == (False, 10 * 10**9)
    assert 512 * 1024 < entry.bytes_read < 600 * 1024


@pytest.mark.parametrize("name", ["m.bin", "m.npz", "m.gguf", "m.safetensors"])
def test_no_damaged_byte_of_a_header_stops_an_inspection(tmp_path: Path, name: str) -> None:
    header = {"w": {"dtype": "U8", "shape": [8], "data_offsets": [0, 8]}}
    sound = {
        "m.bin": zip_bytes({"a/data.pkl": b"N.", "a/data/0": bytes(20)}),
        "m.npz": zip_bytes({"a.npy": b"\x93NUMPY" + bytes(60)}),
        "m.gguf": gguf_bytes([gguf_key("k", 4, bytes(4))], [], bytes(32)),
        "m.safetensors": safetensors_bytes(header, bytes(8)),
    }[name]
    for position in range(len(sound)):
        for value in (0, 255):
            damaged = bytearray(sound)
            damaged[position] = value
            read_header(io.BytesIO(damaged), name, len(damaged))
