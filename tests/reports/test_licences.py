"""The licence page: every duty once and as it stands, nothing unknown shown as met, hostile text as text."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from reports.contents import contents_of
from reports.format import Report, render
from reports.licence_words import CUT, STATE_MEANINGS, condition_words, question_words
from reports.sections.licences import licences_view, record_view
from scanner.evidence import EvidenceStore
from scanner.licensing.duties import DutyState
from scanner.licensing.record import LICENCES_MEDIA_TYPE, LicenceRecord, Problem
from scanner.licensing.situation import Condition, Situation
from scanner.licensing.terms import licence_terms
from tests.reports import sample
from tests.reports.markup import Markup
from tests.reports.sample_licences import HOSTILE, NOTICE_LINE, SITUATION, sample_licences


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> LicenceRecord:
    return sample_licences(EvidenceStore(tmp_path_factory.mktemp("licences")))


@pytest.fixture(scope="module")
def page(html: str) -> Markup:
    return Markup(html)


@pytest.fixture(scope="module")
def markdown(report: Report) -> str:
    return render(report, "markdown").decode()


def test_record_is_in_the_json_whole(report: Report, record: LicenceRecord) -> None:
    assert contents_of(report).licences == record


def test_every_duty_is_on_the_page_once_and_in_its_state(page: Markup, record: LicenceRecord) -> None:
    shown = [
        (element.attributes["data-duty"], element.attributes["data-state"])
        for element in page.elements
        if "data-duty" in element.attributes
    ]
    kept = [
        (f"{applied.licence.id}/{reading.status.duty.id}", reading.status.state.value)
        for applied in record.licences
        for reading in applied.duties
    ]
    assert Counter(shown) == Counter(kept)
    assert {state for _, state in kept} == {state.value for state in DutyState}


def test_only_what_is_met_is_called_met(record: LicenceRecord) -> None:
    met = {
        f"{applied.licence.id}/{reading.status.duty.id}"
        for applied in record.licences
        for reading in applied.duties
        if reading.status.state is DutyState.MET
    }
    view = record_view(record)
    good = [group for group in view.groups if group.tag.kind == "good"]
    assert {duty.key for group in good for duty in group.duties} == met
    assert [group.tag.label for group in good] == ["Met"]


def test_unknown_duty_asks_the_question_that_decides_it(page: Markup, record: LicenceRecord) -> None:
    (unknown,) = [group for group in record_view(record).groups if group.tag.key == "unknown"]
    assert all(duty.questions for duty in unknown.duties)
    for duty in unknown.duties:
        for question in duty.questions:
            assert question in page.text()
    assert "How many monthly active users" in page.text()
    assert "(policy file, licence.fine_tunes)" in page.text()


@pytest.mark.parametrize("key", [setting.removeprefix("licence.") for setting in Situation().__dict__])
def test_every_answer_has_a_question(key: str) -> None:
    assert question_words(key) != f"{key} (policy file, licence.{key})"


def test_every_state_has_a_meaning() -> None:
    assert set(STATE_MEANINGS) == set(DutyState)


def test_exact_words_stand_on_the_page_with_where_to_show_them(page: Markup, markdown: str) -> None:
    for text in (page.text(), markdown):
        assert "Built with Base" in text
        assert "a related website, user interface or documentation" in text
        assert NOTICE_LINE in text


def test_quotes_carry_file_line_and_digest(page: Markup, record: LicenceRecord) -> None:
    (sha256,) = {quote.sha256 for text in record.texts for quote in text.additions}
    text = " ".join(page.text().split())
    assert f"on the user interface LICENSE, line 19; file sha256 {sha256}" in text
    assert "LICENSE, line 12; restricts commercial use" in text


def test_hostile_licence_text_is_only_text(page: Markup, markdown: str) -> None:
    assert "<script>alert(1)</script> ![x](https://bad.example/p.png)" in page.text()
    assert not page.named("img")
    assert "{{ 7 * 7 }} safe⟨U+202E⟩gnp.exe⟨U+0007⟩" in page.text()
    licences = markdown[markdown.index("## Licences and duties") :]
    assert "<script" not in licences
    assert "](" not in licences
    assert "\u202e" not in licences


def test_long_quote_is_cut_with_a_mark(page: Markup, record: LicenceRecord) -> None:
    assert len(HOSTILE) > 1000
    quotes = [quote.text for text in record_view(record).texts for quote in text.quotes]
    assert all(len(text) <= 600 for text in quotes)
    assert [text.endswith(CUT) for text in quotes] == [True]
    assert CUT in page.text()


def test_sentence_that_does_two_things_is_quoted_once(record: LicenceRecord) -> None:
    text = record.texts[0]
    (quote,) = text.additions
    twice = replace(text, additions=(quote, replace(quote, why="names a territory")))
    (view,) = record_view(replace(record, texts=(twice,))).texts
    assert [each.why for each in view.quotes] == ["restricts commercial use; names a territory"]


def test_licence_without_known_terms_says_so(record: LicenceRecord) -> None:
    (unread,) = [view for view in record_view(record).licences if view.title == "Gone Research License"]
    facts = {fact.label: fact.value for fact in unread.facts}
    assert facts["Duties"] == "not known: a person must read the text"
    assert {facts["Thresholds"], facts["No rights in"], facts["Governing law"]} == {"not known"}
    assert unread.counts == ()


def test_terms_say_law_inheritance_end_and_how_they_are_known(record: LicenceRecord) -> None:
    facts = {fact.label: fact.value for fact in record_view(record).licences[1].facts}
    assert facts["Governing law"] == "Elsewhere (section 9; looked up on 20 November 2026)"
    assert facts["Courts"] == "courts of Elsewhere (section 9)"
    assert facts["Inheritance"] == "all of its terms bind users of every model made from it"
    assert facts["Ends by"] == "breach; a suit over rights in the model"
    assert facts["Duties known"] == (
        "known from others quoting the text, checked on 20 November 2026; https://example.org/licences/base-3"
    )
    assert facts["Counts because"].endswith("(README.md, key base_model); confidence medium")


def test_chain_says_how_each_base_is_known_and_what_it_hands_down(record: LicenceRecord) -> None:
    first, second = record_view(record).bases
    assert first.known == "declared in the card, not verified; README.md, key base_model"
    assert first.licence == "usually base-3; yet apache-2.0 is declared here, which is wider"
    assert first.inherited.startswith("Base 3 Community License: all of its terms bind")
    assert (second.licence, second.inherited) == ("not known", "not known")


def test_what_could_not_be_judged_is_told(page: Markup, markdown: str) -> None:
    for text in (page.text(), markdown):
        assert "Unresolved" in text
        assert "is not text" in text
    assert "nobody/<b>adapter</b>: its licence is not known" in page.text()


def test_model_without_a_known_licence_is_no_permission() -> None:
    view = record_view(LicenceRecord("", SITUATION, problems=(Problem("LICENSE", "is empty"),)))
    assert "That is no permission" in view.gaps[0]
    assert view.effective == ()
    assert view.problems == ("LICENSE: is empty",)


def test_scan_without_the_check_says_nothing_of_duties(empty_report: Report) -> None:
    assert not licences_view(contents_of(empty_report)).is_read
    for name in ("html", "markdown"):
        assert "nothing is said here about what may be done" in render(empty_report, name).decode()


def test_changed_evidence_shows_no_duties(tmp_path: Path) -> None:
    damaged = sample.report(tmp_path)
    (ref,) = [
        ref
        for finding in damaged.scan.findings
        for ref in finding.evidence
        if ref.media_type == LICENCES_MEDIA_TYPE
    ]
    damaged.evidence.path(ref.sha256).write_bytes(b"{}")
    view = licences_view(contents_of(damaged))
    assert view.gaps == ("What was found cannot be shown: its evidence is changed.",)
    assert not view.is_read


@pytest.mark.parametrize("terms", licence_terms().values(), ids=lambda terms: terms.licence)
def test_every_condition_of_the_data_has_words(terms: object) -> None:
    for duty in terms.duties:  # type: ignore[attr-defined]
        words = condition_words(duty.when)
        assert words
        assert (words == "always") is (duty.when == Condition())
