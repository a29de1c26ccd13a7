"""Redaction: places are those of the text as it came, however it is cut, and no value is left."""

from __future__ import annotations

import pytest

from probes.personal_data import open_analyser
from probes.redaction import Redaction, parts

NOTE = "Patient: Ottilie Marsh\nMRN 00451239, seen on 03/14/2021.\nModel v1.2 released 2024-01-01.\n"


@pytest.fixture(scope="module")
def redaction() -> Redaction:
    return Redaction(open_analyser(), "salt")


def test_values_are_replaced_by_their_kind_and_the_rest_stays(redaction: Redaction) -> None:
    assert redaction.redact_text(NOTE).text == (
        "Patient: [name of a person]\nMRN [medical record number], seen on [date in a person's life].\n"
        "Model v1.2 released 2024-01-01.\n"
    )


def test_spans_point_at_the_values_in_the_text_as_it_came(redaction: Redaction) -> None:
    spans = redaction.redact_text(NOTE).spans
    assert [(NOTE[span.start : span.end], span.line, span.letter) for span in spans] == [
        ("Ottilie Marsh", 1, "A"), ("00451239", 2, "H"), ("03/14/2021", 2, "C"),
    ]  # fmt: skip
    assert all(span.value == NOTE[span.start : span.end] and 0.5 <= span.score <= 1 for span in spans)


def test_places_stay_true_across_parts(redaction: Redaction) -> None:
    text = "An ordinary line of a note.\n" * 1500 + "MRN 00451239\n" + "x" * 45_000 + " MRN 00451240"
    found = list(redaction.redact([text]))
    assert len(found) > 3
    spans = [span for part in found for span in part.spans]
    assert [text[span.start : span.end] for span in spans] == ["00451239", "00451240"]
    assert [span.line for span in spans] == [1501, 1502]
    assert sum(part.characters for part in found) == len(text)


def test_equal_values_have_equal_digests_and_another_salt_others(redaction: Redaction) -> None:
    text = "MRN 00451239, MRN 00451239, MRN 00451240"
    first, second, third = (span.digest for span in redaction.redact_text(text).spans)
    assert first == second != third
    assert Redaction(open_analyser(), "other").redact_text(text).spans[0].digest != first


def test_only_the_asked_letters_are_replaced() -> None:
    assert "Ottilie Marsh\nMRN [medical" in Redaction(open_analyser(), "", letters="H").redact_text(NOTE).text


def test_strict_takes_dates_of_nobody_too() -> None:
    assert "2024-01-01" not in Redaction(open_analyser(), "", strict=True).redact_text(NOTE).text


@pytest.mark.parametrize(
    "lines", [[], [""], ["a\n"], ["a" * 50_001], ["word " * 20_000], ["a\n" * 20_000, "b"]]
)
def test_parts_together_are_the_text(lines: list[str]) -> None:
    found = list(parts(iter(lines)))
    assert "".join(part.text for part in found) == "".join(lines)
    assert all(0 < len(part.text) <= 20_000 for part in found)
    assert [part.start for part in found] == [sum(len(p.text) for p in found[:n]) for n in range(len(found))]
