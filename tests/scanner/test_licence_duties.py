"""licence-duties: what was not answered, not known or not read is open, and only what bars is grave."""

from __future__ import annotations

from pathlib import Path

import pytest

from scanner.checks.licence_duties import CHECK
from scanner.errors import InvalidValueError
from scanner.findings import Outcome, Severity
from scanner.licensing.prescribed import begins_with, line_of, sentence_with
from scanner.licensing.terms import licence_terms
from scanner.rights.output_hints import output_terms
from tests.scanner.check_runs import findings_of
from tests.scanner.licence_repositories import APACHE, HERMIT, MIT, SHOP, Repository
from tests.scanner.model_folders import write_card

Patch = pytest.MonkeyPatch


def test_without_answers_every_open_duty_is_asked_once_per_licence(
    tmp_path: Path, monkeypatch: Patch
) -> None:
    made = Repository(tmp_path, "acme/model").card(license="apache-2.0").file("LICENSE", APACHE)
    nobody = made.judged(monkeypatch)
    asked = nobody.of("questions")
    assert asked.outcome is Outcome.NOT_RUN
    assert "distributes, fine_tunes" in asked.reason
    assert "--set licence.distributes=" in asked.reason
    assert nobody.rules() == []
    assert nobody.rules(outcome=Outcome.PASS) == []


def test_free_licence_that_asks_nothing_of_a_hermit_passes(tmp_path: Path, monkeypatch: Patch) -> None:
    made = Repository(tmp_path, "acme/model").card(license="mit").file("LICENSE", MIT)
    assert made.judged(monkeypatch, **HERMIT).rules(outcome=Outcome.PASS) == ["rights"]


def test_base_that_nobody_knows_leaves_the_terms_unresolved(tmp_path: Path, monkeypatch: Patch) -> None:
    made = Repository(tmp_path, "acme/model").card(license="mit", base_model="nobody/knows-this")
    hermit = made.file("LICENSE", MIT).judged(monkeypatch, **HERMIT)
    assert hermit.of("base-unknown").outcome is Outcome.NOT_RUN
    assert "nobody/knows-this" in hermit.of("base-unknown").reason
    assert hermit.rules(outcome=Outcome.PASS) == []
    assert hermit.record.effective.commercial.value == "unclear"
    assert hermit.value("licence.free_and_open_source") is None


def test_adapter_of_a_local_path_leaves_its_base_open(tmp_path: Path, monkeypatch: Patch) -> None:
    made = Repository(tmp_path, "acme/adapter").card(license="mit").file("LICENSE", MIT)
    made.data("adapter_config.json", {"base_model_name_or_path": "/home/me/base"})
    assert made.judged(monkeypatch, **HERMIT).of("base-unknown").subject == "adapter_config.json"


def test_broken_adapter_configuration_is_an_error(tmp_path: Path, monkeypatch: Patch) -> None:
    made = Repository(tmp_path, "acme/adapter").card(license="mit").file("LICENSE", MIT)
    made.file("adapter_config.json", "{")
    hermit = made.judged(monkeypatch, **HERMIT)
    assert "adapter_config.json" in {
        each.subject for each in hermit.findings if each.outcome is Outcome.ERROR
    }
    assert hermit.rules(outcome=Outcome.PASS) == []


def test_text_with_terms_beyond_its_licence_is_for_a_person(tmp_path: Path, monkeypatch: Patch) -> None:
    made = Repository(tmp_path, "acme/model").card(license="mit")
    made.file("LICENSE", f"{MIT}\n\nNobody may use it to sell insurance.\n")
    hermit = made.judged(monkeypatch, **HERMIT)
    open_text = next(
        each for each in hermit.findings if each.check_id == CHECK.id and each.subject == "LICENSE"
    )
    assert open_text.outcome is Outcome.NOT_RUN
    assert "insurance" in open_text.reason
    [text] = hermit.record.texts
    assert text.sha256
    assert text.text is not None
    assert hermit.record.effective.foss.value == "unclear"


def test_text_that_nobody_recognises_is_not_run_and_keeps_its_record(
    tmp_path: Path, monkeypatch: Patch
) -> None:
    made = Repository(tmp_path, "acme/model").file("LICENSE", "You may do as you like, within reason.")
    hermit = made.judged(monkeypatch, **HERMIT)
    [unread] = [each for each in hermit.findings if each.check_id == CHECK.id]
    assert (unread.rule, unread.outcome) == ("unrecognised", Outcome.NOT_RUN)
    assert unread.evidence
    assert hermit.record.licences == ()
    assert "licence.duties_open" not in hermit.measurements


@pytest.mark.parametrize(
    ("name", "is_asked"),
    [
        ("acme/GPT-4-chats", True), ("acme/claude_replies", True), ("acme/DeepSeek-R1-traces", True),
        ("acme/llamaindex-docs", False), ("acme/begpt4x", False), ("acme/weather", False),
    ],
)  # fmt: skip
def test_data_sets_named_after_other_models_are_asked_about(
    tmp_path: Path, monkeypatch: Patch, name: str, is_asked: bool
) -> None:
    made = Repository(tmp_path, "acme/model").card(license="mit", datasets=[name]).file("LICENSE", MIT)
    found = made.judged(monkeypatch, **HERMIT)
    asked = [each for each in found.findings if each.rule == "outputs"]
    assert [each.severity for each in asked] == ([Severity.INFO] if is_asked else [])


def test_terms_on_outputs_are_those_of_the_licence_rows() -> None:
    named = {row.licence: row.distillation for row in output_terms() if row.licence}
    assert named == {licence: licence_terms()[licence].distillation for licence in named}


def test_declared_restriction_beside_a_free_text_still_counts(tmp_path: Path, monkeypatch: Patch) -> None:
    made = Repository(tmp_path, "acme/model").card(license=["apache-2.0", "cc-by-nc-4.0"])
    shop = made.file("LICENSE", APACHE).judged(monkeypatch, **SHOP)
    assert shop.of("no-right").subject == "cc-by-nc-4.0 no-commerce"


def test_use_policy_in_a_file_of_its_own_binds_beside_the_licence(tmp_path: Path, monkeypatch: Patch) -> None:
    made = Repository(tmp_path, "meta-llama/Llama-4-Scout").card(license="llama4")
    made.stand_in("USE_POLICY.md", "llama-4-license-2025")
    french = made.judged(monkeypatch, **{**SHOP, "seat": "FR"})
    barred = {each.subject for each in french.findings if each.rule == "no-right"}
    assert "llama4-use-policy multimodal-eu" in barred


def test_model_whose_text_quotes_the_words_gives_file_line_and_digest(
    tmp_path: Path, monkeypatch: Patch
) -> None:
    made = Repository(tmp_path, "moonshotai/Kimi-K2-Instruct").card(
        license="other", license_name="modified-mit"
    )
    clause = "Above 100 million monthly active users or 20 million US dollars show Kimi\nK2 in the interface."
    made.file("LICENSE", f"{MIT}\n\n{clause}\n")
    rich = made.judged(monkeypatch, **{**SHOP, "mau": "2e8"})
    [one] = rich.record.licences
    [quote] = [reading.quote for reading in one.duties if reading.status.duty.id == "display"]
    assert quote is not None
    assert quote.text.endswith("show Kimi K2 in the interface.")
    assert quote.line == MIT.count("\n") + 3
    assert quote.sha256 == rich.record.texts[0].sha256


def test_answer_that_is_none_is_refused(tmp_path: Path, monkeypatch: Patch) -> None:
    made = Repository(tmp_path, "acme/model").card(license="mit").file("LICENSE", MIT)
    with pytest.raises(InvalidValueError, match=r"licence\.mau: is 'many'"):
        made.judged(monkeypatch, mau="many")


def test_folder_whose_name_nobody_chose_is_not_held_to_a_naming_duty(tmp_path: Path) -> None:
    write_card(tmp_path / "m", license="llama3.1", base_model="meta-llama/Llama-3.1-8B")
    missing = [each for each in findings_of(CHECK, tmp_path / "m") if each.rule == "notices-missing"]
    assert "name that begins" not in missing[0].message
    assert missing[0].message.isprintable()


def test_prescribed_words_are_found_over_line_breaks_and_signs() -> None:
    text = "Intro.\n\nLlama 3.1 is licensed,\nCopyright © Meta. All\nrights reserved."
    assert line_of(text, "copyright (c) meta") == 4
    assert sentence_with(text, "All Rights") == (4, "All rights reserved.")
    assert line_of(text, "Built with Llama") is None
    assert line_of(text, "") is None
    assert begins_with("LLaMA-3.1-Tiny", "Llama 3")
    assert not begins_with("Tiny-Llama", "Llama")


@pytest.mark.parametrize(
    ("name", "lacks_it"),
    [("Meta-Llama-3.1-8B-GGUF", False), ("Llama-Tiny", False), ("Tiny-Llama-3.1-8B", True)],
)
def test_name_begins_as_the_licence_asks_or_is_that_of_the_base(
    tmp_path: Path, monkeypatch: Patch, name: str, lacks_it: bool
) -> None:
    made = Repository(tmp_path, f"acme/{name}").card(
        license="llama3.1", base_model="meta-llama/Meta-Llama-3.1-8B"
    )
    missing = made.judged(monkeypatch, **SHOP).of("notices-missing").message
    assert ("a name that begins with" in missing) is lacks_it
