"""Sparse tensors whose indices lie outside of their size are attacks; real ones stay plain."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest

from scanner.checks.pickle_runs_code import CHECK
from scanner.file_check import FileVerdict
from tests.assets.archives import zip_bytes
from tests.assets.make_file_assets import write_all
from tests.scanner.check_runs import findings_of

_ATTACK = [("known-attack", FileVerdict.ATTACK)]
_PLAIN = [("tensor-plumbing", FileVerdict.PLAIN_DATA)]
_LAYOUTS = ("coo", "coo dense", "coo empty", "csr", "csc", "bsr", "bsc", "csr batch", "int32")


def verdicts(folder: Path, data: bytes) -> list[tuple[str, FileVerdict | None]]:
    found = findings_of(CHECK, write_all(folder, {"model.pt": data}))
    return [(each.rule, CHECK.verdict_of(each)) for each in found]


def saved(value: object, **options: Any) -> bytes:
    import torch

    buffer = io.BytesIO()
    torch.save(value, buffer, **options)
    return buffer.getvalue()


def sparse(layout: str) -> Any:
    """A tensor of 4 x 6, most of it nothing."""
    import torch

    full = torch.zeros(4, 6)
    full[0, 1], full[3, 5], full[2, 0] = 1, 2, 3
    few = torch.arange(3, dtype=torch.int32)
    makers = {
        "coo": full.to_sparse,
        "coo dense": lambda: full.to_sparse(1),
        "coo empty": torch.zeros(2, 3).to_sparse,
        "csr": full.to_sparse_csr,
        "csc": full.to_sparse_csc,
        "bsr": lambda: full.to_sparse_bsr((2, 3)),
        "bsc": lambda: full.to_sparse_bsc((2, 3)),
        "csr batch": torch.stack([full, full]).to_sparse_csr,
        "int32": lambda: torch.sparse_csr_tensor(few, few[:2].clone(), torch.ones(2), (2, 2)),
    }
    return makers[layout]()


def with_number(archive: bytes, key: str, at: int, number: int, width: int = 8) -> bytes:
    """The archive with another number among those stored under this key."""
    with zipfile.ZipFile(io.BytesIO(archive)) as read:
        members = {name: bytearray(read.read(name)) for name in read.namelist()}
    stored = members[next(name for name in members if name.endswith(f"/data/{key}"))]
    at %= len(stored) // width
    stored[at * width : (at + 1) * width] = number.to_bytes(width, "little", signed=True)
    return zip_bytes({name: bytes(data) for name, data in members.items()})


@pytest.mark.parametrize("layout", _LAYOUTS)
def test_a_real_sparse_tensor_is_plain(layout: str, tmp_path: Path) -> None:
    assert verdicts(tmp_path, saved({"weight": sparse(layout), "more": [sparse(layout)]})) == _PLAIN


@pytest.mark.parametrize("layout", [each for each in _LAYOUTS if each != "coo empty"])
@pytest.mark.parametrize("number", [1 << 30, -5])
def test_an_index_outside_of_the_size_is_an_attack(layout: str, number: int, tmp_path: Path) -> None:
    key = "0" if layout.startswith("coo") else "1"  # of compressed ones, behind where rows begin
    hostile = with_number(saved({"weight": sparse(layout)}), key, -1, number, 4 if layout == "int32" else 8)
    assert verdicts(tmp_path, hostile) == _ATTACK


@pytest.mark.parametrize(("at", "number"), [(0, 1), (1, 9), (4, 2)])
def test_rows_that_begin_elsewhere_are_an_attack(at: int, number: int, tmp_path: Path) -> None:
    hostile = with_number(saved({"weight": sparse("csr")}), "0", at, number)
    assert verdicts(tmp_path, hostile) == _ATTACK


def test_indices_that_are_not_there_cannot_be_judged(tmp_path: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(saved({"weight": sparse("coo")}))) as read:
        members = {name: read.read(name) for name in read.namelist() if not name.endswith("/data/0")}
    found = findings_of(CHECK, write_all(tmp_path, {"model.pt": zip_bytes(members)}))
    assert any("were not held against their size" in each.reason for each in found)


def test_archives_in_archives_are_compared_too(tmp_path: Path) -> None:
    honest = saved({"weight": sparse("coo")})
    for name, inner, expected in (("a", honest, _PLAIN), ("b", with_number(honest, "0", 0, 99), _ATTACK)):
        outer = zip_bytes({"m/data.pkl": b"\x80\x02}.", "m/version": b"3\n", "m/inner": inner})
        assert verdicts(tmp_path / name, outer) == expected


def test_the_old_format_says_that_indices_are_not_compared(tmp_path: Path) -> None:
    old = saved({"weight": sparse("coo")}, _use_new_zipfile_serialization=False)
    found = findings_of(CHECK, write_all(tmp_path, {"model.pt": old}))
    assert any("were not held against their size" in each.reason for each in found)


def test_numbers_read_again_and_again_take_no_time() -> None:
    from scanner.pickles.sparse_tensors import NotComparableError, fault_of_sparse_tensors

    with zipfile.ZipFile(io.BytesIO(saved({"weight": sparse("coo")}))) as read:
        pickle = read.read(next(name for name in read.namelist() if name.endswith("data.pkl")))
    endless = pickle.replace(b"K\x02K\x03\x86", b"K\x02J\x00\x00\x00\x7f\x86", 1)
    assert endless != pickle
    with pytest.raises(NotComparableError, match="longer than what is stored"):
        fault_of_sparse_tensors(io.BytesIO(endless), lambda key, limit: bytes(64))


def test_a_parameter_with_attributes_is_compared_too(tmp_path: Path) -> None:
    tensor = sparse("coo")
    tensor.origin = "layer"
    assert verdicts(tmp_path / "plain", saved({"weight": tensor})) == _PLAIN
    assert verdicts(tmp_path / "hostile", with_number(saved({"weight": tensor}), "0", 0, 1 << 40)) == _ATTACK
