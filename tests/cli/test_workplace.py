"""The data folder: locks, whole files, clear errors."""

from pathlib import Path

import pytest

from cli.workplace import OutputError, Workplace, WorkplaceError, require_writable, write_whole


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


def test_data_folder_that_cannot_hold_locks_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "scans").write_text("a file where a folder should be")
    with pytest.raises(WorkplaceError, match="data folder"), Workplace.at(tmp_path).locked("a" * 64):
        pass


def test_report_path_below_a_file_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(WorkplaceError, match="report.json"):
        write_whole(tmp_path / "file" / "out" / "report.json", b"new")


def test_output_below_a_file_is_refused_and_nothing_is_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="is not a folder"):
        require_writable(tmp_path / "file" / "out")
    require_writable(tmp_path / "new" / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_writers_of_the_same_file_do_not_share_a_temporary_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = []
    real = Path.write_bytes

    def seen(self: Path, data: bytes) -> int:
        names.append(self.name)
        return real(self, data)

    monkeypatch.setattr(Path, "write_bytes", seen)
    write_whole(tmp_path / "report.json", b"a")
    write_whole(tmp_path / "report.json", b"b")
    assert len(set(names)) == 2
