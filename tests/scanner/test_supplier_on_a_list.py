"""supplier-on-a-list: listed by publisher, base or name, each with its confidence; no country matches."""

from __future__ import annotations

import csv
import dataclasses
import datetime
import importlib.resources
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from scanner.checks.supplier_on_a_list import CHECK
from scanner.findings import Confidence, Finding, Outcome, Severity
from scanner.origins.company_names import company_names
from scanner.origins.publishers import publisher_table
from scanner.origins.supplier_lists import SupplierListError, parse_supplier_lists, supplier_lists
from scanner.references import ModelRef
from tests.scanner.check_runs import context_of, findings_of
from tests.scanner.model_folders import write_card, write_gguf

DATA = importlib.resources.files("scanner") / "data"
TEXT = (DATA / "supplier_lists.csv").read_text(encoding="utf-8")
LISTS = (DATA / "restricted_lists.csv").read_text(encoding="utf-8")

DEEPSEEK = {"fascsa-dhs-2026-01", "ndaa-2026-1532", "us-state-orders-2025", "kansas-2025-84"}


def published(folder: Path, reference: str) -> list[Finding]:
    """The findings for `folder` as if fetched under this reference."""
    context = context_of(folder)
    snapshot = dataclasses.replace(context.snapshot, ref=ModelRef.parse(reference))
    said = list(CHECK.run(dataclasses.replace(context, snapshot=snapshot)))
    return [one for one in said if isinstance(one, Finding)]


def is_named(companies: Sequence[str]) -> bool:
    """Whether a row of the table names one of these companies."""
    return any(row.is_company(company) for row in supplier_lists().rows for company in companies)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "weights"
    path.mkdir()
    return path


def test_listed_publisher_is_told_with_list_day_source_and_role(folder: Path) -> None:
    found = {one.rule: one for one in published(folder, "hf://deepseek-ai/V3")}
    assert set(found) == DEEPSEEK
    order = found["fascsa-dhs-2026-01"]
    assert (order.outcome, order.severity, order.subject) == (Outcome.FAIL, Severity.LOW, "DeepSeek")
    for words in ("the publisher deepseek-ai", "since 2026-10-20", "https://", "as of 2026-11-26", "role"):
        assert words in order.message


def test_match_is_no_surer_than_the_list_is_known(folder: Path) -> None:
    found = {one.rule: one.confidence for one in published(folder, "hf://deepseek-ai/V3")}
    assert found["fascsa-dhs-2026-01"] is Confidence.MEDIUM
    assert found["kansas-2025-84"] is Confidence.HIGH


def test_declared_base_matches_whoever_publishes(folder: Path) -> None:
    write_card(folder, base_model=["deepseek-ai/V3"])
    found = published(folder, "hf://somebody/tuned")
    assert {one.rule for one in found} == DEEPSEEK
    assert all("the declared base model deepseek-ai/V3" in one.message for one in found)
    assert {one.confidence for one in found} == {Confidence.MEDIUM}


def test_base_of_an_adapter_matches_whoever_publishes(folder: Path) -> None:
    (folder / "adapter_config.json").write_text('{"base_model_name_or_path": "deepseek-ai/V3"}')
    found = published(folder, "hf://somebody/tuned")
    assert {one.rule for one in found} == DEEPSEEK
    assert all("the declared base model deepseek-ai/V3" in one.message for one in found)


def test_name_alone_matches_with_low_confidence(folder: Path) -> None:
    write_gguf(folder / "m.gguf", {"general.name": "DeepSeek R1 Distill Qwen 7B"})
    found = findings_of(CHECK, folder)
    assert {one.subject for one in found} == {"DeepSeek", "Alibaba"}
    assert {one.severity for one in found} == {Severity.LOW}
    assert {one.confidence for one in found} == {Confidence.LOW}
    assert all("which is a claim" in one.message for one in found)


@pytest.mark.parametrize("reference", ["hf://seek-deep/deepseeker-7b", "hf://owen/Qwerty-2", "hf://a/Ernest"])
def test_names_that_only_look_alike_do_not_match(folder: Path, reference: str) -> None:
    (found,) = published(folder, reference)
    assert found.outcome is Outcome.PASS


def test_no_seat_matches_by_itself(folder: Path) -> None:
    """Publishers of one country, on no list that is held here, pass like everybody else."""
    listed = {org for row in supplier_lists().rows for org in (*row.hub_orgs, *row.group_orgs)}
    others = [
        row
        for row in publisher_table().publishers
        if not listed & set(row.names)
        and not is_named((*company_names(row.entity), *company_names(row.parent)))
    ]
    assert {"moonshotai", "yandex", "MiniMaxAI"} <= {row.org for row in others}
    assert {"CN", "US", "FR", "RU"} <= {row.seat for row in others}
    for row in others:
        (found,) = published(folder, f"hf://{row.org}/model")
        assert found.outcome is Outcome.PASS, row.org


def test_architecture_of_a_listed_supplier_is_no_match(folder: Path) -> None:
    (folder / "config.json").write_text(
        '{"model_type": "deepseek_v3", "architectures": ["Qwen3ForCausalLM"]}'
    )
    (found,) = published(folder, "hf://moonshotai/Kimi-K2")
    assert found.outcome is Outcome.PASS
    assert "not declared is not seen" in found.message


def test_bytes_that_name_nothing_are_not_judged(tmp_path: Path) -> None:
    nameless = tmp_path / "model"
    nameless.mkdir()
    (found,) = findings_of(CHECK, nameless)
    assert (found.outcome, bool(found.reason)) == (Outcome.NOT_RUN, True)


def test_broken_files_are_errors_and_the_rest_is_still_judged(folder: Path) -> None:
    (folder / "README.md").write_text("---\n- a\n- list\n---\n")
    (folder / "config.json").write_text("{")
    (folder / "m.gguf").write_bytes(b"GGUF")
    found = published(folder, "hf://mistralai/x")
    assert [one.outcome for one in found] == [Outcome.ERROR] * 3 + [Outcome.PASS]


def test_every_row_has_an_address_and_matches_its_own_names(folder: Path) -> None:
    today = context_of(folder).as_of
    for row in (row for row in supplier_lists().rows if row.counts_on(today)):
        for org in (*row.hub_orgs, *row.group_orgs):
            assert (row.list.id, row.entity) in {
                (one.rule, one.subject) for one in published(folder, f"hf://{org}/x")
            }
        for word in row.words:
            found = published(folder, f"hf://somebody/{word.title()}-7B")
            assert (row.list.id, row.entity) in {(one.rule, one.subject) for one in found}


def test_table_holds_no_country() -> None:
    reader = csv.DictReader(line for line in TEXT.splitlines() if not line.startswith("#"))
    assert not {"seat", "country", "nationality"} & set(reader.fieldnames or ())


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("schema: weighbridge.supplier-lists/1", "schema: x", "schema"),
        ("list,entity", "name,entity", "columns"),
        ("\nfascsa-dhs-2026-01,", "\nFASCSA,", "no such list"),
        ("2026-10-20,,https://pypi", "soon,,https://pypi", "Invalid isoformat"),
        ("2026-10-20,,https://pypi", "2026-10-20,2026-10-20,https://pypi", "not after"),
        ("https://pypi", "http://pypi", "begins with https://"),
        ("2026-11-26,primary", "2026-11-26,sure", "sure"),
        ("deepseek-ai,deepseek,,,FR", ",,,,FR", "nothing can match"),
        ("deepseek-ai,deepseek,,,FR", "deepseek-ai,deepseek,other,,FR", "go together"),
        ("\nndaa-2026-1532,", "\nfascsa-dhs-2026-01,", "DeepSeek stands twice on fascsa-dhs-2026-01"),
    ],
)
def test_broken_table_is_refused_with_the_row(old: str, new: str, said: str) -> None:
    assert old in TEXT
    with pytest.raises(SupplierListError, match="supplier_lists.csv") as caught:
        parse_supplier_lists(TEXT.replace(old, new, 1), LISTS)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("schema: weighbridge.restricted-lists/1", "schema: x", "schema"),
        ("\nofac-sdn,", "\nbis-entity-list,", "stands twice"),
        (",us_exports=true,", ",exporters,", "question=answer"),
        ("\nofac-sdn,", "\nOFAC,", "a token"),
        ("https://pypi", "http://pypi", "begins with https://"),
    ],
)
def test_broken_table_of_lists_is_refused_with_the_row(old: str, new: str, said: str) -> None:
    assert old in LISTS
    with pytest.raises(SupplierListError, match="restricted_lists.csv") as caught:
        parse_supplier_lists(TEXT, LISTS.replace(old, new, 1))
    assert said in str(caught.value)


def test_match_says_whom_the_list_concerns_and_that_a_download_is_no_trigger(folder: Path) -> None:
    found = {one.rule: one for one in published(folder, "hf://zai-org/GLM-5")}
    entity_list = found["bis-entity-list"]
    assert "concerns exporters" in entity_list.message
    assert "Downloading its weights is not by itself the trigger" in entity_list.message
    assert "Affiliates Rule" in entity_list.message
    assert entity_list.message.endswith("depends on your role")


def test_party_that_left_a_list_is_told_and_is_no_finding(folder: Path) -> None:
    found = published(folder, "hf://megvii-research/x")
    assert {one.rule for one in found} == {"bis-entity-list"}
    context = context_of(folder)
    snapshot = dataclasses.replace(context.snapshot, ref=ModelRef.parse("hf://megvii-research/x"))
    then = dataclasses.replace(context, snapshot=snapshot, as_of=datetime.date(2024, 6, 1))
    rules = {one.rule for one in CHECK.run(then) if isinstance(one, Finding)}
    assert rules == {"bis-entity-list", "section-1260h"}


def test_party_counts_only_from_the_day_on_which_it_was_listed(folder: Path) -> None:
    context = context_of(folder)
    snapshot = dataclasses.replace(context.snapshot, ref=ModelRef.parse("hf://zai-org/GLM-4"))
    before = dataclasses.replace(context, snapshot=snapshot, as_of=datetime.date(2025, 1, 15))
    (found,) = (one for one in CHECK.run(before) if isinstance(one, Finding))
    assert found.outcome is Outcome.PASS


def test_company_of_the_same_group_matches_less_surely_and_says_what_ties_it(folder: Path) -> None:
    (found,) = (one for one in published(folder, "hf://Qwen/Qwen3-8B") if one.subject == "Alibaba")
    assert found.confidence is Confidence.MEDIUM
    assert "a company of Alibaba Group" in found.message
    banks = published(folder, "hf://t-tech/T-lite")
    assert {one.rule for one in banks} == {"eu-269-2014", "uk-russia-2019", "ofac-sdn"}
    assert all("the list names the bank" in one.message for one in banks)


def test_legal_entity_of_the_publisher_matches_where_its_account_is_not_in_the_table(folder: Path) -> None:
    """THUDM is an account of the company behind zai-org by the registry of publishers, not by the list."""
    (found,) = (one for one in published(folder, "hf://THUDM/x") if one.rule == "bis-entity-list")
    assert "the publisher THUDM, whose company is" in found.message
    assert "Zhipu" in found.message


def test_evidence_keeps_the_way_of_every_match(folder: Path) -> None:
    write_card(folder, base_model=["ai-sage/GigaChat"])
    context = context_of(folder)
    snapshot = dataclasses.replace(context.snapshot, ref=ModelRef.parse("hf://somebody/tuned"))
    found = list(CHECK.run(dataclasses.replace(context, snapshot=snapshot)))
    (kept,) = {piece for one in found for piece in one.evidence}
    document = json.loads(context.evidence.get(kept.sha256))
    assert {(one["list"], one["way"]) for one in document["matches"]} == {
        ("eu-269-2014", "base-group"), ("uk-russia-2019", "base-group"), ("ofac-sdn", "base-group"),
    }  # fmt: skip
    assert document["imported"] == []
