"""Distributed checkpoints of PyTorch, which are zip archives in a row: each is judged, and only there."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import BinaryIO

import pytest

from scanner.checks import archive_unsafe, pickle_runs_code
from scanner.file_check import FileVerdict
from scanner.parts import Parts, Piece
from scanner.zip_rows import zips_in_a_row
from tests.assets.archives import zip_bytes
from tests.assets.pickle_cases import calling
from tests.scanner.check_runs import findings_of

CHECKS = (archive_unsafe.CHECK, pickle_runs_code.CHECK)
PLAIN = zip_bytes({"archive/data.pkl": b"\x80\x02}.", "archive/version": b"3\n"})
HOSTILE = zip_bytes({"archive/data.pkl": calling("posix", "system"), "archive/version": b"3\n"})
BOMB = zip_bytes({"../../outside": b"x"})


def worst(folder: Path) -> FileVerdict:
    said = [
        check.verdict_of(finding) or FileVerdict.PLAIN_DATA
        for check in CHECKS
        for finding in findings_of(check, folder)
    ]
    return max(said, key=lambda verdict: verdict.rank)


def test_checkpoint_by_torch_itself_is_plain(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    checkpoint = pytest.importorskip("torch.distributed.checkpoint")
    state = {"w": torch.arange(6.0), "v": torch.ones(3, dtype=torch.bfloat16), "step": 3}
    checkpoint.save({"model": state}, checkpoint_id=tmp_path)
    (tmp_path / ".metadata").unlink()  # a pickle that needs classes, as ever
    [file] = tmp_path.iterdir()
    data = file.read_bytes()
    assert len(zips_in_a_row(lambda: io.BytesIO(data), file.name, len(data))) >= 2
    assert worst(tmp_path) is FileVerdict.PLAIN_DATA


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("item", [HOSTILE, BOMB])
def test_attack_in_any_item_is_found(place: int, item: bytes, tmp_path: Path) -> None:
    row = [PLAIN, PLAIN, PLAIN]
    row[place] = item
    (tmp_path / "__0_0.distcp").write_bytes(b"".join(row))
    assert worst(tmp_path) is FileVerdict.ATTACK
    found = [finding for check in CHECKS for finding in findings_of(check, tmp_path)]
    assert any(f"item {place + 1}" in location.detail for each in found for location in each.locations)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("model.pt", PLAIN + PLAIN),  # a loader sees the last one alone
        ("model.distcp", PLAIN + b"between" + PLAIN),
        ("model.distcp", b"before" + PLAIN + PLAIN),
    ],
)
def test_other_rows_still_hide_something(name: str, data: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(data)
    assert worst(tmp_path) in (FileVerdict.ATTACK, FileVerdict.NOT_READABLE)


def test_record_of_an_end_among_the_data_ends_nothing(tmp_path: Path) -> None:
    fake = b"PK\x05\x06" + bytes(18)
    item = zip_bytes(
        {"archive/data.pkl": b"\x80\x02}.", "archive/data/0": bytes(64) + fake + b"PK\x03\x04" + bytes(64)}
    )
    (tmp_path / "a.distcp").write_bytes(item + PLAIN)
    assert worst(tmp_path) is FileVerdict.PLAIN_DATA


def test_row_that_was_fetched_in_part_is_none() -> None:
    data = PLAIN + HOSTILE + PLAIN
    parts = Parts((Piece(0, 64, 0),), "0" * 64, "only its beginning was read")

    def opener() -> BinaryIO:
        return parts.reader("a.distcp", len(data), lambda: io.BytesIO(data[:64]))

    assert zips_in_a_row(opener, "a.distcp", len(data)) == ()
    assert len(zips_in_a_row(lambda: io.BytesIO(data), "a.distcp", len(data))) == 3


def sample(name: str, data: bytes) -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as archive:
        info = tarfile.TarInfo(name)
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    return held.getvalue()


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\x80\x04K\x01.", FileVerdict.PLAIN_DATA),  # a sample of WebDataset
        (calling("posix", "system"), FileVerdict.ATTACK),
        (b"MZ" + bytes(200), FileVerdict.ATTACK),
        (b"anything else", FileVerdict.ATTACK),
    ],
)
def test_pickled_samples_are_no_programs(data: bytes, expected: FileVerdict, tmp_path: Path) -> None:
    (tmp_path / "shard-000.tar").write_bytes(sample("00000.pyd", data))
    assert worst(tmp_path) is expected
