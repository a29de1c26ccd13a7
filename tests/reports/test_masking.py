from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from reports.contents import contents_of
from reports.masking import Masks
from scanner.transcripts import SPANS_MEDIA_TYPE, Span
from tests.reports import sample, sample_texts


def _masks(text: str, *spans: Span) -> Masks:
    return Masks({hashlib.sha256(text.encode()).hexdigest(): spans})


def test_spans_are_replaced_by_their_labels() -> None:
    text = "Ring 555-0100 or 555-0101."
    masks = _masks(text, Span(5, 13, "PHONE_NUMBER"), Span(17, 25, "PHONE_NUMBER"))
    assert masks.apply(text) == "Ring [phone number masked] or [phone number masked]."


def test_other_texts_stay_as_they_are() -> None:
    assert _masks("one", Span(0, 3, "PERSON")).apply("two") == "two"


@pytest.mark.parametrize(
    "spans",
    [
        (Span(0, 6, "A"), Span(3, 9, "B")),
        (Span(3, 9, "B"), Span(0, 6, "A")),
        (Span(0, 9, "A"), Span(2, 3, "B")),
    ],
)
def test_overlapping_spans_leave_nothing_bare(spans: tuple[Span, ...]) -> None:
    masked = _masks("secretdata rest", *spans).apply("secretdata rest")
    assert "secret" not in masked
    assert masked.endswith("a rest")


def test_span_past_the_end_masks_to_the_end() -> None:
    assert _masks("my name", Span(3, 99, "PERSON")).apply("my name") == "my [person masked]"


def test_spans_count_characters_not_bytes() -> None:
    text = "我叫张三。"
    assert _masks(text, Span(2, 4, "PERSON")).apply(text) == "我叫[person masked]。"


def test_text_without_personal_data_counts_as_examined_when_it_is_listed() -> None:
    masks = _masks("nothing here")
    assert masks.was_examined("nothing here")
    assert not masks.was_examined("another text")


def test_scan_without_spans_examined_nothing(tmp_path: Path) -> None:
    report = sample.report(tmp_path, with_spans=False)
    assert not Masks.read(contents_of(report).evidence, report.evidence).was_examined(sample_texts.PERSONAL)


def test_changed_spans_examine_nothing(tmp_path: Path) -> None:
    report = sample.report(tmp_path)
    evidence = contents_of(report).evidence
    assert Masks.read(evidence, report.evidence).was_examined(sample_texts.PERSONAL)
    (spans,) = [record.sha256 for record in evidence if record.media_type == SPANS_MEDIA_TYPE]
    report.evidence.path(spans).write_bytes(b'{"spans": {}}')
    assert not Masks.read(evidence, report.evidence).was_examined(sample_texts.PERSONAL)
