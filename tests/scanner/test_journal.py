"""The journal: what it said is written is there after a kill; what is not there was never promised."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from scanner.journal import Journal, JournalError


def test_values_come_back_by_kind_and_key(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "journal.jsonl"
    with Journal(path) as journal:
        journal.append("reply", "k", {"text": "eins\n\r\u2028 zwei"})
        journal.append("check", "k", [1, 2.5, None])
        assert journal.get("reply", "k") == {"text": "eins\n\r\u2028 zwei"}
    with Journal(path) as journal:
        assert journal.get("reply", "k") == {"text": "eins\n\r\u2028 zwei"}
        assert journal.get("check", "k") == [1, 2.5, None]
        assert journal.get("reply", "other") is None
        assert list(journal.keys("reply")) == ["k"]


def test_last_value_of_a_key_counts(tmp_path: Path) -> None:
    with Journal(tmp_path / "j") as journal:
        journal.append("reply", "k", 1)
        journal.append("reply", "k", 2)
    with Journal(tmp_path / "j") as journal:
        assert journal.get("reply", "k") == 2
        assert list(journal.keys("reply")) == ["k"]


def test_half_written_last_line_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "j"
    with Journal(path) as journal:
        journal.extend([("reply", "a", 1), ("reply", "b", 2)])
    whole = path.read_bytes()
    for cut in range(1, len(whole)):
        path.write_bytes(whole[:cut])
        with Journal(path) as journal:
            found = list(journal.keys("reply"))
            assert found == ["a", "b"][: whole[:cut].count(b"\n")]
            journal.append("reply", "c", 3)
        with Journal(path) as journal:
            assert list(journal.keys("reply")) == [*found, "c"]


@pytest.mark.parametrize(
    "line", [b"rubbish", b"{}", b"", b'{"kind": 1, "key": "k", "value": 2}', b"\x00\xff"]
)
def test_broken_line_in_the_middle_is_an_error_with_its_number(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "j"
    with Journal(path) as journal:
        journal.extend([("reply", "a", 1), ("reply", "b", 2)])
    first, second = path.read_bytes().splitlines()
    path.write_bytes(b"\n".join([first, line, second]) + b"\n")
    with pytest.raises(JournalError, match="line 2: not a journal line") as caught:
        Journal(path)
    assert caught.value.hint


def test_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(JournalError):
        Journal(tmp_path / "file" / "journal.jsonl")


def run_python(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), *arguments],
        capture_output=True, text=True, cwd=Path(__file__).parents[2], timeout=60, check=False,
    )  # fmt: skip


FULL_DISK = """
    import resource, sys
    from pathlib import Path
    from scanner.journal import Journal, JournalError
    path = Path(sys.argv[1])
    journal = Journal(path)
    journal.append("reply", "first", "x" * 100)
    # The file may not grow beyond this: a write that does is cut short first, as on a full disk.
    resource.setrlimit(resource.RLIMIT_FSIZE, (300, resource.RLIM_INFINITY))
    for attempt in range(3):
        try:
            journal.append("reply", "second", "y" * 400)
            print("taken")
        except JournalError as error:
            print("refused", error.hint[:4], journal.get("reply", "second"), path.stat().st_size)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    journal.append("reply", "third", "z")
    print("taken")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits of file sizes are of POSIX")
def test_full_disk_is_an_error_and_the_journal_stays_whole(tmp_path: Path) -> None:
    path = tmp_path / "j"
    done = run_python(FULL_DISK, str(path))
    assert done.stderr == ""
    size_bytes = len(b'{"kind":"reply","key":"first","value":"' + b"x" * 100 + b'"}\n')
    assert done.stdout.splitlines() == [f"refused free None {size_bytes}"] * 3 + ["taken"]
    with Journal(path) as journal:
        assert list(journal.keys("reply")) == ["first", "third"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is of Linux")
def test_device_without_space_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "j").symlink_to("/dev/full")
    program = """
        import sys
        from pathlib import Path
        import os
        from scanner.journal import Journal, JournalError
        Path.read_bytes = lambda self: b""  # /dev/full never ends when read
        journal = Journal(Path(sys.argv[1]))
        try:
            journal.append("reply", "a", 1)
        except JournalError as error:
            print(error, "|", error.hint)
    """
    done = run_python(program, str(tmp_path / "j"))
    assert "No space left on device" in done.stdout
    assert "free some disk space" in done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is of POSIX")
def test_what_append_returned_for_survives_sigkill(tmp_path: Path) -> None:
    path = tmp_path / "j"
    program = """
        import sys
        from pathlib import Path
        from scanner.journal import Journal
        journal = Journal(Path(sys.argv[1]))
        number = 0
        while True:
            journal.append("reply", str(number), "x" * 1000)
            print(number, flush=True)
            number += 1
    """
    child = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program), str(path)],
        stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert child.stdout is not None
    said = [child.stdout.readline() for _ in range(20)]
    os.kill(child.pid, signal.SIGKILL)
    said += child.stdout.readlines()
    child.wait()
    promised = [line.strip() for line in said if line.endswith("\n")]
    with Journal(path) as journal:
        assert set(promised) <= set(journal.keys("reply"))
        journal.append("reply", "after", 1)
    with Journal(path) as journal:
        assert journal.get("reply", "after") == 1
