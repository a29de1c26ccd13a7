"""What the shipped terms say: complete, consistent with the licence table, and true to twenty-odd texts."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from scanner.licensing.duties import DutyState, duties_of
from scanner.licensing.situation import Condition, Situation
from scanner.licensing.table import Commercial, FossTest, Grade, licence_table
from scanner.licensing.terms import Distillation, Duty, DutyKind, Inheritance, Terms, licence_terms
from scanner.licensing.texts import fingerprint

TABLE = {row.id: row for row in licence_table().licences}
TERMS = licence_terms()
GATES = (DutyKind.FORBIDDEN, DutyKind.PERMISSION, DutyKind.REGISTRATION)
EVERY = [pytest.param(terms, id=terms.licence) for terms in TERMS.values()]


def _situations() -> Iterator[Situation]:
    yes_no = (True, False)
    # The largest and the smallest user, everywhere and nowhere that a licence names.
    for flags in itertools.product(yes_no, repeat=5):
        for size, codes in ((1e13, ("EU", "GB", "KR", "US")), (0.0, ("CH",))):
            yield Situation(
                commercial=flags[0], distributes=flags[1], trains_on_outputs=flags[2], fine_tunes=flags[3],
                serves_others=flags[4], mau=size, annual_revenue_usd=size, territory=codes, seat=codes,
            )  # fmt: skip


SITUATIONS = tuple(_situations())


def _duty(licence: str, duty: str) -> Duty:
    return next(each for each in TERMS[licence].duties if each.id == duty)


def _numbers(condition: Condition) -> set[float]:
    own = (condition.mau_above, condition.annual_revenue_usd_above, condition.monthly_revenue_usd_above)
    return {each for each in own if each is not None}.union(*map(_numbers, condition.any_of))


def test_every_licence_of_the_table_has_terms_and_no_other() -> None:
    assert set(TERMS) == set(TABLE)
    assert sum(row.spdx.startswith("LicenseRef") for row in TABLE.values()) >= 65


@pytest.mark.parametrize("terms", EVERY)
def test_terms_are_sourced_and_graded_as_the_table_is(terms: Terms) -> None:
    assert terms.source.startswith("https://")
    assert terms.grade is TABLE[terms.licence].grade
    if terms.grade is Grade.TEXT and terms.duties:
        assert all(duty.place for duty in terms.duties)
    if terms.grade is Grade.TAG:
        assert terms.inheritance is Inheritance.UNCLEAR
        assert terms.distillation is Distillation.UNCLEAR


@pytest.mark.parametrize("terms", EVERY)
def test_each_condition_holds_for_somebody_and_not_for_everybody(terms: Terms) -> None:
    for duty in terms.duties:
        outcomes = {duty.when.holds(situation) for situation in SITUATIONS}
        assert outcomes == ({True} if duty.when == Condition() else {True, False}), duty.id
        assert duty.when == Condition() or duty.when.open_questions(Situation()), duty.id


@pytest.mark.parametrize("terms", EVERY)
def test_who_answered_nothing_is_told_of_no_duty_as_settled(terms: Terms) -> None:
    for status in duties_of(terms, Situation()):
        expected = DutyState.TO_DO if status.duty.when == Condition() else DutyState.UNKNOWN
        assert status.state is expected, status.duty.id


@pytest.mark.parametrize("terms", EVERY)
def test_terms_and_table_tell_the_same_story(terms: Terms) -> None:
    row = TABLE[terms.licence]
    bars_commerce = any(
        duty.kind is DutyKind.FORBIDDEN and duty.when == Condition(commercial=True) for duty in terms.duties
    )
    gates = [duty for duty in terms.duties if duty.kind in GATES]
    assert bars_commerce is (row.commercial is Commercial.FORBIDDEN)
    if row.threshold:
        assert any(_numbers(duty.when) for duty in terms.duties)
    if row.territory:
        assert terms.excluded_territories or any(duty.when.seat for duty in gates)
    if row.foss is FossTest.MET:
        assert not gates or terms.licence.startswith("cc-")
    if row.commercial is Commercial.ALLOWED and row.kind == "licence":
        assert not any(duty.when.commercial for duty in gates)


@pytest.mark.parametrize("terms", EVERY)
def test_what_is_written_is_ours_but_for_short_prescribed_words(terms: Terms) -> None:
    for duty in terms.duties:
        assert duty.what == duty.what.strip().rstrip(".")
        assert len(duty.what) <= 260, duty.id
        assert len(duty.words) <= 260, duty.id
        assert bool(duty.words) or duty.kind is not DutyKind.NAMING, duty.id
        assert duty.where or duty.kind is not DutyKind.DISPLAY, duty.id


@pytest.mark.parametrize("terms", EVERY)
def test_prescribed_words_stand_in_the_text_where_its_fingerprint_is_kept(terms: Terms) -> None:
    known = [licence_table().known_texts[name] for name in TABLE[terms.licence].fingerprints]
    for duty in terms.duties if known else ():
        # Copyright lines are no part of a fingerprint, and the line may break before the word.
        words = fingerprint(duty.words.split("Copyright")[0]).shingles
        assert any(words <= text.shingles for text in known), duty.id


@pytest.mark.parametrize("terms", EVERY)
def test_a_bar_on_training_with_outputs_is_what_the_distillation_says(terms: Terms) -> None:
    barred = any(duty.kind is DutyKind.FORBIDDEN and duty.when.trains_on_outputs for duty in terms.duties)
    assert barred is (terms.distillation is Distillation.FORBIDDEN)


# Read in the texts by hand: what each asks for, whatever the data files say.
@pytest.mark.parametrize(
    ("licence", "duty", "kind", "numbers", "words"),
    [
        ("llama2", "users-700m", DutyKind.PERMISSION, {700e6}, ""),
        ("llama3", "display", DutyKind.DISPLAY, set(), "Built with Meta Llama 3"),
        ("llama3", "name", DutyKind.NAMING, set(), "Llama 3"),
        ("llama3.1", "users-700m", DutyKind.PERMISSION, {700e6}, ""),
        ("llama3.1", "display", DutyKind.DISPLAY, set(), "Built with Llama"),
        ("llama3.1", "name", DutyKind.NAMING, set(), "Llama"),
        ("llama3.1", "notice", DutyKind.NOTICE, set(),
         "Llama 3.1 is licensed under the Llama 3.1 Community License, Copyright © Meta Platforms, Inc. "
         "All Rights Reserved."),
        ("modified-mit-kimi", "display", DutyKind.DISPLAY, {100e6, 20e6}, "Kimi K2"),
        ("modified-mit-minimax", "display", DutyKind.DISPLAY, {100e6, 30e6}, "MiniMax M2"),
        ("modified-mit-mistral", "revenue-20m", DutyKind.FORBIDDEN, {20e6}, ""),
        ("minimax-non-commercial", "display", DutyKind.DISPLAY, set(), "Built with MiniMax M2.7"),
        ("minimax-m2.5", "notice", DutyKind.NOTICE, set(),
         "MiniMax AI model is licensed under the MiniMax Model License, Copyright © MiniMax. "
         "All Rights Reserved."),
        ("qwen-2024", "users-100m", DutyKind.PERMISSION, {100e6}, ""),
        ("qwen-2024", "display", DutyKind.DISPLAY, set(), "Built with Qwen"),
        ("qwen-research", "no-commerce", DutyKind.FORBIDDEN, set(), ""),
        ("tongyi-qianwen", "no-training-on-outputs", DutyKind.FORBIDDEN, set(), ""),
        ("gemma", "notice", DutyKind.NOTICE, set(),
         "Gemma is provided under and subject to the Gemma Terms of Use found at ai.google.dev/gemma/terms"),
        ("deepseek-1.0", "pass-on", DutyKind.PASS_ON, set(), ""),
        ("tencent-hunyuan", "users", DutyKind.PERMISSION, {100e6}, ""),
        ("tencent-hunyuan-3d", "users", DutyKind.PERMISSION, {1e6}, ""),
        ("mistral-research", "notice", DutyKind.NOTICE, set(),
         "Licensed by Mistral AI under the Mistral AI Research License"),
        ("mistral-non-production", "notice", DutyKind.NOTICE, set(),
         "Licensed by Mistral AI under the Mistral AI Non-Production License"),
        ("nvidia-open-model", "notice", DutyKind.NOTICE, set(),
         "Licensed by NVIDIA Corporation under the NVIDIA Open Model License"),
        ("exaone-1.1-nc", "name", DutyKind.NAMING, set(), "EXAONE"),
        ("hyperclova-x-seed", "users-10m", DutyKind.PERMISSION, {10e6}, ""),
        ("upstage-solar", "display", DutyKind.DISPLAY, set(), "Built with Solar"),
        ("stability-community", "revenue-1m", DutyKind.PERMISSION, {1e6}, ""),
        ("stability-community", "display", DutyKind.DISPLAY, set(), "Powered by Stability AI"),
        ("databricks-open-model", "users-700m", DutyKind.PERMISSION, {700e6}, ""),
        ("openpangu-2.0", "display", DutyKind.DISPLAY, set(), "Powered by openPangu"),
        ("lfm-1.0", "revenue-10m", DutyKind.PERMISSION, {10e6}, ""),
        ("playground-v2", "users-1m", DutyKind.PERMISSION, {1e6}, ""),
    ],
)  # fmt: skip
def test_the_terms_of_much_used_licences_are_those_of_their_texts(
    licence: str, duty: str, kind: DutyKind, numbers: set[float], words: str
) -> None:
    found = _duty(licence, duty)
    assert (found.kind, _numbers(found.when), found.words) == (kind, numbers, words)


def test_excluded_territories_are_those_of_the_texts() -> None:
    excluded = {terms.licence: set(terms.excluded_territories) for terms in TERMS.values()}
    assert {licence: codes for licence, codes in excluded.items() if codes} == {
        "tencent-hunyuan": {"EU", "GB", "KR"},
        "tencent-hunyuan-3d": {"EU", "GB", "KR"},
        "tencent-hunyuan-eu": {"EU"},
        "openpangu": {"EU"},
        "openpangu-2.0": {"EU"},
        "minimax-community-h3": {"US", "EU", "GB", "KR"},
    }


def test_models_trained_on_outputs_are_told_apart() -> None:
    told = {terms.licence: terms.distillation for terms in TERMS.values()}
    assert {licence for licence, what in told.items() if what is Distillation.DERIVATIVE} >= {
        "gemma", "deepseek-1.0", "bigscience-rail-1.0", "yi-1.0",
    }  # fmt: skip
    assert told["llama3.1"] is Distillation.NAMING
    assert told["openmdw-1.0"] is Distillation.FREE


def _states(licence: str, situation: Situation) -> dict[str, DutyState]:
    return {status.duty.id: status.state for status in duties_of(TERMS[licence], situation)}


def test_a_european_user_of_hunyuan_has_no_rights_and_an_american_one_has() -> None:
    assert _states("tencent-hunyuan", Situation(territory=("FI",)))["territory"] is DutyState.NOT_MET
    assert _states("tencent-hunyuan", Situation(territory=("US",)))["territory"] is DutyState.MET


def test_kimi_asks_only_a_large_product_for_its_name() -> None:
    small = Situation(commercial=True, mau=2e6, annual_revenue_usd=4e6)
    rich = Situation(commercial=True, mau=2e6, annual_revenue_usd=4e8)
    assert _states("modified-mit-kimi", small)["display"] is DutyState.NOT_APPLICABLE
    assert _states("modified-mit-kimi", rich)["display"] is DutyState.TO_DO


def test_llama_4_leaves_out_firms_seated_in_the_eu_not_those_who_sell_there() -> None:
    assert _states("llama4", Situation(seat=("FR",)))["multimodal-eu"] is DutyState.NOT_MET
    american = Situation(seat=("US",), territory=("EU",))
    assert _states("llama4", american)["multimodal-eu"] is DutyState.MET


def test_what_holds_for_some_models_of_a_family_is_not_told_of_all() -> None:
    european = Situation(seat=("FR",), serves_others=True)
    assert _states("llama3.2", european)["multimodal-eu"] is DutyState.UNKNOWN
    assert _states("llama3.2", Situation(seat=("US",)))["multimodal-eu"] is DutyState.MET
    assert _states("nvidia-open-model", european)["display"] is DutyState.UNKNOWN


def test_whoever_serves_gemma_passes_its_restrictions_on_but_needs_no_notice_file() -> None:
    serving = Situation(serves_others=True, distributes=False)
    states = _states("gemma", serving)
    assert states["pass-on"] is DutyState.TO_DO
    assert states["notice"] is DutyState.NOT_APPLICABLE


def test_a_model_trained_on_llama_outputs_bears_its_name_only_when_it_gets_out() -> None:
    kept = Situation(trains_on_outputs=True, fine_tunes=False, distributes=False, serves_others=False)
    out = Situation(trains_on_outputs=True, fine_tunes=False, distributes=True, serves_others=False)
    assert _states("llama3.1", kept)["name"] is DutyState.NOT_APPLICABLE
    assert _states("llama3.1", out)["name"] is DutyState.TO_DO
