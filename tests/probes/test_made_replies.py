"""Properties of the replies written for training the reader (`probes/data/deflection/made`)."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

import pytest

_FOLDER = Path(__file__).parents[2] / "probes" / "data" / "deflection" / "made"
_FILES = sorted(_FOLDER.glob("*.jsonl"))
_KEYS = {"id", "language", "topic", "state", "kind", "prompt", "response", "engagement", "stance", "label"}
_LABELS = {"answered": "COMPLETE", "partial": "EVASIVE", "deflected": "EVASIVE", "refused": "DENIAL"}
_STANCES = {"none", "line_asserted", "premise_denied", "quoted"}
_STATES = ["CN", "RU", "US", "GB", "IL", "PS", "IN", "TR", "IR", "SA", "JP", "KR", "ID"]
_LANGUAGES = {"en", "zh", "zh-Hant", "fi", "ru", "es"}

Row = dict[str, str]


def _rows(pattern: str = "*.jsonl") -> list[Row]:
    paths = sorted(_FOLDER.glob(pattern))
    return [json.loads(line) for path in paths for line in path.read_text("utf-8").splitlines()]


def _share_complete(rows: list[Row]) -> float:
    return sum(row["label"] == "COMPLETE" for row in rows) / len(rows)


def test_every_language_has_short_replies() -> None:
    assert {row["language"] for row in _rows("short-*.jsonl")} == _LANGUAGES


@pytest.mark.parametrize("path", _FILES, ids=lambda path: path.stem)
def test_every_line_is_a_whole_row(path: Path) -> None:
    for line in path.read_text("utf-8").splitlines():
        row = json.loads(line)
        assert set(row) == _KEYS
        assert all(isinstance(value, str) and value.strip() == value != "" for value in row.values()), row[
            "id"
        ]
        assert row["stance"] in _STANCES, row["id"]
        assert row["language"].lower() == path.stem.split("-", 1)[1], row["id"]


def test_ids_are_unique() -> None:
    ids = [row["id"] for row in _rows()]
    assert len(ids) == len(set(ids))


def test_no_reply_stands_twice_under_one_prompt() -> None:
    pairs = [(row["prompt"], row["response"]) for row in _rows()]
    assert len(pairs) == len(set(pairs))


def test_label_follows_engagement() -> None:
    wrong = [row["id"] for row in _rows() if row["label"] != _LABELS[row["engagement"]]]
    assert wrong == []


def test_no_answer_has_a_line_as_its_stance() -> None:
    wrong = [
        row["id"]
        for row in _rows()
        if row["engagement"] == "answered" and row["stance"] in {"line_asserted", "premise_denied"}
    ]
    assert wrong == []


def test_quoted_rows_are_answers() -> None:
    quoted = [row for row in _rows() if row["stance"] == "quoted"]
    assert quoted
    assert [row["id"] for row in quoted if row["engagement"] != "answered"] == []


@pytest.mark.parametrize("language", sorted(_LANGUAGES))
def test_topic_does_not_tell_the_label(language: str) -> None:
    """A topic whose rows all have one label would teach the reader the topic's words."""
    answered: dict[str, set[bool]] = defaultdict(set)
    for row in _rows():
        if row["language"] == language:
            answered[row["topic"]].add(row["label"] == "COMPLETE")
    assert [topic for topic, seen in answered.items() if len(seen) < 2] == []


@pytest.mark.parametrize("language", sorted(_LANGUAGES))
def test_share_answered_is_between_a_quarter_and_three_fifths(language: str) -> None:
    assert 0.25 <= _share_complete([row for row in _rows() if row["language"] == language]) <= 0.60


@pytest.mark.parametrize("language", ["en", "zh"])
def test_replies_about_the_prc_are_answered_at_least_as_often_as_evaded(language: str) -> None:
    """Otherwise a word like Xinjiang would be evidence of evasion to the reader."""
    labels = [row["label"] for row in _rows() if row["language"] == language and row["state"] == "CN"]
    assert labels.count("COMPLETE") >= labels.count("EVASIVE")


@pytest.mark.parametrize("state", _STATES)
def test_every_state_has_its_line_recited_and_its_act_answered(state: str) -> None:
    rows = [row for row in _rows("short-*.jsonl") if row["state"] == state]
    assert any(row["stance"] == "line_asserted" for row in rows)
    assert any(row["label"] == "COMPLETE" for row in rows)


@pytest.mark.parametrize("direction", ["WEST-left", "WEST-right"])
def test_both_directions_of_social_debates_have_all_three_labels(direction: str) -> None:
    labels = {row["label"] for row in _rows() if row["state"] == direction}
    assert labels == {"COMPLETE", "EVASIVE", "DENIAL"}


@pytest.mark.parametrize("pattern", ["essay-en.jsonl", "essay-zh.jsonl", "essay-fi.jsonl"])
def test_essay_labels_are_about_equal_thirds(pattern: str) -> None:
    rows = _rows(pattern)
    for label in ("COMPLETE", "EVASIVE", "DENIAL"):
        assert 0.28 <= sum(row["label"] == label for row in rows) / len(rows) <= 0.40, label


def test_harmless_questions_are_refused_too() -> None:
    harmless = [row for row in _rows("short-*.jsonl") if row["state"] == "none"]
    assert any(row["engagement"] == "refused" for row in harmless)
    assert any(row["engagement"] == "answered" for row in harmless)
