"""`weighbridge inspect-files`: a line for every file whatever it is, and an exit code that gates rely on."""

from __future__ import annotations

import hashlib
import json
import os
import socket
from pathlib import Path

import pytest

from cli.main import run
from tests.assets import kind_cases
from tests.assets.make_file_assets import calling, safetensors_cases, write_all

PLAIN = {"config.json": b"{}", "README.md": b"# Model\n"}
ATTACK = {"model/evil.pkl": calling("os", "system")}
MALFORMED = {"cut.safetensors": safetensors_cases()["overlap"][1]}
UNREAD = {"weights.bin": kind_cases.unread()["objects.bin"]}
REVIEW = {"install.sh": kind_cases.SHEBANG}


def rows(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, dict[str, object]]]:
    """The exit code, and the JSON lines by path."""
    code = run(["inspect-files", "--json", "--quiet", *arguments])
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return code, {line["path"]: line for line in lines}


def test_every_file_has_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = {**PLAIN, **ATTACK, **MALFORMED, **UNREAD, **REVIEW}
    code, found = rows(capsys, str(write_all(tmp_path, files)))
    assert code == 1
    assert {path: (row["verdict"], row["gate"]) for path, row in found.items()} == {
        "config.json": ("plain_data", "pass"),
        "README.md": ("plain_data", "pass"),
        "model/evil.pkl": ("attack", "block"),
        "cut.safetensors": ("not_readable", "block"),
        "weights.bin": ("not_readable", "incomplete"),
        "install.sh": ("needs_class_instance", "review"),
    }
    for path, data in files.items():
        assert (found[path]["sha256"], found[path]["size_bytes"]) == (
            hashlib.sha256(data).hexdigest(), len(data),
        )  # fmt: skip
    (reason, *_) = found["model/evil.pkl"]["reasons"]  # type: ignore[misc]
    assert (reason["check"], reason["rule"], reason["severity"]) == (
        "pickle-runs-code", "known-attack", "critical",
    )  # fmt: skip
    assert "os.system" in reason["message"]
    assert reason["place"].startswith("byte ")


@pytest.mark.parametrize(
    ("files", "code"),
    [
        (PLAIN, 0),
        ({**PLAIN, **REVIEW}, 4),
        ({**PLAIN, **REVIEW, **UNREAD}, 3),
        ({**PLAIN, **REVIEW, **UNREAD, **MALFORMED}, 1),
    ],
    ids=["plain", "review", "incomplete", "block"],
)
def test_exit_code_is_that_of_the_worst_file(files: dict[str, bytes], code: int, tmp_path: Path) -> None:
    assert run(["inspect-files", "-q", str(write_all(tmp_path, files))]) == code


def test_table_is_worst_first_within_eighty_columns(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    write_all(tmp_path, {**PLAIN, **ATTACK, **UNREAD, "a" * 100 + ".txt": b"text"})
    run(["inspect-files", "-q", str(tmp_path)])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("attack                model/evil.pkl")
    assert max(map(len, lines)) <= 80
    assert "5 files: 1 attack, 1 not readable, 0 needs class instance, 3 plain data" in " ".join(lines)


def test_single_file_and_several_paths(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_all(tmp_path, {"a/one.txt": b"1", "b/two.txt": b"2", "b/three.txt": b"3"})
    assert list(rows(capsys, str(tmp_path / "a/one.txt"))[1]) == ["one.txt"]
    _, found = rows(capsys, str(tmp_path / "a/one.txt"), str(tmp_path / "b"))
    assert list(found) == ["a/one.txt", "b/three.txt", "b/two.txt"]


def test_links_that_lead_outside_are_told_and_not_followed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_all(tmp_path / "model", {"plain.txt": b"text"})
    write_all(tmp_path / "elsewhere", {"secret.txt": b"secret"})
    (folder / "file.txt").symlink_to(tmp_path / "elsewhere/secret.txt")
    (folder / "folder").symlink_to(tmp_path / "elsewhere")
    (folder / "inside.txt").symlink_to("plain.txt")
    (folder / "broken.txt").symlink_to("nothing")
    code, found = rows(capsys, str(folder))
    assert code == 3
    assert {path: row["verdict"] for path, row in found.items()} == {
        "plain.txt": "plain_data", "inside.txt": "plain_data", "file.txt": "not_readable",
        "folder": "not_readable", "broken.txt": "not_readable",
    }  # fmt: skip
    assert found["file.txt"]["sha256"] == ""
    assert "elsewhere" in str(found["file.txt"]["reasons"])


def test_what_is_no_file_is_told_and_not_opened(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(tmp_path / "pipe.bin")
    (tmp_path / "line\nfeed.txt").write_bytes(b"text")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/bytes\xff.txt")).write_bytes(b"text")
    with socket.socket(socket.AF_UNIX) as unix:
        unix.bind(str(tmp_path / "socket"))
        code, found = rows(capsys, str(tmp_path))
    assert code == 3
    assert {row["verdict"] for row in found.values()} == {"not_readable"}
    assert len(found) == 4


def test_folders_of_tools_are_named_and_not_looked_into(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_all(tmp_path, {"a.txt": b"text", ".git/hooks/pre-commit": kind_cases.SHEBANG})
    assert run(["inspect-files", "-q", str(tmp_path)]) == 0
    assert "not looked into: .git" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere"], "nowhere: no such file or folder"),
        (["."], "no files"),
        ([".", "--check", "pickle-runs-cod"], "did you mean 'pickle-runs-code'?"),
        ([".", "--set", "files.secnds=3"], "did you mean 'files.seconds'?"),
        ([".", "--set", "files.seconds=soon"], "expected a number from 0.1 to 86400"),
        ([], "Missing argument"),
    ],
)
def test_wrong_calls_are_usage_errors(
    arguments: list[str],
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["inspect-files", "-q", *arguments]) == 2
    assert said in capsys.readouterr().err


def test_file_of_a_skipped_check_does_not_pass(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_all(tmp_path, {"state.pkl": kind_cases.PICKLE})
    code, found = rows(capsys, str(tmp_path), "--skip", "pickle-runs-code")
    assert code == 3
    assert "pickle-runs-code did not look at it" in str(found["state.pkl"]["reasons"])


def test_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_all(tmp_path / "model", {**ATTACK, **PLAIN})
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    before = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*"))
    assert run(["inspect-files", "-q", str(folder)]) == 1
    assert sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*")) == before
