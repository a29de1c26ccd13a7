"""Where tensors lie: right for every container, refused with a reason wherever readers could differ."""

from __future__ import annotations

import collections
import io
import os
import pickle
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from scanner.hashing import hash_model
from scanner.tensorfiles.extent import UnmappedError
from scanner.tensorfiles.mapping import map_tensors
from tests.assets.gguf_cases import GGUF_ARCHITECTURE, gguf_bytes, gguf_cases, gguf_tensor
from tests.assets.safetensors_cases import safetensors_bytes, safetensors_cases, sound_safetensors_cases
from tests.assets.tensor_files import Weights, torch_tensor, write_torch_file

PLAIN = Weights("F16", (2, 3), bytes(range(12)))


def mapped(path: Path) -> dict[str, bytes]:
    """The bytes of every tensor, by name."""
    data = path.read_bytes()
    return {each.name: data[each.begin : each.end] for each in map_tensors(path, path.name) or ()}


def reason(path: Path) -> str:
    with pytest.raises(UnmappedError) as caught:
        map_tensors(path, path.name)
    return str(caught.value)


def saved(path: Path, value: object) -> Path:
    import torch

    torch.save(value, path)
    return path


def rezipped(source: Path, target: Path, changes: Mapping[str, bytes | None], **options: int) -> Path:
    """The archive with some entries replaced, dropped (None), or added."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        contents = {name: old.read(name) for name in old.namelist()} | dict(changes)
        for name, content in contents.items():
            if content is not None:
                new.writestr(name, content, **options)
    return target


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    path = tmp_path / "good.bin"
    write_torch_file(path, {"w": PLAIN, "v": Weights("I8", (1,), b"v")})
    return path


@pytest.mark.parametrize(
    "name", sorted(name for name, (code, _) in safetensors_cases().items() if code != "ST-TEXT")
)
def test_malformed_safetensors_are_not_mapped(tmp_path: Path, name: str) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(safetensors_cases()[name][1])
    assert "malformed" in reason(path)


@pytest.mark.parametrize("name", sorted(sound_safetensors_cases()))
def test_sound_safetensors_are_mapped(tmp_path: Path, name: str) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(sound_safetensors_cases()[name])
    assert map_tensors(path, path.name) is not None


@pytest.mark.parametrize("name", sorted(gguf_cases()))
def test_malformed_gguf_is_not_mapped(tmp_path: Path, name: str) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(gguf_cases()[name][1])
    assert reason(path)


def test_gguf_is_known_by_its_first_bytes_under_any_name(tmp_path: Path) -> None:
    path = tmp_path / "sha256-0123"
    path.write_bytes(gguf_bytes([GGUF_ARCHITECTURE], [gguf_tensor("w", [2], 0)], b"12345678"))
    assert mapped(path) == {"w": b"12345678"}


def test_text_about_gguf_is_no_weight_file(tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.write_text("GGUF is a format for weights.")
    assert map_tensors(path, path.name) is None


def test_torch_zip_is_mapped(checkpoint: Path) -> None:
    assert mapped(checkpoint) == {"w": PLAIN.values, "v": b"v"}


def test_tables_of_tables_join_their_keys(tmp_path: Path) -> None:
    path = tmp_path / "epoch.ckpt"
    write_torch_file(path, {"w": PLAIN}, wrap=["state_dict"])
    assert mapped(path) == {"state_dict.w": PLAIN.values}
    import torch

    ordered = collections.OrderedDict(
        w=torch.nn.Parameter(torch_tensor(PLAIN)), more={0: torch_tensor(PLAIN)}
    )
    assert mapped(saved(path, ordered)) == {"w": PLAIN.values, "more.0": PLAIN.values}


def test_tied_tensors_and_parts_of_one_storage_are_mapped(tmp_path: Path) -> None:
    whole = torch_tensor(PLAIN)
    value = {"a": whole, "tied": whole}
    assert mapped(saved(tmp_path / "tied.bin", value)) == {"a": PLAIN.values, "tied": PLAIN.values}
    parts = {"first": whole[0], "second": whole[1]}
    assert mapped(saved(tmp_path / "parts.bin", parts)) == {
        "first": PLAIN.values[:6],
        "second": PLAIN.values[6:],
    }


@pytest.mark.parametrize("dtype", ["F64", "BF16", "I64", "I32", "I16", "I8", "U8", "F8_E4M3"])
def test_number_formats_of_torch_are_called_as_safetensors_calls_them(tmp_path: Path, dtype: str) -> None:
    path = tmp_path / "m.bin"
    width = {"F64": 8, "I64": 8, "I32": 4, "BF16": 2, "I16": 2}.get(dtype, 1)
    write_torch_file(path, {"w": Weights(dtype, (1, 2), bytes(range(2 * width)))})
    (extent,) = map_tensors(path, path.name) or ()
    assert (extent.dtype, extent.shape, extent.end - extent.begin) == (dtype, (1, 2), 2 * width)


def test_pickle_that_would_run_code_runs_none(tmp_path: Path, checkpoint: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(tmp_path / "ran"),)

    path = rezipped(checkpoint, tmp_path / "bomb.bin", {"good/data.pkl": pickle.dumps({"w": Bomb()}, 2)})
    assert "belong to no tensor" in reason(path)
    assert not (tmp_path / "ran").exists()


def test_what_is_no_table_of_tensors_is_refused(tmp_path: Path) -> None:
    import torch

    whole = torch_tensor(PLAIN)
    assert "not contiguous" in reason(saved(tmp_path / "t.bin", {"w": whole.t()}))
    assert "belong to no tensor" in reason(saved(tmp_path / "list.bin", {"w": [whole]}))
    assert "overlaps" in reason(saved(tmp_path / "o.bin", {"a": whole, "b": whole[0]}))
    assert "number format" in reason(saved(tmp_path / "c.bin", {"w": torch.zeros(1, dtype=torch.complex128)}))
    assert "not a plain tensor" in reason(saved(tmp_path / "s.bin", {"w": torch.zeros(2, 2).to_sparse()}))


def test_files_of_old_torch_are_refused(tmp_path: Path) -> None:
    import torch

    path = tmp_path / "old.bin"
    torch.save({"w": torch.zeros(1)}, path, _use_new_zipfile_serialization=False)
    assert "not the zip archive" in reason(path)


def test_damaged_archives_are_refused(tmp_path: Path, checkpoint: Path) -> None:
    path = tmp_path / "m.bin"
    with zipfile.ZipFile(checkpoint) as archive:
        content = archive.read("good/data.pkl")
    cases: dict[str, tuple[dict[str, bytes | None], dict[str, int]]] = {
        "is not there": ({"good/data/0": None}, {}),
        "beyond its": ({"good/data/0": b"short"}, {}),
        "belong to no tensor": ({"good/data/7": b"more"}, {}),
        "expected 1": ({"other/data.pkl": content}, {}),
        "pickle is broken": ({"good/data.pkl": content[:-9]}, {}),
        "little-endian": ({"good/byteorder": b"big"}, {}),
        "compressed": ({}, {"compress_type": zipfile.ZIP_DEFLATED}),
    }
    for expected, (changes, options) in cases.items():
        assert expected in reason(rezipped(checkpoint, path, changes, **options))
    path.write_bytes(checkpoint.read_bytes()[:-30])
    assert "zip archive cannot be read" in reason(path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_entry_that_is_there_twice_is_refused(checkpoint: Path) -> None:
    with zipfile.ZipFile(checkpoint, "a") as archive:
        archive.writestr("good/data/0", bytes(12))
    assert "two entries" in reason(checkpoint)


def test_every_cut_of_a_checkpoint_is_refused(checkpoint: Path) -> None:
    whole = checkpoint.read_bytes()
    for length in range(4, len(whole), 97):
        checkpoint.write_bytes(whole[:length])
        assert reason(checkpoint)


def test_flipped_byte_never_crashes(checkpoint: Path) -> None:
    whole = bytearray(checkpoint.read_bytes())
    for at in range(0, len(whole), 13):
        whole[at] ^= 0xFF
        checkpoint.write_bytes(whole)
        hash_model(checkpoint.parent, [checkpoint.name])
        whole[at] ^= 0xFF


def test_terabyte_that_is_not_there_is_refused_and_one_that_is_costs_nothing(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    header = {"w": {"dtype": "U8", "shape": [2**40], "data_offsets": [0, 2**40]}}
    path.write_bytes(safetensors_bytes(header, b""))
    assert "cut off" in reason(path)
    os.truncate(path, path.stat().st_size + 2**40)
    (extent,) = map_tensors(path, path.name) or ()
    assert extent.end - extent.begin == 2**40


def test_absurd_counts_are_refused_before_they_are_read(tmp_path: Path) -> None:
    gguf = tmp_path / "m.gguf"
    gguf.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 10**6, 0) + bytes(10**6))
    assert "1000000 tensors" in reason(gguf)
    long = tmp_path / "m.safetensors"
    long.write_bytes(struct.pack("<Q", 17 * 2**20) + bytes(18 * 2**20))
    assert "longer than" in reason(long)


@pytest.mark.parametrize("filling", [b"[],", b"{},", b'"":0,'])
def test_header_of_nothing_but_values_is_refused_before_it_is_read(tmp_path: Path, filling: bytes) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(safetensors_bytes(b'{"a":[' + filling * 700_000 + b"0]}", b""))
    assert "more values than any" in reason(path)


@pytest.mark.parametrize(
    ("filling", "expected"),
    [
        (b"}", "objects at once"),  # empty tables on the stack
        (b"N0", "instructions"),  # pushed and popped again
        (b"K\x01}s}", "entries"),  # a table in a table in a table
    ],
)
def test_pickle_that_only_takes_room_or_time_is_given_up(
    tmp_path: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch, filling: bytes, expected: str
) -> None:
    for name, limit in (("_ROOM", 5000), ("_PATIENCE", 40_000)):
        monkeypatch.setattr(f"scanner.tensorfiles.torch_zip.{name}", limit)
    monkeypatch.setattr("scanner.pickles.tables._KEPT_LIMIT", 1000)
    content = b"\x80\x02}" + filling * 30_000 + b"."
    path = rezipped(checkpoint, tmp_path / "m.bin", {"good/data.pkl": content})
    assert expected in reason(path)


@pytest.mark.parametrize("dimension", [b"K\x01" * 20_000, b"\x8a\xff" + b"\x7f" * 255])
def test_shape_that_takes_hours_to_multiply_is_refused(
    tmp_path: Path, checkpoint: Path, dimension: bytes
) -> None:
    with zipfile.ZipFile(checkpoint) as archive:
        content = archive.read("good/data.pkl")
    changed = content.replace(b"K\x01\x85", b"(" + dimension + b"t")
    assert changed != content
    assert "that is no size" in reason(rezipped(checkpoint, tmp_path / "m.bin", {"good/data.pkl": changed}))


def test_pickle_that_unpacks_without_end_is_refused(tmp_path: Path, checkpoint: Path) -> None:
    content = b"\x80\x02" + b"N0" * 10_000_000
    changes = {"good/data.pkl": content}
    path = rezipped(checkpoint, tmp_path / "m.bin", changes, compress_type=zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 10**6
    assert "data.pkl is longer than" in reason(path)
    # The same, which claims to unpack to ten bytes.
    path.write_bytes(path.read_bytes().replace(struct.pack("<I", len(content)), struct.pack("<I", 10)))
    assert "cannot be read" in reason(path)


def test_directory_without_end_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.bin"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a/data.pkl", b"N.")
    data = bytearray(buffer.getvalue())
    end = data.rindex(b"PK\x05\x06")
    data[end:end] = bytes(2**25)  # the directory claims to be 32 MiB long
    end += 2**25
    data[end + 12 : end + 16] = struct.pack("<I", struct.unpack("<I", data[end + 12 : end + 16])[0] + 2**25)
    path.write_bytes(data)
    assert "directory is longer" in reason(path)


def test_malformed_file_is_left_out_and_hashed_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "good.bin").write_bytes(b"")
    hashed = hash_model(tmp_path, ["good.bin"])
    assert hashed.files[0].tensor_digest is None
    assert hashed.files[0].is_whole
    assert hashed.tensors is not None
    assert [each.path for each in hashed.tensors.left_out] == ["good.bin"]


def test_an_encrypted_archive_is_refused_not_a_crash(tmp_path: Path) -> None:
    path = tmp_path / "m.pt"
    write_torch_file(path, {"w": Weights("F32", (2,), bytes(8))})
    data = bytearray(path.read_bytes())
    at = data.find(b"PK\x01\x02")
    while at >= 0:  # the flag of encryption, in every entry of the directory
        data[at + 8] |= 1
        at = data.find(b"PK\x01\x02", at + 1)
    path.write_bytes(data)
    with pytest.raises(UnmappedError, match="cannot be read|encrypted"):
        map_tensors(path, path.name)
