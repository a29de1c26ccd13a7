"""`weighbridge canaries make` writes what a scan reads, once, and a scan refuses what it cannot use."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.main import run
from cli.privacy_options import CANARY_DIGEST_SETTING, CANARY_SETTING
from probes.canaries.records import load_canaries
from probes.checks import canary_recalled


def make(folder: Path, *more: str) -> int:
    return run(["canaries", "make", "--output", str(folder / "canaries.jsonl"), *more])


def test_file_holds_canaries_that_only_its_owner_may_read(tmp_path: Path) -> None:
    assert make(tmp_path, "--count", "7") == 0
    file = tmp_path / "canaries.jsonl"
    canaries = load_canaries(file)
    assert len(canaries) == 7
    assert all(canary.seed for canary in canaries)
    assert file.stat().st_mode & 0o077 == 0


def test_two_files_share_no_secret_and_a_seed_makes_the_same_again(tmp_path: Path) -> None:
    for name in ("a", "b", "c", "d"):
        (tmp_path / name).mkdir()
    assert make(tmp_path / "a") == make(tmp_path / "b") == 0
    assert make(tmp_path / "c", "--seed", "x") == make(tmp_path / "d", "--seed", "x") == 0
    a, b, c, d = (load_canaries(tmp_path / name / "canaries.jsonl") for name in ("a", "b", "c", "d"))
    assert not {canary.secret for canary in a} & {canary.secret for canary in b}
    assert c == d


def test_rows_repeat_every_record_as_often_as_asked(tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    assert make(tmp_path, "--count", "3", "--rows", str(rows), "--times", "4") == 0
    written = [json.loads(line) for line in rows.read_text().splitlines()]
    assert len(written) == 12
    assert {turn["role"] for row in written for turn in row["messages"]} == {"user", "assistant"}


def test_no_file_is_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert make(tmp_path) == 0
    before = (tmp_path / "canaries.jsonl").read_bytes()
    assert make(tmp_path) == 2
    assert (tmp_path / "canaries.jsonl").read_bytes() == before
    assert "is not overwritten" in capsys.readouterr().err


def test_unknown_kind_names_the_known_ones(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert make(tmp_path, "--kind", "passport") == 2
    assert "patient, account, email" in capsys.readouterr().err


def test_options_set_what_the_check_reads() -> None:
    assert (canary_recalled.FILE, canary_recalled.DIGEST) == (CANARY_SETTING, CANARY_DIGEST_SETTING)
    assert {CANARY_SETTING, CANARY_DIGEST_SETTING} < set(canary_recalled.CHECK.settings)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--quarantine-to", "q"], "quarantine.recipient is not set"),
        (["--quarantine-recipient", "age1x"], "quarantine.to is not set"),
        (["--quarantine-to", "q", "--quarantine-recipient", "age1x"], "no public age key"),
        (["--quarantine-to", "q", "--quarantine-recipient", "AGE-SECRET-KEY-1QQ"], "private key"),
    ],
)
def test_quarantine_that_cannot_work_is_refused_before_anything_is_asked(
    options: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["scan", "demo", *options]) == 2
    assert says in capsys.readouterr().err


def test_canaries_are_refused_where_no_check_looks_for_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert make(tmp_path) == 0
    file = str(tmp_path / "canaries.jsonl")
    assert run(["scan", "demo", "--canaries", file, "--check", "pickle-runs-code"]) == 2
    assert "no check of this scan has it" in capsys.readouterr().err
