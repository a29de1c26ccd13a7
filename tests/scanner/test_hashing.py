"""Hashing: right for every length, one pass, honest about files that cannot be hashed."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from blake3 import blake3

from scanner.blocks import BLOCK_BYTES, blocks_of
from scanner.hashing import FileHashes, HashingError, hash_file, hash_model
from scanner.manifest import SourceDigest
from scanner.tensorfiles.extent import TensorExtent
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
    first, second = hash_model(tmp_path, ["b", "a"], recorded).files
    assert (first.path, second.path) == ("a", "b")
    assert first.git_sha1 is not None
    assert first.matches_source is False
    assert second.git_sha1 is None


def test_entries_are_sorted_whatever_finishes_first(tmp_path: Path) -> None:
    names = [f"{index:02d}" for index in range(20)]
    for index, name in enumerate(names):
        (tmp_path / name).write_bytes(b"x" * (BLOCK_BYTES if index % 7 == 0 else 1))
    assert [entry.path for entry in hash_model(tmp_path, reversed(names)).files] == names


def test_progress_ends_at_the_total(tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / name).write_bytes(b"x" * 1000)
    progress = RecordingProgress()
    hash_model(tmp_path, "abc", progress=progress)
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


def test_file_that_was_cut_after_its_header_was_read_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 10)
    with pytest.raises(HashingError, match="had 12 bytes when opened and 10 when read"):
        hash_file(path, extents=[TensorExtent("t", "U8", (4,), 8, 12)])


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
        hash_model(tmp_path, [kind])
    assert caught.value.hint


def test_one_failing_file_ends_the_job(tmp_path: Path) -> None:
    for name in "bcdef":
        (tmp_path / name).write_bytes(b"x" * BLOCK_BYTES)
    with pytest.raises(HashingError, match="a: No such file"):
        hash_model(tmp_path, "abcdef")


@pytest.mark.parametrize("uses_two_threads", [False, True])
@pytest.mark.parametrize("size_bytes", [0, 1, BLOCK_BYTES + 1, 9 * 1024**2 + 3])
def test_tensors_are_digested_in_the_same_pass(
    tmp_path: Path, size_bytes: int, uses_two_threads: bool
) -> None:
    data = (bytes(range(251)) * (size_bytes // 251 + 1))[:size_bytes]
    path = tmp_path / "file"
    path.write_bytes(data)
    # One before the first block's end, one over several blocks, one empty, one twice.
    places = [
        (0, size_bytes // 3),
        (size_bytes // 3, size_bytes - size_bytes // 9),
        (0, 0),
        (0, size_bytes // 3),
    ]
    extents = [
        TensorExtent(f"t{number}", "U8", (end - begin,), begin, end)
        for number, (begin, end) in enumerate(places)
    ]
    hashes = hash_file(path, extents=extents, uses_two_threads=uses_two_threads)
    assert hashes.sha256 == hashlib.sha256(data).hexdigest()
    assert [each.digest for each in hashes.tensors] == [blake3(data[a:b]).hexdigest() for a, b in places]
    assert [each.name for each in hashes.tensors] == ["t0", "t1", "t2", "t3"]


def test_file_is_read_once_whatever_is_made_of_it(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(5 * 1024**2))
    steps: list[int] = []
    extents = [TensorExtent("t", "U8", (5,), 0, 5)]
    hash_file(path, with_git_sha1=True, extents=extents, uses_two_threads=True, on_bytes=steps.append)
    assert sum(steps) == 5 * 1024**2


def test_stopping_in_the_middle_of_a_file_leaves_no_thread_behind(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(20 * 1024**2))

    def stop(_: int) -> None:
        raise KeyboardInterrupt

    extents = [TensorExtent("t", "U8", (5,), 0, 5)]
    with pytest.raises(KeyboardInterrupt):
        hash_file(path, extents=extents, uses_two_threads=True, on_bytes=stop)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("tensors")]


def test_what_the_second_thread_raises_comes_out(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(20 * 1024**2))

    def refuse(_: memoryview) -> None:
        raise ArithmeticError("told")

    with path.open("rb", buffering=0) as stream, pytest.raises(ArithmeticError, match="told"):
        for _ in blocks_of(stream, refuse):
            pass


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """In a process of its own: of this one, other tests have made the peak."""
    path = tmp_path / "model.safetensors"
    header = json.dumps({"w": {"dtype": "U8", "shape": [2**28], "data_offsets": [0, 2**28]}}).encode()
    with path.open("wb") as stream:  # a hole, which reads as zeros
        stream.write(len(header).to_bytes(8, "little") + header)
        stream.truncate(8 + len(header) + 2**28)
    code = (
        "import pathlib, re, sys; from scanner.hashing import hash_model;"
        "found = hash_model(pathlib.Path(sys.argv[1]), ['model.safetensors']);"
        "status = pathlib.Path('/proc/self/status').read_text();"
        "print(found.tensors.size_bytes, re.search(r'VmHWM:\\s+(\\d+) kB', status)[1])"
    )
    told = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    size_bytes, peak_kib = map(int, told.stdout.split())
    assert size_bytes == 2**28
    assert peak_kib < 100 * 1024


@pytest.mark.parametrize(
    ("size_bytes", "is_core_idle", "expected"), [(4000, True, True), (4000, False, False), (400, True, False)]
)
def test_second_thread_is_for_a_large_file_and_an_idle_core(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size_bytes: int, is_core_idle: bool, expected: bool
) -> None:
    asked: dict[str, bool] = {}

    def spy(path: Path, *, uses_two_threads: bool, **rest: object) -> FileHashes:
        asked[path.name] = uses_two_threads
        return hash_file(path, uses_two_threads=uses_two_threads)

    monkeypatch.setattr("scanner.hashing._SECOND_THREAD_BYTES", 1000)
    monkeypatch.setattr("scanner.hashing._has_idle_core", lambda: is_core_idle)
    monkeypatch.setattr("scanner.hashing.hash_file", spy)
    (tmp_path / "large").write_bytes(bytes(size_bytes))
    (tmp_path / "small").write_bytes(b"x")
    hash_model(tmp_path, ["large", "small"])
    assert asked == {"large": expected, "small": False}
