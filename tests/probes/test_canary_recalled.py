"""The canary check finds what a model recites or holds likely, and never takes silence for discretion."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pyrage

from probes.canaries.asking import CANDIDATES
from probes.canaries.making import make_canaries
from probes.canaries.recall import QUESTION, TEXT, decoys
from probes.canaries.records import Canary
from probes.checks.canary_recalled import CHECK, FILE
from scanner.check import CheckContext, CheckRecord, Profile
from scanner.conversation import Conversation, TokenScores
from scanner.findings import Confidence, Finding, Outcome, Severity
from scanner.records import encode
from scanner.transcripts import read_transcript
from tests.probes.whitebox_fakes import FakeModel, context_of, measured, no_scores, run, scores_of

CANARIES = make_canaries(10, seed="test")


def said_again(conversation: Conversation) -> str | None:
    """What stood in front: the line that the last words begin."""
    *before, last = "\n".join(turn.content for turn in conversation.messages).splitlines()
    for line in before:
        at = line.find(last)
        if at >= 0 and line[at:] != last:
            return line[at + len(last) :]
    return None


def clean(conversation: Conversation) -> str | None:
    return said_again(conversation) or "I do not know."


def learnt(*known: Canary) -> object:
    def answer(conversation: Conversation) -> str | None:
        text = conversation.messages[-1].content
        again = said_again(conversation)
        if again:
            return again
        for canary in known:
            if canary.prefix == text or canary.prompt == text:
                return f" {canary.secret}."
        return "I do not know."

    return answer


def likes(*known: Canary) -> object:
    def score(conversation: Conversation, text: str) -> TokenScores:
        if any(canary.secret in text for canary in known):
            return scores_of(0.9)
        return scores_of(0.01 + (sum(map(ord, text)) % 97) / 1000)

    return score


def scan(folder: Path, model: FakeModel, *, profile: Profile = Profile.QUICK, **settings: str) -> CheckRecord:
    return run(CHECK, context(folder, model, profile=profile, **settings))


def context(
    folder: Path, model: FakeModel, *, profile: Profile = Profile.QUICK, **settings: str
) -> CheckContext:
    file = folder / "canaries.jsonl"
    file.write_bytes(b"".join(encode(canary) + b"\n" for canary in CANARIES))
    chosen = {FILE: str(file), **{f"quarantine.{key}": value for key, value in settings.items()}}
    return replace(context_of(folder, model, profile=profile), settings=chosen)


def by_rule(record: CheckRecord) -> dict[str, Finding]:
    return {finding.rule: finding for finding in record.findings}


def test_without_a_file_there_is_nothing_to_examine_and_it_says_how_to_get_one(tmp_path: Path) -> None:
    model = FakeModel(clean)
    (finding,) = run(CHECK, context_of(tmp_path, model)).findings
    assert (finding.outcome, finding.rule) == (Outcome.NOT_RUN, "nothing-to-examine")
    assert "canaries make" in finding.reason
    assert model.asked == []


def test_recited_canaries_are_counted_with_their_interval(tmp_path: Path) -> None:
    record = scan(tmp_path, FakeModel(learnt(*CANARIES[:9])))
    recall = by_rule(record)["recall"]
    assert (recall.outcome, recall.severity) == (Outcome.FAIL, Severity.HIGH)
    assert "9 of 10 canaries" in recall.message
    rate = measured(record, "leak.canary.rate")
    assert (rate.value, rate.n) == (0.9, 10)
    assert 0.55 < rate.interval.low < 0.9 < rate.interval.high < 1
    assert measured(record, "leak.canary.rate_by_way", asked=QUESTION).value == 0.9
    assert measured(record, "leak.canary.rate_by_way", asked=TEXT).value == 0.9


def test_none_of_ten_is_told_with_its_upper_bound(tmp_path: Path) -> None:
    record = scan(tmp_path, FakeModel(clean))
    recall = by_rule(record)["recall"]
    assert recall.outcome is Outcome.PASS
    assert "0 of 10 canaries" in recall.message
    assert "up to 28 %" in recall.message
    assert measured(record, "leak.canary.control").value == 1.0


def test_secret_in_the_reply_to_another_prefix_counts(tmp_path: Path) -> None:
    stray = FakeModel(lambda conversation: said_again(conversation) or f"Perhaps {CANARIES[3].secret}?")
    record = scan(tmp_path, stray)
    assert "1 of 10 canaries" in by_rule(record)["recall"].message
    assert measured(record, "leak.canary.rate_by_way", asked=TEXT).value == 0.1


def test_model_that_cannot_say_a_string_again_is_not_called_clean(tmp_path: Path) -> None:
    record = scan(tmp_path, FakeModel(lambda conversation: "la la la"))
    recall = by_rule(record)["recall"]
    assert recall.outcome is Outcome.NOT_RUN
    assert "0 of 10 strings" in recall.reason


def test_model_without_replies_is_not_judged(tmp_path: Path) -> None:
    record = scan(tmp_path, FakeModel(lambda conversation: None))
    assert by_rule(record)["recall"].outcome is Outcome.NOT_RUN
    assert not record.measurements


def test_learnt_secret_that_no_reply_shows_is_seen_in_the_ranks(tmp_path: Path) -> None:
    record = scan(tmp_path, FakeModel(clean, likes(*CANARIES)))
    assert by_rule(record)["recall"].outcome is Outcome.PASS
    likelihood = by_rule(record)["likelihood"]
    assert (likelihood.outcome, likelihood.severity) == (Outcome.FAIL, Severity.MEDIUM)
    assert measured(record, "leak.canary.exposure").value > 4


def test_model_that_never_saw_them_ranks_them_anywhere(tmp_path: Path) -> None:
    record = scan(tmp_path, FakeModel(clean, likes()))
    assert by_rule(record)["likelihood"].outcome is Outcome.PASS
    assert measured(record, "leak.canary.exposure").value < 3


def test_engine_without_log_probabilities_says_that_ranks_are_missing(tmp_path: Path) -> None:
    likelihood = by_rule(scan(tmp_path, FakeModel(clean, no_scores)))["likelihood"]
    assert likelihood.outcome is Outcome.NOT_RUN
    assert "log-probabilities" in likelihood.reason


def test_no_secret_is_in_findings_or_evidence(tmp_path: Path) -> None:
    asked = context(tmp_path, FakeModel(learnt(*CANARIES), likes(*CANARIES)), profile=Profile.STANDARD)
    record = run(CHECK, asked)
    told = b"".join(encode(each) for each in (*record.findings, *record.measurements)).decode()
    refs = {ref for finding in record.findings for ref in finding.evidence}
    kept = b"".join(asked.evidence.get(ref.sha256) for ref in refs).decode()
    assert len(refs) == 2
    for canary in CANARIES:
        assert canary.secret not in told
        assert canary.secret not in kept
        assert canary.id in kept
    transcript = next(ref for ref in refs if ref.title.startswith("transcript of"))
    first = read_transcript(asked.evidence, transcript)[0]
    assert first.reading["recited"] == CANARIES[0].id


def test_quarantine_holds_what_came_back_for_the_private_key_alone(tmp_path: Path) -> None:
    identity = pyrage.x25519.Identity.generate()
    folder = tmp_path / "sealed"
    scan(
        tmp_path, FakeModel(learnt(*CANARIES[:2])), to=str(folder), recipient=str(identity.to_public())
    )  # fmt: skip
    (file,) = folder.iterdir()
    assert not any(canary.secret.encode() in file.read_bytes() for canary in CANARIES)
    rows = [json.loads(line) for line in pyrage.decrypt(file.read_bytes(), [identity]).splitlines()]
    assert {row["value"] for row in rows} == {canary.secret for canary in CANARIES[:2]}
    assert all(row["masked"] in str(row) and row["place"] for row in rows)


def test_cost_is_what_is_asked_with_ten_canaries(tmp_path: Path) -> None:
    for profile in Profile:
        model = FakeModel(clean)
        scan(tmp_path, model, profile=profile)
        assert len(model.asked) == CHECK.cost(profile).questions


def test_model_that_also_says_secrets_nobody_planted_lowers_the_confidence(tmp_path: Path) -> None:
    guessed = decoys(CANARIES[0], CANDIDATES[Profile.QUICK], 0)[0]

    def guesses(conversation: Conversation) -> str | None:
        return said_again(conversation) or f"{CANARIES[0].secret} or {guessed}"

    recall = by_rule(scan(tmp_path, FakeModel(guesses)))["recall"]
    assert (recall.outcome, recall.confidence) == (Outcome.FAIL, Confidence.LOW)
    assert "random secrets of the same form came back 1 times" in recall.message
