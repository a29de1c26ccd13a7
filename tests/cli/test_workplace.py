"""The data folder: locks, whole files, clear errors."""

from pathlib import Path

import pytest

from cli.workplace import Workplace, WorkplaceError, write_whole


def test_data_folder_that_is_a_file_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(WorkplaceError, match="data folder"):
        Workplace.at(tmp_path / "file")


def test_same_scan_cannot_run_twice_at_once(tmp_path: Path) -> None:
    workplace = Workplace.at(tmp_path)
    with (
        workplace.locked("a" * 64),
        pytest.raises(WorkplaceError, match="another process"),
        workplace.locked("a" * 64),
    ):
        pass


def test_failed_write_leaves_the_older_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "report.json"
    write_whole(target, b"old")

    def full_disk(self: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full_disk)
    with pytest.raises(WorkplaceError, match="No space left"):
        write_whole(target, b"new")
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]
