"""The kept corpus of the fuzzer: no check of files may raise on any of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from fuzz import CORPUS
from fuzz.targets import TARGETS, Subject

MOST_BYTES = 1 << 20


@pytest.mark.parametrize("name", TARGETS)
def test_every_kept_input_ends_in_a_finding_or_none(name: str, tmp_path: Path) -> None:
    subject = Subject(TARGETS[name], tmp_path)
    inputs = sorted((CORPUS / name).iterdir())
    said = sum(subject.judge(each.read_bytes()) for each in inputs)
    assert inputs
    assert said > 0


def test_corpus_stays_small() -> None:
    assert sum(path.stat().st_size for path in CORPUS.rglob("*") if path.is_file()) < MOST_BYTES
