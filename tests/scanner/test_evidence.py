"""Evidence: named by its digest, never changed unnoticed."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scanner.evidence import EvidenceError, EvidenceStore


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
@given(data=st.binary(max_size=300))
def test_bytes_come_back_by_their_digest(tmp_path: Path, data: bytes) -> None:
    store = EvidenceStore(tmp_path)
    ref = store.put(data, "text/plain", "title")
    assert ref.sha256 == hashlib.sha256(data).hexdigest()
    assert ref.size_bytes == len(data)
    assert store.get(ref.sha256) == data
    assert store.path(ref.sha256) == tmp_path / ref.sha256[:2] / ref.sha256


def test_same_bytes_are_kept_once(tmp_path: Path) -> None:
    store = EvidenceStore(tmp_path)
    first, second = store.put(b"x", "text/plain", "a"), store.put(b"x", "text/plain", "b")
    assert first.sha256 == second.sha256
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 1


def test_changed_evidence_is_refused(tmp_path: Path) -> None:
    store = EvidenceStore(tmp_path)
    ref = store.put(b"true", "text/plain", "title")
    store.path(ref.sha256).write_bytes(b"fals")
    with pytest.raises(EvidenceError, match="was changed") as caught:
        store.get(ref.sha256)
    assert "unproven" in caught.value.hint


@pytest.mark.parametrize("sha256", ["0" * 64, "../../etc/passwd", "", "ab"])
def test_missing_evidence_is_an_error(tmp_path: Path, sha256: str) -> None:
    with pytest.raises(EvidenceError):
        EvidenceStore(tmp_path).get(sha256)


def test_folder_that_cannot_be_written_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(EvidenceError) as caught:
        EvidenceStore(tmp_path / "file").put(b"x", "text/plain", "title")
    assert "disk space" in caught.value.hint


def test_failed_write_leaves_no_half_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("scanner.evidence.os.fsync", full)
    store = EvidenceStore(tmp_path)
    with pytest.raises(EvidenceError, match="No space left"):
        store.put(b"x", "text/plain", "title")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
