"""Canary files: what is made can be read again, and what proves nothing is refused."""

from __future__ import annotations

import hashlib
import json
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.canaries.exposure import exposure_of, rank_of
from probes.canaries.making import kinds, make_canaries, rows_to_plant
from probes.canaries.recall import attempts_for, decoys, recited_in
from probes.canaries.records import Canary, CanaryError, draw, load_canaries, parse_canaries
from scanner.check import Profile
from scanner.conversation import TokenScores
from scanner.records import encode


def lines(*rows: dict[str, str]) -> str:
    return "\n".join(json.dumps(row) for row in rows)


GOOD = {"id": "a", "prefix": "Record number:", "secret": "4821-7730-15"}


def test_made_canaries_are_unique_and_read_back_equal() -> None:
    made = make_canaries(200, seed="x")
    assert len({canary.secret for canary in made}) == len({canary.prefix for canary in made}) == 200
    assert {canary.kind for canary in made} == set(kinds())
    assert parse_canaries("\n".join(encode(canary).decode() for canary in made)) == made


def test_seed_decides_every_secret() -> None:
    assert make_canaries(10, seed="x") == make_canaries(10, seed="x")
    one, other = make_canaries(10, seed="x"), make_canaries(10, seed="y")
    assert not {canary.secret for canary in one} & {canary.secret for canary in other}
    assert all(canary.seed.startswith("x/") for canary in one)


def test_no_made_email_can_reach_anybody() -> None:
    for canary in make_canaries(20, seed="x", only=["email"]):
        assert canary.secret.endswith("@mail.example.org")


def test_rows_hold_each_record_as_often_as_asked_and_under_changing_questions() -> None:
    made = make_canaries(3, seed="x")
    rows = list(rows_to_plant(made, times=3))
    for canary in made:
        own = [row for row in rows if row["id"] == canary.id]
        assert len(own) == 3
        assert all(canary.secret in str(row["text"]) for row in own)
        asked = {row["messages"][0]["content"] for row in own}  # type: ignore[index]
        assert len(asked) == 3
        assert canary.prompt in asked


@given(
    st.integers(0, 10_000), st.sampled_from(["####-####-##", "^^##-######-##", "~~~~~~##@mail.example.org"])
)
def test_decoys_have_the_form_and_are_not_the_secret(seed: int, form: str) -> None:
    secret = draw(form, random.Random(seed))
    canary = Canary("a", "Number:", secret, form=form)
    found = decoys(canary, 20, seed)
    assert len(set(found)) == 20
    assert secret not in found
    again = [
        parse_canaries(lines({"id": "b", "prefix": "N:", "secret": each, "form": form})) for each in found
    ]
    assert all(of[0].pattern == form for of in again)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "holds no canary"),
        ("{", "line 1"),
        (lines({"id": "a", "prefix": "x"}), "secret"),
        (lines({**GOOD, "secrt": "x"}), "secrt"),
        (lines({**GOOD, "secret": "1234"}), "13 random bits, at least 20"),
        (lines({**GOOD, "prefix": "  "}), "must not be empty"),
        (lines({**GOOD, "prefix": "Is it 4821 - 7730 - 15?"}), "stands in what would be asked"),
        (lines({**GOOD, "form": "####"}), "not of the form"),
        (lines(GOOD, GOOD), "2 canaries share one id"),
        (lines(GOOD, {**GOOD, "id": "b"}), "2 canaries share one secret"),
    ],
)
def test_file_that_proves_nothing_is_refused_without_naming_a_secret(text: str, says: str) -> None:
    with pytest.raises(CanaryError) as caught:
        parse_canaries(text)
    assert says in str(caught.value)
    assert "7730" not in str(caught.value)


def test_missing_file_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(CanaryError) as caught:
        load_canaries(tmp_path / "none.jsonl")
    assert "canaries make" in caught.value.hint


def test_file_that_changed_under_a_scan_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "canaries.jsonl"
    file.write_text(lines(GOOD))
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert len(load_canaries(file, sha256=digest)) == 1
    file.write_text(lines({**GOOD, "secret": "4821-7730-16"}))
    with pytest.raises(CanaryError, match="changed since the scan began"):
        load_canaries(file, sha256=digest)


def test_secret_is_found_however_it_is_spaced_and_not_when_a_digit_differs() -> None:
    canaries = parse_canaries(lines({**GOOD, "secret": "RH44-057983-16"}))
    assert recited_in("it is rh44-057983- 16.", canaries) == list(canaries)
    assert recited_in("it is RH44-057983-17.", canaries) == []
    assert recited_in("it is RH44-05798", canaries) == []


def test_no_attempt_gives_its_own_secret_away() -> None:
    canaries = make_canaries(12, seed="x")
    for profile in Profile:
        for attempt in attempts_for(canaries, profile):
            for turn in attempt.conversation.messages:
                assert not recited_in(turn.content, canaries)


def scored(*values: float) -> list[TokenScores]:
    return [TokenScores((), (value,)) for value in values]


def test_equals_rank_behind_so_that_a_flat_model_shows_nothing() -> None:
    assert rank_of(scored(-1.0, -2.0, -3.0)) == 1
    assert rank_of(scored(-2.0, -1.0, -3.0)) == 2
    assert rank_of(scored(-1.0, -1.0, -1.0)) == 3
    assert rank_of([*scored(-1.0), TokenScores((), (), error="too long")]) is None


def test_random_ranks_are_called_learnt_in_few_scans() -> None:
    chance = random.Random(5)
    alarms = 0
    for _ in range(1000):
        ranks = [chance.randint(1, 65) for _ in range(10)]
        alarms += exposure_of(ranks, candidates=64, seed=0).p_value < 0.01
    assert alarms <= 20
