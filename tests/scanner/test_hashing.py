"""Hashing: right for every length, one pass, honest about files that cannot be hashed."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from scanner.blocks import BLOCK_BYTES
from scanner.hashing import HashingError, hash_file, hash_files
from scanner.manifest import SourceDigest
from tests.fakes import RecordingProgress


@pytest.mark.parametrize("size_bytes", [0, 1, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, 2 * BLOCK_BYTES])
def test_digests_are_right_at_every_block_edge(tmp_path: Path, size_bytes: int) -> None:
    data = bytes(index % 251 for index in range(1000)) * (size_bytes // 1000 + 1)
    data = data[:size_bytes]
    path = tmp_path / "file"
    path.write_bytes(data)
    steps: list[int] = []
    hashes = hash_file(path, with_git_sha1=True, on_bytes=steps.append)
    assert hashes.size_bytes == size_bytes == sum(steps)
    assert hashes.sha256 == hashlib.sha256(data).hexdigest()
    assert hashes.git_sha1 == hashlib.sha1(b"blob %d\0" % size_bytes + data).hexdigest()


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_git_gives_the_same_id(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"some text\r\n" * 1000)
    said = subprocess.run(
        ["git", "hash-object", "--no-filters", str(path)], capture_output=True, text=True, check=True
    )
    assert hash_file(path, with_git_sha1=True).git_sha1 == said.stdout.strip()


def test_git_id_is_computed_only_where_one_is_on_record(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).write_bytes(b"x")
    recorded = {"a": [SourceDigest("git-sha1", "0" * 40, "somebody")]}
    first, second = hash_files(tmp_path, ["b", "a"], recorded)
    assert (first.path, second.path) == ("a", "b")
    assert first.git_sha1 is not None
    assert first.matches_source is False
    assert second.git_sha1 is None


def test_entries_are_sorted_whatever_finishes_first(tmp_path: Path) -> None:
    names = [f"{index:02d}" for index in range(20)]
    for index, name in enumerate(names):
        (tmp_path / name).write_bytes(b"x" * (BLOCK_BYTES if index % 7 == 0 else 1))
    assert [entry.path for entry in hash_files(tmp_path, reversed(names))] == names


def test_progress_ends_at_the_total(tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / name).write_bytes(b"x" * 1000)
    progress = RecordingProgress()
    hash_files(tmp_path, "abc", progress=progress)
    (job,) = progress.jobs
    assert (job.total, job.done, job.unit) == (3000, 3000, "bytes")
    assert sorted(job.notes) == ["a", "b", "c"]


def test_file_that_grows_while_it_is_read_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 10)

    def grow(_: int) -> None:
        if path.stat().st_size == 10:
            with path.open("ab") as stream:
                stream.write(b"more")

    with pytest.raises(HashingError, match="had 10 bytes when opened and 14 when read"):
        hash_file(path, on_bytes=grow)


@pytest.mark.parametrize("kind", ["missing", "folder", "pipe"])
def test_what_cannot_be_hashed_is_named(tmp_path: Path, kind: str) -> None:
    path = tmp_path / kind
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        if os.name != "posix":
            pytest.skip("named pipes are of POSIX")
        os.mkfifo(path)
    with pytest.raises(HashingError, match=kind) as caught:
        hash_files(tmp_path, [kind])
    assert caught.value.hint


def test_one_failing_file_ends_the_job(tmp_path: Path) -> None:
    for name in "bcdef":
        (tmp_path / name).write_bytes(b"x" * BLOCK_BYTES)
    with pytest.raises(HashingError, match="a: No such file"):
        hash_files(tmp_path, "abcdef")
