"""Twelve repositories after the shapes of real ones: the duties they put on a user, and what contradicts."""

from __future__ import annotations

from pathlib import Path

import pytest

from scanner.changes.parts import file_changes
from scanner.comparison import Part
from scanner.findings import Confidence, Outcome, Severity
from scanner.licensing.record import Ground, TextRole
from tests.scanner.check_runs import snapshot_of
from tests.scanner.licence_repositories import APACHE, HERMIT, MIT, SHOP, Repository

Patch = pytest.MonkeyPatch
CONTRADICTION = "licence-contradiction"


def test_qwen_research_bars_a_shop_and_not_a_student(tmp_path: Path, monkeypatch: Patch) -> None:
    made = Repository(tmp_path, "Qwen/Qwen2.5-3B").card(
        license="other", license_name="qwen-research", license_link="https://example.org/LICENSE"
    )
    made.file("LICENSE", "Qwen RESEARCH LICENSE AGREEMENT\n\nFor non-commercial purposes only.\n")
    shop, student = made.judged(monkeypatch, **SHOP), made.judged(monkeypatch, **HERMIT)
    assert shop.of("no-right").severity is Severity.HIGH
    assert "no-commerce" in shop.of("no-right").subject
    assert shop.rules(CONTRADICTION) == student.rules(CONTRADICTION) == []
    assert student.of("rights").outcome is Outcome.PASS
    assert ("qwen-research", "no-commerce") in student.duties("met")
    assert shop.value("licence.free_and_open_source") == 0


def test_qwen_3_under_apache_leaves_only_what_passing_on_asks(tmp_path: Path, monkeypatch: Patch) -> None:
    made = Repository(tmp_path, "Qwen/Qwen3-8B").card(license="apache-2.0", base_model="Qwen/Qwen3-8B-Base")
    made.file("LICENSE", APACHE)
    shop, hermit = made.judged(monkeypatch, **SHOP), made.judged(monkeypatch, **HERMIT)
    assert set(shop.rules()) == {"to-do"}
    assert {each.severity for each in shop.findings if each.rule == "to-do"} == {Severity.INFO}
    assert hermit.rules() == []
    assert shop.of("rights").outcome is hermit.of("rights").outcome is Outcome.PASS
    assert (shop.value("licence.free_and_open_source"), shop.value("licence.excludes_eu")) == (1, 0)
    assert shop.record.unresolved == ()


def test_deepseek_v3_binds_by_its_model_licence_beside_an_mit_for_code(
    tmp_path: Path, monkeypatch: Patch
) -> None:
    made = Repository(tmp_path, "deepseek-ai/DeepSeek-V3").card("# DeepSeek V3\n")
    made.file("LICENSE-CODE", MIT).stand_in("LICENSE-MODEL", "deepseek-la-1.0")
    shop = made.judged(monkeypatch, **SHOP)
    assert [one.licence.id for one in shop.record.licences] == ["deepseek-1.0"]
    assert {text.path: text.role for text in shop.record.texts} == {
        "LICENSE-MODEL": TextRole.MODEL, "LICENSE-CODE": TextRole.CODE,
    }  # fmt: skip
    assert ("deepseek-1.0", "use-policy") in shop.duties("for you to do")
    assert ("deepseek-1.0", "distilled") in shop.duties("not applicable")
    assert shop.rules(CONTRADICTION) == ["undeclared"]


def test_kimi_asks_a_rich_shop_alone_for_its_name(tmp_path: Path, monkeypatch: Patch) -> None:
    made = Repository(tmp_path, "moonshotai/Kimi-K2-Instruct").card(
        license="other", license_name="modified-mit"
    )
    made.file(
        "LICENSE", f"{MIT}\n\nAbove 100 million monthly active users or 20 million US dollars show Kimi K2.\n"
    )
    rich = made.judged(monkeypatch, **{**SHOP, "annual_revenue_usd": "4e8"})
    small = made.judged(monkeypatch, **SHOP)
    [display] = [each for each in rich.findings if each.subject.startswith("modified-mit-kimi display")]
    assert "'Kimi K2', in: the user interface" in display.message
    assert display.locations[0].line is not None
    assert ("modified-mit-kimi", "display") in small.duties("not applicable")
    assert {one.above for one in small.record.effective.thresholds} == {100e6, 240e6}
    [relabelled] = [
        each for each in made.card(license="mit").judged(monkeypatch, **SHOP).findings
        if each.rule == "text-contradicts"
    ]  # fmt: skip
    assert relabelled.severity is Severity.MEDIUM


def test_minimax_changed_its_licence_between_two_models(tmp_path: Path, monkeypatch: Patch) -> None:
    (tmp_path / "m2").mkdir()
    (tmp_path / "m25").mkdir()
    clause = "Above 100 million monthly active users or 30 million US dollars a year show MiniMax M2."
    m2 = Repository(tmp_path / "m2", "MiniMaxAI/MiniMax-M2").card(
        license="other", license_name="modified-mit"
    )
    m2.file("LICENSE", f"{MIT}\n\n{clause}\n")
    m25 = Repository(tmp_path / "m25", "MiniMaxAI/MiniMax-M2.5").card(
        license="other", license_name="minimax-m2.5"
    )
    m25.file("LICENSE-CODE", MIT).file(
        "LICENSE-MODEL", "MiniMax Model License for M2.5\n\nMind the policy.\n"
    )
    rich = {**SHOP, "mau": "2e8"}
    assert ("modified-mit-minimax", "display") in m2.judged(monkeypatch, **rich).duties("for you to do")
    after = m25.judged(monkeypatch, **rich)
    assert [one.licence.id for one in after.record.licences] == ["minimax-m2.5"]
    assert after.duties("for you to do") >= {("minimax-m2.5", "use-policy"), ("minimax-m2.5", "notice")}
    assert ("minimax-m2.5", "display") not in after.duties("for you to do")


def test_llama_relabelled_as_apache_is_washed_and_inherits_everything(
    tmp_path: Path, monkeypatch: Patch
) -> None:
    made = Repository(tmp_path, "acme/Tiny-8B").card(
        license="apache-2.0", base_model=["meta-llama/Llama-3.1-8B"], base_model_relation="finetune"
    )
    shop = made.file("LICENSE", APACHE).judged(monkeypatch, **SHOP)
    assert shop.of("base-terms").severity is Severity.MEDIUM
    [base] = shop.record.bases
    assert (base.licence, base.washed_into) == ("llama3.1", "apache-2.0")
    assert "as finetune" in base.basis
    inherited = next(one for one in shop.record.licences if one.ground is Ground.INHERITED)
    assert (inherited.licence.id, inherited.via) == ("llama3.1", "meta-llama/Llama-3.1-8B")
    assert inherited.confidence is Confidence.MEDIUM
    missing = shop.of("notices-missing").message
    for sought in ("a copy of the Llama 3.1", "'Built with Llama'", "name that begins with 'Llama'"):
        assert sought in missing
    assert ("llama3.1", "display") in shop.duties("for you to do")
    large = made.judged(monkeypatch, **{**SHOP, "mau": "8e8"})
    assert large.of("ask").severity is Severity.MEDIUM
    assert "rights" not in large.rules(outcome=Outcome.PASS)


def test_gemma_derivative_without_notice_lacks_it_until_it_is_there(
    tmp_path: Path, monkeypatch: Patch
) -> None:
    made = Repository(tmp_path, "acme/gemmette").card(license="gemma", base_model="google/gemma-2-9b")
    made.stand_in("LICENSE", "gemma-tou-2025-03-24")
    before = made.judged(monkeypatch, **SHOP)
    assert "Gemma is provided under and subject to" in before.of("notices-missing").message
    assert "a copy of" not in before.of("notices-missing").message
    assert before.rules(CONTRADICTION) == []
    assert [one.ground for one in before.record.licences] == [Ground.TEXT]
    made.file(
        "Notice",
        "Gemma is provided under and subject to the\nGemma Terms of Use found at ai.google.dev/gemma/terms",
    )
    after = made.judged(monkeypatch, **SHOP)
    assert "notices-missing" not in after.rules()
    [kept] = [reading.trace for one in after.record.licences for reading in one.duties
              if reading.trace is not None and reading.trace.place is not None
              and reading.trace.place.path == "Notice"]  # fmt: skip
    assert kept.is_kept


def test_hunyuan_gives_a_european_user_no_rights_and_says_so_to_the_packs(
    tmp_path: Path, monkeypatch: Patch
) -> None:
    made = Repository(tmp_path, "tencent/Hunyuan-A13B-Instruct").card(
        license="other", license_name="tencent-hunyuan-community"
    )
    made.file(
        "LICENSE",
        "TENCENT HUNYUAN COMMUNITY LICENSE AGREEMENT\n\nTHIS LICENSE AGREEMENT DOES NOT APPLY IN THE "
        "EUROPEAN UNION, UNITED KINGDOM AND SOUTH KOREA.\n",
    )
    european = made.judged(monkeypatch, **{**SHOP, "territory": "DE, US"})
    assert european.of("no-right").subject.startswith("tencent-hunyuan territory")
    assert european.value("licence.territory_excluded") == 1
    assert european.measurements["licence.territory_excluded"].n == 2
    american = made.judged(monkeypatch, **SHOP)
    assert "no-right" not in american.rules()
    assert american.value("licence.territory_excluded") == 0
    assert european.value("licence.excludes_eu") == american.value("licence.excludes_eu") == 1
    nobody = made.judged(monkeypatch)
    assert "territory" in nobody.of("questions").reason
    assert nobody.value("licence.territory_excluded") is None


def test_internvl_comes_under_the_terms_of_its_language_model_too(tmp_path: Path, monkeypatch: Patch) -> None:
    made = Repository(tmp_path, "OpenGVLab/InternVL2_5-78B").card(license="mit").file("LICENSE", MIT)
    made.data("config.json", {"llm_config": {"_name_or_path": "Qwen/Qwen2.5-72B-Instruct"}})
    shop = made.judged(monkeypatch, **SHOP)
    assert [(one.licence.id, one.ground) for one in shop.record.licences] == [
        ("mit", Ground.TEXT), ("qwen-2024", Ground.INHERITED),
    ]  # fmt: skip
    assert shop.of("base-terms").subject == "Qwen/Qwen2.5-72B-Instruct"
    assert shop.record.effective.thresholds[0].above == 100e6
    assert shop.value("licence.free_and_open_source") == 0


def test_non_commercial_adapter_over_an_mit_base_is_non_commercial(
    tmp_path: Path, monkeypatch: Patch
) -> None:
    made = Repository(tmp_path, "acme/adapter").card(license="cc-by-nc-4.0")
    made.data("adapter_config.json", {"base_model_name_or_path": "zai-org/GLM-4.5-Air"})
    shop = made.judged(monkeypatch, **SHOP)
    assert shop.of("no-right").subject == "cc-by-nc-4.0 no-commerce"
    assert shop.record.effective.commercial.value == "forbidden"
    assert "base-terms" not in shop.rules(CONTRADICTION)
    assert ("mit", "notice") in shop.duties("for you to do")


def test_mit_adapter_over_a_non_commercial_base_is_washed_and_grave(
    tmp_path: Path, monkeypatch: Patch
) -> None:
    made = Repository(tmp_path, "acme/adapter").card(license="mit").file("LICENSE", MIT)
    made.data("adapter_config.json", {"base_model_name_or_path": "Qwen/Qwen2.5-3B-Instruct"})
    shop = made.judged(monkeypatch, **SHOP)
    assert shop.of("base-terms").severity is Severity.HIGH
    assert shop.of("no-right").confidence is Confidence.MEDIUM


def test_licence_other_without_a_file_is_never_judged_free(tmp_path: Path, monkeypatch: Patch) -> None:
    made = Repository(tmp_path, "acme/mystery").card(license="other", license_name="acme-1.0")
    shop = made.judged(monkeypatch, **SHOP)
    assert shop.rules(CONTRADICTION) == ["other-without-text"]
    assert shop.of("unknown-name").outcome is Outcome.NOT_RUN
    assert shop.rules(outcome=Outcome.PASS) == []
    assert shop.record.effective.commercial.value == "unclear"
    assert shop.value("licence.free_and_open_source") is None
    assert shop.value("licence.excludes_eu") is None


def test_licence_that_changed_between_two_commits_changes_the_duties(
    tmp_path: Path, monkeypatch: Patch
) -> None:
    made = Repository(tmp_path, "acme/model").card(license="mit").file("LICENSE", MIT)
    old_files, old = snapshot_of(made.folder), made.judged(monkeypatch, **SHOP)
    made.card(license="other", license_name="qwen-research")
    made.file("LICENSE", "Qwen RESEARCH LICENSE AGREEMENT\n\nFor non-commercial purposes only.\n")
    new_files, new = snapshot_of(made.folder), made.judged(monkeypatch, **SHOP)
    changes = {change.part for change in file_changes(old_files, new_files)}
    assert changes == {Part.LICENCE, Part.CARD}
    assert old.record.texts[0].sha256 != new.record.texts[0].sha256
    assert "no-right" not in old.rules()
    assert new.of("no-right").severity is Severity.HIGH
