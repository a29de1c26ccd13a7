"""The held-out replies: labelled consistently, balanced, and kept out of everything that is trained."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_FILE = Path(__file__).parent / "data" / "held_out_replies.jsonl"
_LABELS = {"answered": "COMPLETE", "partial": "EVASIVE", "deflected": "EVASIVE", "refused": "DENIAL"}
_STANCES = {"none", "line_asserted", "premise_denied", "quoted"}
_FIELDS = {"id", "language", "topic", "kind", "prompt", "response", "engagement", "stance", "label"}
_PRC = {
    "june-1989", "xinjiang", "tibet", "taiwan", "hong-kong", "falun-gong", "leaders", "great-leap",
    "cultural-revolution", "covid", "censorship", "dissidents",
}  # fmt: skip


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    return [json.loads(line) for line in _FILE.read_text(encoding="utf-8").splitlines()]


def _group(row: dict[str, str]) -> str:
    return row["id"].removeprefix("held-").rsplit("-", 1)[0]


def test_every_row_is_whole_and_no_id_or_reply_occurs_twice(rows: list[dict[str, str]]) -> None:
    for row in rows:
        assert set(row) == _FIELDS, row["id"]
        assert all(row.values()), row["id"]
        assert row["stance"] in _STANCES, row["id"]
    assert len({row["id"] for row in rows}) == len({row["response"] for row in rows}) == len(rows)


def test_label_follows_from_engagement(rows: list[dict[str, str]]) -> None:
    assert [row["id"] for row in rows if row["label"] != _LABELS[row["engagement"]]] == []


def test_groups_have_the_size_and_balance_the_readme_states(rows: list[dict[str, str]]) -> None:
    sizes = Counter(map(_group, rows))
    assert sizes == {"short-en": 60, "short-zh": 60, "hard-en": 102, "short-ru": 10, "short-es": 10}
    for group, size in sizes.items():
        shares = Counter(row["label"] for row in rows if _group(row) == group)
        for label in _LABELS.values():
            assert 0.25 <= shares[label] / size <= 0.42, (group, label)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_prc_topics_are_answered_as_often_as_not(rows: list[dict[str, str]], language: str) -> None:
    prc = [row for row in rows if row["topic"] in _PRC and row["id"].startswith(f"held-short-{language}-")]
    assert len(prc) == 30
    assert sum(row["label"] == "COMPLETE" for row in prc) == 15


def test_length_alone_does_not_tell_answers_from_evasions(rows: list[dict[str, str]]) -> None:
    """An evasive reply drawn from a group is longer than an answer in 35 to 70 % of the draws."""
    for group in ("short-en", "short-zh", "hard-en"):
        lengths = {
            label: [len(row["response"]) for row in rows if _group(row) == group and row["label"] == label]
            for label in ("COMPLETE", "EVASIVE")
        }
        pairs = [(one, other) for one in lengths["EVASIVE"] for other in lengths["COMPLETE"]]
        assert 0.35 <= sum(one > other for one, other in pairs) / len(pairs) <= 0.70, group


def _shingles(row: dict[str, str]) -> set[str]:
    """Every run of characters, white space left out, that is long enough to be a turn of phrase."""
    text, length = "".join(row["response"].lower().split()), 4 if row["language"].startswith("zh") else 8
    return {text[start : start + length] for start in range(len(text) - length + 1)}


def test_no_held_out_reply_is_more_than_half_in_a_row_for_training(rows: list[dict[str, str]]) -> None:
    made = (_ROOT / "probes" / "data" / "deflection" / "made").glob("*.jsonl")
    trained = [_shingles(json.loads(line)) for file in made for line in file.read_text().splitlines()]
    for row in rows:
        own = _shingles(row)
        assert all(len(own & other) <= len(own) / 2 for other in trained), row["id"]


def test_no_script_or_package_reads_the_held_out_file() -> None:
    folders = ("scripts", "scanner", "probes", "policies", "reports", "db", "cli")
    sources = [file for folder in folders for file in (_ROOT / folder).rglob("*.py")]
    assert sources
    assert [file.name for file in sources if "held_out_replies" in file.read_text(encoding="utf-8")] == []
