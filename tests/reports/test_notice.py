"""The NOTICE: prescribed words letter by letter, the same every time, and only what is known."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Iterator
from pathlib import Path

import pytest

from reports.contents import licences_kept
from reports.format import Report, ReportError, load_formats, render
from reports.glyphs import visible
from reports.licence_words import duty_sentence
from reports.notice_text import notice_text
from scanner.licensing.duties import DutyState
from scanner.licensing.record import DutyReading, LicenceRecord
from scanner.licensing.terms import DutyKind
from scanner.references import ModelRef
from tests.reports import sample
from tests.reports.sample_licences import NOTICE_LINE, NOTICE_TEXT

_CUT = "Part 2: for you, not to be passed on"


@pytest.fixture(scope="module")
def notice(report: Report) -> str:
    return render(report, "notice").decode()


@pytest.fixture(scope="module")
def record(report: Report) -> LicenceRecord:
    found = licences_kept(report)
    assert found is not None
    return found


def test_notice_is_the_golden_one(notice: str, golden: Path, update_golden: bool) -> None:
    target = golden / "NOTICE.txt"
    if update_golden:
        target.write_text(notice, encoding="utf-8")
    assert notice == target.read_text(encoding="utf-8"), (
        "run pytest tests/reports --update-golden and read the diff"
    )


def test_notice_does_not_depend_on_when_or_where_it_is_written(
    report: Report, notice: str, tmp_path: Path
) -> None:
    later = report.generated_at + datetime.timedelta(days=400)
    again = dataclasses.replace(sample.report(tmp_path), generated_at=later)
    assert render(again, "notice").decode() == notice


def test_prescribed_words_of_what_binds_stand_on_a_line_of_their_own(
    notice: str, record: LicenceRecord
) -> None:
    lines = notice.splitlines()
    worded = [reading for reading in _readings(record) if reading.status.duty.words]
    assert len(worded) > 3
    for reading in worded:
        is_out = reading.status.state is DutyState.NOT_APPLICABLE
        assert (f"    {reading.status.duty.words}" in lines) is not is_out


def test_notice_lines_are_passed_on_and_answers_are_not(notice: str) -> None:
    passed_on, _, kept_back = notice.partition(_CUT)
    assert NOTICE_LINE in passed_on
    assert "400,000,000" not in passed_on
    assert "400,000,000" in kept_back


def test_line_that_depends_on_an_answer_is_not_passed_on(report: Report, record: LicenceRecord) -> None:
    licences = tuple(
        dataclasses.replace(applied, duties=tuple(map(_unanswered, applied.duties)))
        for applied in record.licences
    )
    text = notice_text(report, dataclasses.replace(record, licences=licences))
    passed_on, _, kept_back = text.partition(_CUT)
    assert NOTICE_LINE not in passed_on
    assert f"    {NOTICE_LINE}\n" in kept_back


def test_what_gives_no_right_is_told_as_not_settled(notice: str, record: LicenceRecord) -> None:
    _, _, unsettled = notice.partition(_CUT)
    assert unsettled.lstrip().startswith("Not settled by this notice")
    folded = " ".join(unsettled.split())
    barred = [each for each in _readings(record) if each.status.state is DutyState.NOT_MET]
    assert barred
    for reading in barred:
        assert f"Not met: {duty_sentence(reading.status.duty)}" in folded
    for problem in (*record.unresolved, *record.problems):
        assert f"{problem.subject}: {problem.reason}." in folded
    assert "Gone Research License: what it asks for is not known" in folded


def test_texts_to_enclose_are_named_with_their_digests(notice: str, record: LicenceRecord) -> None:
    for text in record.texts:
        assert f"{text.path}\n    sha256 {text.sha256}\n" in notice
    assert "Gone Research License: its text is not among the files of the model." in notice


def test_notice_of_the_model_is_quoted_whole_and_copyright_lines_with_it(notice: str) -> None:
    for line in NOTICE_TEXT.splitlines():
        assert f"    {visible(line)}".rstrip() in notice.splitlines()
    assert "    Copyright (c) 2026 Example Lab SA" in notice.splitlines()
    assert "Permission ..." not in notice


def test_files_of_the_model_hide_nothing_and_pass_for_no_heading(notice: str) -> None:
    assert all(character.isprintable() or character == "\n" for character in notice)
    assert "1. NOTICE LINES" not in notice.splitlines()


def test_head_says_what_it_is_of_when_and_that_it_is_no_advice(notice: str, report: Report) -> None:
    head = notice.partition("=" * 78)[0]
    assert report.scan.snapshot.digest in head
    assert sample.COMMIT in head
    assert "22 November 2026" in head
    assert "not: legal advice" in head


def test_where_the_model_lies_on_the_machine_is_left_out(report: Report, record: LicenceRecord) -> None:
    snapshot = dataclasses.replace(report.scan.snapshot, ref=ModelRef.parse("/home/me/secret/Some-7B"))
    local = dataclasses.replace(report, scan=dataclasses.replace(report.scan, snapshot=snapshot))
    text = notice_text(local, record)
    assert "Model:         Some-7B\n" in text
    assert "secret" not in text


def test_scan_without_a_record_makes_no_notice(empty_report: Report) -> None:
    with pytest.raises(ReportError, match="no notice can be made") as caught:
        render(empty_report, "notice")
    assert "licence-duties" in caught.value.hint


def test_lost_text_is_told_and_not_left_out(tmp_path: Path) -> None:
    report = sample.report(tmp_path)
    record = licences_kept(report)
    assert record is not None
    for text in record.texts:
        if text.text:
            report.evidence.path(text.text.sha256).unlink()
    folded = " ".join(render(report, "notice").decode().split())
    for text in record.texts[:2]:
        assert f"{text.path}, sha256 {text.sha256}: not kept; copy its notices from the file." in folded


def test_file_is_called_notice() -> None:
    found = load_formats()["notice"]
    assert f"{found.stem}.{found.suffix}" == "NOTICE.txt"


def _readings(record: LicenceRecord) -> Iterator[DutyReading]:
    return (reading for applied in record.licences for reading in applied.duties)


def _unanswered(reading: DutyReading) -> DutyReading:
    if reading.status.duty.kind is not DutyKind.NOTICE:
        return reading
    return dataclasses.replace(reading, status=dataclasses.replace(reading.status, state=DutyState.UNKNOWN))
