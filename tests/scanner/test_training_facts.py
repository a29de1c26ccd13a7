"""Facts about training: measured on labelled sentences, read with headings and lines, bounded."""

from __future__ import annotations

import importlib.resources
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from scanner.origins.code_of_practice import CodeOfPracticeError, parse_signatories, signatories
from scanner.origins.training_facts import (
    TrainingFactsError,
    fact_table,
    facts_in,
    facts_in_head,
    parse_facts,
)

DATA = importlib.resources.files("scanner") / "data"
TEXT = (DATA / "training_facts.yaml").read_text(encoding="utf-8")
SENTENCES: Mapping[str, list[dict[str, Any]]] = yaml.safe_load(
    Path(__file__).with_name("training_sentences.yaml").read_text(encoding="utf-8")
)


def found(row: Mapping[str, Any]) -> set[str]:
    """The facts that the sentence of a row states, under its headings."""
    headings = [one for one in row.get("under", "").split(" / ") if one]
    head = "".join(f"{'#' * rank} {words}\n\n" for rank, words in enumerate(headings, start=1))
    return {stated.fact.id for stated in facts_in(head + row["text"], "README.md")}


def score(rows: list[dict[str, Any]]) -> tuple[float, float]:
    """Precision and recall over all (sentence, fact) pairs."""
    hits = sum(len(found(row) & set(row["facts"])) for row in rows)
    told = sum(len(found(row)) for row in rows)
    wanted = sum(len(row["facts"]) for row in rows)
    return hits / told, hits / wanted


@pytest.mark.parametrize(
    ("part", "precision", "recall"),
    [("dev", 0.95, 0.95), ("held_out", 0.95, 0.95), ("found", 0.95, 0.9), ("fresh", 0.95, 0.85)],
)
def test_precision_and_recall_on_labelled_sentences(part: str, precision: float, recall: float) -> None:
    rows = SENTENCES[part]
    got = score(rows)
    print(f"\n{part}: {len(rows)} sentences, precision {got[0]:.3f}, recall {got[1]:.3f}")  # noqa: T201 - wanted
    assert got[0] >= precision
    assert got[1] >= recall


def test_labels_are_known_facts_and_both_languages_and_empty_sentences_are_there() -> None:
    rows = [row for part in SENTENCES.values() for row in part]
    known = {fact.id for fact in fact_table().facts}
    assert len(rows) >= 140
    assert {label for row in rows for label in row["facts"]} == known
    assert sum(not row["facts"] for row in rows) >= 40
    assert sum(any("\u4e00" <= char <= "\u9fff" for char in row["text"]) for row in rows) >= 15
    assert len({row["text"] + row.get("under", "") for row in rows}) == len(rows)


def test_quote_has_its_line_and_what_gave_it_away() -> None:
    said = "- It was **trained** on [512 Ascend 910B](x) chips. It is fast."
    text = f"# Model\n\nIntro.\n\n## Training\n\n{said}\n"
    (stated,) = (one for one in facts_in(text, "docs/a.md") if one.fact.id == "hardware")
    assert (stated.place.path, stated.place.line) == ("docs/a.md", 7)
    assert stated.quote == "It was trained on 512 Ascend 910B chips."
    assert stated.named == "Ascend 910B"
    assert [note.source[:8] for note in stated.fact.notes_on(stated.named)] == ["https://"]
    assert not stated.fact.notes_on("Ascend 310P")


def test_code_blocks_are_not_read_and_headings_end_with_their_section() -> None:
    fenced = "# Training\n\n```\ntrained on 8 x H100\n```\n"
    assert facts_in(fenced, "a") == ()
    later = "# Training\n\nSee below.\n\n# Usage\n\nOne A100.\n"
    assert facts_in(later, "a") == ()


def test_keys_of_the_head_state_facts() -> None:
    head = {"datasets": ["a/b"], "co2_eq_emissions": {"emissions": 3}, "tags": ["x"]}
    assert {one.fact.id for one in facts_in_head(head, "README.md")} == {"data-sources", "energy"}
    assert facts_in_head({"datasets": []}, "README.md") == ()


@pytest.mark.parametrize(
    "piece",
    [
        "9" * 5_000,
        "a-" * 9_000,
        "trained on " * 3_000,
        "1,1.1" * 4_000,
        "[x](" * 5_000,
        "<" * 20_000,
        "训练" * 8_000,
    ],
)
def test_hostile_text_ends_within_a_second(piece: str) -> None:
    began = time.process_time()
    facts_in(f"# Training\n\n{piece}\n\n{piece} GPU\n", "README.md")
    assert time.process_time() - began < 1


def test_many_sentences_of_one_kind_are_cut_short() -> None:
    stated = facts_in("We trained on H100.\n\n" * 500, "README.md")
    assert len(stated) == 8


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("weighbridge.training-facts/1", "x", "schema"),
        ("- id: energy", "- id: compute", "stands twice"),
        ("'推理|部署", "'(推理|部署", "unterminated"),
        ("  says:\n", "  sayz:\n", "sayz"),
    ],
)
def test_broken_expressions_are_refused(old: str, new: str, said: str) -> None:
    assert old in TEXT
    with pytest.raises(TrainingFactsError, match="training_facts.yaml") as caught:
        parse_facts(TEXT.replace(old, new, 1))
    assert said in str(caught.value)


def test_signatories_have_source_and_day_and_no_seat() -> None:
    table = signatories()
    assert {"Mistral AI", "xAI", "Google"} <= {row.name for row in table.rows}
    assert {row.chapters for row in table.rows if row.name == "xAI"} == {"Safety and Security"}
    broken = (
        (DATA / "code_of_practice.csv").read_text(encoding="utf-8").replace("https://casrai", "casrai", 1)
    )
    with pytest.raises(CodeOfPracticeError, match="Aleph Alpha"):
        parse_signatories(broken)
