"""training-facts-missing: quotes with place, "not found" with sources and day, hardware is no failure."""

from __future__ import annotations

import dataclasses
import datetime
import json
from pathlib import Path

import pytest

from scanner.checks.training_facts_missing import CHECK
from scanner.findings import Finding, Measurement, Outcome, Severity
from scanner.origins.training_facts import fact_table
from scanner.references import ModelRef
from tests.scanner.check_runs import context_of, findings_of, measurements_of
from tests.scanner.model_folders import write_card, write_gguf

FACTS = {fact.id for fact in fact_table().facts}
FULL = """# Training

We trained on 512 Ascend 910B NPUs for 30 days with 4e24 FLOPs.
Training used 900 MWh.
The training data consists of web pages and code.

# Law

Our public summary of training content is on our website.
Our authorised representative in the EU under Article 54 is Example Rep GmbH.
We signed the EU's General-Purpose AI Code of Practice.
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "model"
    path.mkdir()
    return path


def test_every_fact_is_quoted_with_file_and_line(folder: Path) -> None:
    write_card(folder, FULL)
    found = {one.rule: one for one in findings_of(CHECK, folder)}
    assert set(found) == FACTS
    assert {one.outcome for one in found.values()} == {Outcome.PASS}
    assert "'We trained on 512 Ascend 910B NPUs for 30 days with 4e24 FLOPs.'" in found["hardware"].message
    assert "(README.md:3)" in found["hardware"].message
    assert found["energy"].locations[0].line == 4


def test_named_hardware_is_a_fact_with_a_note_and_never_a_failure(folder: Path) -> None:
    write_card(folder, "# Training\n\nTrained on 512 Ascend 910C NPUs.\n")
    (found,) = (one for one in findings_of(CHECK, folder) if one.rule == "hardware")
    assert found.outcome is Outcome.PASS
    assert "depends on your role" in found.message
    write_card(folder, "# Training\n\nTrained on 512 H100 GPUs.\n")
    (other,) = (one for one in findings_of(CHECK, folder) if one.rule == "hardware")
    assert other.outcome is Outcome.PASS
    assert "role" not in other.message


def test_what_is_not_said_is_told_with_sources_and_day(folder: Path) -> None:
    write_card(folder, "# A model\n\nIt chats, and runs on one H100.\n")
    (folder / "NOTES.md").write_text("Nothing here.\n")
    context = dataclasses.replace(context_of(folder), as_of=datetime.date(2026, 12, 1))
    found = [one for one in CHECK.run(context) if isinstance(one, Finding)]
    assert {one.rule for one in found} == FACTS
    for one in found:
        assert (one.outcome, one.severity) == (Outcome.FAIL, Severity.LOW)
        assert "was not found in README.md, NOTES.md on 2026-12-01" in one.message
        assert "no breach" in one.message


def test_other_markdown_files_are_read_too(folder: Path) -> None:
    write_card(folder, "# A model\n")
    (folder / "docs").mkdir()
    (folder / "docs" / "TRAINING.md").write_text("# Training\n\nTrained on 64 TPU v5p chips.\n")
    (found,) = (one for one in findings_of(CHECK, folder) if one.rule == "hardware")
    assert found.outcome is Outcome.PASS
    assert "docs/TRAINING.md:3" in found.message


def test_signatory_is_known_by_the_table_from_its_day_on(folder: Path) -> None:
    write_card(folder, "# A model\n")
    context = context_of(folder)
    snapshot = dataclasses.replace(context.snapshot, ref=ModelRef.parse("hf://xai-org/grok-2"))
    context = dataclasses.replace(context, snapshot=snapshot)
    (found,) = (
        one for one in CHECK.run(context) if isinstance(one, Finding) and one.rule == "code-of-practice"
    )
    assert found.outcome is Outcome.PASS
    assert "chapters: Safety and Security" in found.message
    before = dataclasses.replace(context, as_of=datetime.date(2025, 7, 1))
    (then,) = (
        one for one in CHECK.run(before) if isinstance(one, Finding) and one.rule == "code-of-practice"
    )
    assert then.outcome is Outcome.FAIL


def test_number_of_facts_is_measured_and_evidence_holds_the_quotes(folder: Path) -> None:
    write_card(folder, FULL)
    (measured,) = measurements_of(CHECK, folder)
    assert (measured.value, measured.n) == (len(FACTS), len(FACTS))
    context = context_of(folder)
    (piece,) = {piece for one in CHECK.run(context) for piece in one.evidence}
    document = json.loads(context.evidence.get(piece.sha256))
    assert document["read"] == ["README.md"]
    assert {one["fact"] for one in document["facts"] if one["stated"]} == FACTS


def test_header_of_a_gguf_file_states_data_sources(folder: Path) -> None:
    write_gguf(folder / "m.gguf", {"general.dataset.0.name": "FineWeb", "general.name": "x"})
    found = {one.rule: one for one in findings_of(CHECK, folder)}
    assert found["data-sources"].outcome is Outcome.PASS
    assert "general.dataset.0.name: FineWeb" in found["data-sources"].message
    assert "was not found in m.gguf" in found["hardware"].message


def test_header_that_states_nothing_or_is_broken_is_no_source(folder: Path) -> None:
    write_gguf(folder / "m.gguf", {"general.name": "x"})
    (folder / "broken.gguf").write_bytes(b"GGUF")
    (found,) = findings_of(CHECK, folder)
    assert found.outcome is Outcome.NOT_RUN


def test_without_any_text_nothing_is_judged(folder: Path) -> None:
    (found,) = CHECK.run(context_of(folder))
    assert isinstance(found, Finding)
    assert (found.outcome, bool(found.reason)) == (Outcome.NOT_RUN, True)


def test_broken_head_is_an_error_and_the_text_is_still_read(folder: Path) -> None:
    (folder / "README.md").write_text("---\n- a\n- list\n---\n# Training\n\nTrained on 8 H100.\n")
    said = list(CHECK.run(context_of(folder)))
    assert [one.outcome for one in said if isinstance(one, Finding)].count(Outcome.ERROR) == 1
    (measured,) = (one for one in said if isinstance(one, Measurement))
    assert measured.value == 1


def test_control_characters_of_a_card_do_not_come_through(folder: Path) -> None:
    write_card(folder, "# Training\n\nTrained on \x1b[31mH100\x07 GPUs.\n")
    (found,) = (one for one in findings_of(CHECK, folder) if one.rule == "hardware")
    assert found.message.isprintable()
