"""The vocabulary of licence terms: conditions, duties and the situation they are held against."""

from __future__ import annotations

import pytest

from scanner.errors import InvalidValueError
from scanner.licensing.situation import Condition, Situation
from scanner.licensing.terms import DutyKind, TermsDataError, parse_terms

_HEAD = "schema: weighbridge.licence-terms/1\nversion: 2026.11.1\nlicence: CC0-1.0\nterms:\n"
_ROW = "- {licence: mit, source: 'https://spdx.org', grade: text, checked: 2026-11-26, duties: ["


def test_the_seat_and_the_place_of_use_are_two_answers() -> None:
    seated = Condition(seat=("EU",))
    american_in_europe = Situation.of({"licence.territory": "FR", "licence.seat": "US"})
    assert seated.holds(american_in_europe) is False
    assert Condition(territory=("EU",)).holds(american_in_europe) is True
    assert seated.holds(Situation(territory=("FR",))) is None
    assert seated.open_questions(Situation()) == ("seat",)


def test_serving_others_is_not_passing_the_model_on() -> None:
    serving = Condition(serves_others=True)
    assert serving.holds(Situation(distributes=True)) is None
    assert serving.holds(Situation.of({"licence.serves_others": "yes"})) is True


def test_a_seat_that_is_no_country_code_is_refused_by_name() -> None:
    with pytest.raises(InvalidValueError, match=r"licence\.seat: 'EUROPE' is no ISO 3166-1"):
        Situation.of({"licence.seat": "Europe"})


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("kind: notice", "kind: notise", "notise"),
        ("{distributes: true}", "{distribute: true}", "unknown key 'distribute'"),
        ("what: keep", "colour: red, what: keep", "unknown key 'colour'"),
        ("id: two", "id: one", "stands twice"),
        ("terms/1", "terms/9", "schema"),
    ],
)
def test_broken_terms_name_the_row(old: str, new: str, said: str) -> None:
    duties = (
        "{id: one, kind: notice, what: keep it, when: {distributes: true}}, {id: two, kind: copy, what: so}]}"
    )
    text = _HEAD + _ROW + duties
    [terms] = parse_terms(text, "made.yaml")
    assert [duty.kind for duty in terms.duties] == [DutyKind.NOTICE, DutyKind.COPY]
    with pytest.raises(TermsDataError, match=r"^made\.yaml") as caught:
        parse_terms(text.replace(old, new), "made.yaml")
    assert said in str(caught.value)


def test_only_a_bar_that_holds_for_everybody_there_excludes_a_territory() -> None:
    duties = (
        "{id: one, kind: forbidden, what: stay out, when: {territory: [EU, GB]}}, "
        "{id: two, kind: forbidden, what: no shop, when: {territory: [US], commercial: true}}, "
        "{id: three, kind: notice, what: say so, when: {territory: [FR]}}]}"
    )
    [terms] = parse_terms(_HEAD + _ROW + duties, "made.yaml")
    assert terms.excluded_territories == ("EU", "GB")
