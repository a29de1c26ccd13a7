"""An import is found again by names of companies, exactly or as a hint, and a changed file is refused."""

from __future__ import annotations

import dataclasses
import datetime
import json
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from scanner.checks.supplier_on_a_list import CHECK, POSSIBLE
from scanner.findings import Confidence, Finding, Measurement, Outcome, Severity
from scanner.origins.imported_lists import (
    SETTING,
    ImportedListError,
    imported_names,
    read_head,
    read_import,
    read_imports,
    write_import,
)
from scanner.origins.screened_parties import EU, UK, US, ScreenedParty
from scanner.origins.screening_file import ScreeningFile, read_screening_file
from scanner.references import ModelRef
from tests.scanner import screening_files as files
from tests.scanner.check_runs import context_of
from tests.scanner.model_folders import write_card

DAY = datetime.date(2026, 11, 26)


def imported(folder: Path, *more: Mapping[str, object], published: str = "2026-11-20") -> Path:
    """A folder with an import of the made file and these rows."""
    path = files.write(folder / "consolidated.json", files.as_json([*files.ROWS, *more]))
    write_import(folder / "lists", read_screening_file(path), path.name, today=DAY, published=published)
    return folder / "lists"


def said(model: Path, lists: Path, reference: str, day: datetime.date = DAY) -> list[Finding | Measurement]:
    """What the check says about `model` under this reference, with the import."""
    context = context_of(model)
    snapshot = dataclasses.replace(context.snapshot, ref=ModelRef.parse(reference))
    return list(
        CHECK.run(dataclasses.replace(context, snapshot=snapshot, as_of=day, settings={SETTING: str(lists)}))
    )


def findings(model: Path, lists: Path, reference: str, day: datetime.date = DAY) -> list[Finding]:
    return [one for one in said(model, lists, reference, day) if isinstance(one, Finding)]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "weights"
    path.mkdir()
    return path


def test_import_keeps_file_digest_day_and_numbers(tmp_path: Path) -> None:
    head = read_head(imported(tmp_path), US.id)
    assert (head.file, head.rows, head.published) == ("consolidated.json", 4, "2026-11-20")
    assert head.by_source == {files.ENTITY_LIST: 2, files.SDN: 2}
    assert head.day == datetime.date(2026, 11, 20)


def test_later_import_takes_the_place_of_an_earlier_one(tmp_path: Path) -> None:
    lists = imported(tmp_path)
    imported(tmp_path, {"name": "Another Ltd.", "source": "List"})
    head = read_head(lists, US.id)
    assert head.rows == 5
    assert [path.name for path in lists.iterdir()] == ["consolidated-screening-list.jsonl"]


@pytest.mark.parametrize(
    ("company", "exact"),
    [
        ("HUAWEI TECHNOLOGIES CO LTD", True),
        ("Shenzhen Huawei Technologies Limited", True),
        ("Sberbank of Russia PJSC", True),
        ("Sber", False),
        ("Huawei Technologis", False),
        ("Shenzhen Huawei Technologies Group Holding Inc.", False),
    ],
)
def test_company_is_found_by_name_and_alias_exactly_or_as_a_hint(
    tmp_path: Path, company: str, exact: bool
) -> None:
    found = read_import(imported(tmp_path), US.id)
    hits = found.find(company, DAY)
    assert [hit.is_exact for hit in hits] == [exact]


@pytest.mark.parametrize(
    "company",
    [
        "Mistral AI",
        "Huawei",
        "Sb",
        "Made-Up Mountain Instruments Group",
        "Technologies Ltd.",
        "Alibaba Cloud",
    ],
)
def test_individuals_past_entries_and_parts_of_names_are_not_found(tmp_path: Path, company: str) -> None:
    found = read_import(imported(tmp_path), US.id)
    hits = found.find(company, DAY)
    assert hits == []  # "Huawei" is like "Huawei Technology", and too short for a hint


def test_publishers_company_on_the_import_is_a_finding_with_list_day_and_digest(
    tmp_path: Path, model: Path
) -> None:
    row = {"name": "ALEPH ALPHA LTD", "source": files.ENTITY_LIST, "start_date": "2026-10-01"}
    lists = imported(tmp_path, row)
    head = read_head(lists, US.id)
    (found,) = findings(model, lists, "hf://Aleph-Alpha/M3")
    assert found.rule == "bis-entity-list"
    assert (found.outcome, found.severity) == (Outcome.FAIL, Severity.LOW)
    assert found.confidence is Confidence.MEDIUM
    for words in (files.ENTITY_LIST, "since 2026-10-01", "of 2026-11-20", head.file_sha256[:16], "your role"):
        assert words in found.message


def test_what_is_merely_alike_is_a_possible_match_with_low_confidence(tmp_path: Path, model: Path) -> None:
    row = {"name": "Stability AI Limitd Liability", "source": "List", "alt_names": ["Stabilty AI"]}
    (found,) = findings(model, imported(tmp_path, row), "hf://stabilityai/x")
    assert (found.rule, found.confidence) == (POSSIBLE, Confidence.LOW)
    assert "a person must look" in found.message


def test_declared_base_and_owner_are_looked_up_too(tmp_path: Path, model: Path) -> None:
    write_card(model, base_model=["Qwen/Qwen3-8B"])
    lists = imported(tmp_path, {"name": "Alibaba Group Inc.", "source": "List"})
    (found,) = (one for one in findings(model, lists, "hf://somebody/x") if one.rule == US.id)
    assert "the declared base model Qwen/Qwen3-8B, whose company is owned by Alibaba Group" in found.message
    assert found.confidence is Confidence.LOW


def test_model_names_are_not_held_against_the_import(tmp_path: Path, model: Path) -> None:
    lists = imported(tmp_path, {"name": "Nova Sky", "source": "List"})
    (found,) = findings(model, lists, "hf://somebody/Nova-Sky-7B")
    assert found.outcome is Outcome.PASS
    assert "5 parties of the Consolidated Screening List of 2026-11-20" in found.message


def test_old_import_is_told_and_is_no_gap(tmp_path: Path, model: Path) -> None:
    lists = imported(tmp_path, published="2026-09-01")
    told = {one.rule: one for one in findings(model, lists, "hf://mistralai/x")}
    assert told["import-old"].severity is Severity.INFO
    assert "86 days old on 2026-11-26" in told["import-old"].message
    assert "import-old" not in {one.rule for one in findings(model, imported(tmp_path), "hf://mistralai/x")}


def test_number_of_parties_is_measured_with_and_without_an_import(tmp_path: Path, model: Path) -> None:
    (with_import,) = (
        one for one in said(model, imported(tmp_path), "hf://a/b") if isinstance(one, Measurement)
    )
    (without,) = (
        one for one in said(model, tmp_path / "nothing", "hf://a/b") if isinstance(one, Measurement)
    )
    assert with_import.value == without.value + 4
    assert "no Consolidated Screening List was imported" in without.method


def test_three_lists_lie_side_by_side_and_each_is_searched(tmp_path: Path, model: Path) -> None:
    lists = imported(tmp_path)
    for name, text in (("eu.csv", files.EU_TEXT), ("uk.csv", files.UK_TEXT)):
        read = read_screening_file(files.write(tmp_path / name, text))
        write_import(lists, read, name, today=DAY)
    assert imported_names(lists) == (EU.id, UK.id, US.id)
    write_card(model, base_model=["Aleph-Alpha/x"])
    found = findings(model, lists, "hf://mistralai/y")
    assert {one.rule for one in found} == {"eu-269-2014", "uk-sanctions-list"}
    (european,) = (one for one in found if one.rule == "eu-269-2014")
    assert "EU consolidated list of financial sanctions of 2026-11-20" in european.message


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Huawei", b"Howdy!"),
        (b"screening-list/1", b"screening-list/9"),
        (b'"imported":"2026-11-26"', b'"imported":"yesterday!"'),
    ],
)
def test_changed_import_is_an_error_and_shipped_rows_still_count(
    tmp_path: Path, model: Path, old: bytes, new: bytes
) -> None:
    lists = imported(tmp_path, published="")
    (path,) = lists.iterdir()
    assert old in path.read_bytes()
    path.write_bytes(path.read_bytes().replace(old, new, 1))
    with pytest.raises(ImportedListError):
        read_imports(lists)
    outcomes = [one.outcome for one in findings(model, lists, "hf://deepseek-ai/V3")]
    assert outcomes.count(Outcome.ERROR) == 1
    assert Outcome.FAIL in outcomes


def test_evidence_holds_head_and_party_of_the_import(tmp_path: Path, model: Path) -> None:
    lists = imported(tmp_path, {"name": "Aleph Alpha", "source": "List"})
    context = context_of(model)
    snapshot = dataclasses.replace(context.snapshot, ref=ModelRef.parse("hf://Aleph-Alpha/M3"))
    context = dataclasses.replace(context, snapshot=snapshot, as_of=DAY, settings={SETTING: str(lists)})
    pieces = {piece for one in CHECK.run(context) for piece in one.evidence}
    (document,) = (json.loads(context.evidence.get(piece.sha256)) for piece in pieces)
    assert document["imported"][0]["file"] == "consolidated.json"
    (match,) = document["imported_matches"]
    assert match["party"]["name"] == "Aleph Alpha"
    assert match["exact"] is True


def test_whole_list_is_searched_within_two_seconds(tmp_path: Path) -> None:
    """25,000 parties with three names each; prints what reading and six searches took."""
    parties = tuple(
        ScreenedParty(
            f"Party {number:05d} of the Example Islands Co., Ltd.",
            "List",
            US.id,
            (f"PEI {number:05d} Trading LLC", f"Island Instruments {number:05d}"),
            number=str(number),
        )
        for number in range(25_000)
    )
    read = ScreeningFile(US, parties, "0" * 64)
    write_import(tmp_path, read, "c.json", today=DAY)
    began = time.process_time()
    (found,) = read_imports(tmp_path)
    for company in (
        "Mistral AI",
        "Beijing Zhipu Huazhang Technology",
        "Alibaba Cloud",
        "Google LLC",
        "Party",
    ):
        assert found.find(company, DAY) == []
    (hit,) = found.find("Island Instruments 00017", DAY)
    seconds = time.process_time() - began
    print(f"\n25000 parties: read and searched 6 times in {seconds:.2f} s CPU")  # noqa: T201 - the figure is wanted in the log
    assert hit.party.number == "17"
    assert seconds < 2
