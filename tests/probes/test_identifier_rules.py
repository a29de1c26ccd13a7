"""The rules: labels, forms and surrounding words decide; a broken data file names its row."""

from __future__ import annotations

import importlib.resources
import re
import time

import pytest

from probes.identifier_rules import find_by_rules, load_rules, parse_rules
from probes.identifiers import IdentifierDataError
from probes.person_names import listed_names
from probes.tables import find_in_tables
from probes.zip_prefixes import is_restricted, restricted_prefixes


def found(text: str, *, names: bool = True) -> list[tuple[str, str]]:
    hits = sorted(find_by_rules(text, names=names), key=lambda hit: hit.start)
    return [(hit.kind, text[hit.start : hit.end]) for hit in hits if hit.score >= 0.5]


@pytest.mark.parametrize(
    "text",
    [
        "MRN: 00451239",
        "mrn=00451239",
        '"mrn": "00451239"',
        "**MRN** 00451239",
        "MRN is 00451239",
        "MRN (old): 00451239",
        "patient_id: 00451239",
        "Patient-ID 00451239",
        "病历号：00451239",
    ],
)
def test_label_may_be_written_in_many_ways(text: str) -> None:
    assert ("MEDICAL_RECORD_NUMBER", "00451239") in found(text)


@pytest.mark.parametrize(
    "text", ["smrn: 00451239", "mrnx 00451239", "MRN pending, 2 of 3", "MRN\n\nNotes 00451239"]
)
def test_part_of_another_word_or_a_label_without_its_value_is_no_hit(text: str) -> None:
    assert found(text) == []


def test_places_are_true_after_characters_whose_lower_case_is_longer() -> None:
    assert found("İİİ MRN: 00451239") == [("MEDICAL_RECORD_NUMBER", "00451239")]


@pytest.mark.parametrize(
    ("person", "other"),
    [
        ("The patient was admitted on March 3, 2021.", "The model was released on March 3, 2021."),
        ("She had her operation on 2021-03-03.", "The dataset was updated on 2021-03-03."),
        ("患者于2021年3月3日入院。", "本模型于2021年3月3日发布。"),
        ("My home is 742 Alder Street.", "Our head office is 742 Alder Street."),
        ("Her blog is at www.ottilie-marsh.net.", "The server is at www.ottilie-marsh.net."),
    ],
)
def test_words_around_say_whose_it_is(person: str, other: str) -> None:
    assert found(person)
    assert found(other) == []


def test_nearer_word_decides() -> None:
    assert found("The patient, whose phone runs the software released on March 3, 2021, is well.") == []
    assert found("The software was released and the patient admitted on March 3, 2021.")


def test_word_against_counts_in_its_own_sentence_only() -> None:
    text = "Call (212) 456-7890 at home.\nModel v1.2 released."
    assert ("FAX_NUMBER", "(212) 456-7890") not in found(text)
    assert found("Her fax: (212) 456-7890.\nModel v1.2 released by the company.")


def test_only_what_its_form_shows_is_found_without_names() -> None:
    text = "Patient: Ottilie Marsh was seen on March 3, 2021, MRN 00451239."
    assert found(text, names=False) == [("MEDICAL_RECORD_NUMBER", "00451239")]
    assert {kind for kind, _ in found(text)} == {"MEDICAL_RECORD_NUMBER", "PERSON", "DATE_OF_PERSON"}


def test_three_digits_of_a_zip_code_count_only_where_few_people_live() -> None:
    assert ("ZIP_CODE", "036") in found("ZIP3 036")
    assert found("ZIP3 606") == []
    assert is_restricted("03601")
    assert not is_restricted("60601")
    assert len(restricted_prefixes()) >= 17
    assert all(re.fullmatch(r"\d{3}", prefix) for prefix in restricted_prefixes())


def test_cells_are_read_by_the_head_of_their_table() -> None:
    text = "ward\tmrn\tssn\n3B\t00451239\t536-22-1234\n2A\t00451240\tunknown\n\nname;fax\n"
    hits = [(hit.kind, text[hit.start : hit.end]) for hit in find_in_tables(text, names=True)]
    assert hits == [
        ("MEDICAL_RECORD_NUMBER", "00451239"), ("US_SSN", "536-22-1234"),
        ("MEDICAL_RECORD_NUMBER", "00451240"),
    ]  # fmt: skip


def test_prose_with_commas_is_no_table() -> None:
    assert (
        list(find_in_tables("The mrn, ssn, and phone are secret.\nThese, 00451239, are not.", names=True))
        == []
    )


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("We met Jane Smith and Robert B. Miller.", ["Jane Smith", "Robert B. Miller"]),
        ("SMITH, JANE was here; so was Miller, Robert.", ["SMITH, JANE", "Miller, Robert"]),
        ("Sure Jane Smith will come", ["Jane Smith"]),
        ("Mistral Large and Claude Opus; Johns Hopkins; Monte Carlo", []),
        ("James Parkinson's disease at the Mary Johnson Hospital", []),
        ("jane smith, A. B., New York", []),
    ],
)
def test_names_from_lists(text: str, names: list[str]) -> None:
    assert [text[start:end] for start, end in listed_names(text)] == names


@pytest.mark.parametrize(
    "unit",
    ["A", "Aa", "'A", "A. ", "A Aa ", "Aa Aa, ", "http://a/", "http://a/?&", "1", "1-", "1.", "a.", "(",
     "MRN ", "fax ", "的", "市", "北京市路", "Calle ", "1 Aa ", "rue A", "\n", "dob: (", "0:"],
)  # fmt: skip
def test_text_made_to_keep_expressions_busy_is_read_in_time(unit: str) -> None:
    text = (unit * 20_000)[:20_000]
    began = time.process_time()
    list(find_by_rules(text, names=True))
    list(find_in_tables(text, names=True))
    list(listed_names(text))
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("kind: AGE_OVER_89, score", "kind: AGE, score", "unknown kind 'AGE'"),
        ("check: vin", "check: win", "unknown check 'win'"),
        ("beside: contact", "beside: contract", "unknown cue 'contract'"),
        ("'{id}'", "'{idd}'", "unknown part 'idd'"),
        ("needs: [fax", "need: [fax", "need"),
    ],
)
def test_broken_data_names_the_row(old: str, new: str, told: str) -> None:
    text = (importlib.resources.files("probes") / "data" / "personal_data_rules.yaml").read_text("utf-8")
    assert old in text
    with pytest.raises(IdentifierDataError, match=told):
        parse_rules(text.replace(old, new))


def test_every_label_is_found_by_its_first_word() -> None:
    for word, rules in load_rules().labelled.items():
        assert all(any(label.split()[0].startswith(word[:1]) for label in rule.labels) for rule in rules)
