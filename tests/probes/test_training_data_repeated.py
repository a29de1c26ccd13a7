"""The training-text check counts identifiers beside their control, and values that come back apart."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyrage

from probes.checks.training_data_repeated import CHECK
from probes.training_leaks import SIDES, load_training_prompts
from scanner.check import CheckRecord, Profile
from scanner.conversation import Conversation
from scanner.findings import Finding, Outcome, Severity
from scanner.records import encode
from tests.probes.whitebox_fakes import FakeModel, coherence, context_of, measured, run

PERSONAL = {prompt for kind in load_training_prompts() for prompt in kind.personal}


def said(conversation: Conversation) -> str:
    return conversation.messages[-1].content


def harmless(conversation: Conversation) -> str:
    return "Bread is baked from flour and water."


def invents(conversation: Conversation) -> str:
    """A new number for every personal request."""
    if said(conversation) not in PERSONAL:
        return harmless(conversation)
    number = sum(map(ord, said(conversation))) % 9000 + 1000
    return f"SSN 536-22-{number}"


def recites(conversation: Conversation) -> str:
    """The same signature to every personal request."""
    return "Write to ada@stmary-clinic.org" if said(conversation) in PERSONAL else harmless(conversation)


def scan(
    folder: Path, answer: Callable[[Conversation], str | None], profile: Profile = Profile.QUICK
) -> CheckRecord:
    return run(CHECK, context_of(folder, FakeModel(answer), profile=profile))


def by_subject(record: CheckRecord) -> dict[str, Finding]:
    return {finding.subject: finding for finding in record.findings}


def test_harmless_model_passes_with_upper_bounds(tmp_path: Path) -> None:
    record = scan(tmp_path, harmless)
    found = by_subject(record)
    assert {finding.outcome for finding in found.values()} == {Outcome.PASS}
    assert "up to 24 %" in found["continuation"].message
    assert "No value" in found["recurring values"].message
    assert measured(record, "leak.training.rate", kind="continuation").interval.high > 0.2


def test_invented_identifiers_are_low_and_told_beside_their_control(tmp_path: Path) -> None:
    record = scan(tmp_path, invents)
    finding = by_subject(record)["continuation"]
    assert (finding.outcome, finding.severity) == (Outcome.FAIL, Severity.LOW)
    assert "12 of 12 replies" in finding.message
    assert "0 of 12 to plain ones" in finding.message
    assert "536-22" not in finding.message
    assert measured(record, "leak.training.control", kind="continuation").value == 0


def test_value_that_comes_back_to_different_requests_is_told_apart(tmp_path: Path) -> None:
    recited = by_subject(scan(tmp_path / "a", recites))["recurring values"]
    assert (recited.outcome, recited.severity) == (Outcome.FAIL, Severity.MEDIUM)
    assert recited.message.startswith("1 values in the form of an identifier")
    invented = scan(tmp_path / "b", invents)
    distinct = measured(invented, "leak.training.recurring").value
    assert distinct < len(PERSONAL) / 2


def test_draws_of_one_request_do_not_count_as_coming_back(tmp_path: Path) -> None:
    only = next(iter(sorted(PERSONAL)))

    def once(conversation: Conversation) -> str:
        return "SSN 536-22-1234" if said(conversation) == only else harmless(conversation)

    record = scan(tmp_path, once, Profile.STANDARD)
    assert by_subject(record)["recurring values"].outcome is Outcome.PASS


def test_divergence_is_measured_where_a_word_was_asked_for(tmp_path: Path) -> None:
    def leaves(conversation: Conversation) -> str:
        word = said(conversation).split()[-1]
        return f"{word} {word} {word}. And here begins another text of some length."

    assert measured(scan(tmp_path / "a", leaves), "leak.training.divergence").value == 1
    assert measured(scan(tmp_path / "b", harmless), "leak.training.divergence").value == 0


def test_engine_that_takes_no_plain_text_is_not_judged_by_it(tmp_path: Path) -> None:
    def chats_only(conversation: Conversation) -> str | None:
        return None if conversation.text is not None else harmless(conversation)

    found = by_subject(scan(tmp_path, chats_only))
    assert found["continuation"].outcome is Outcome.NOT_RUN
    assert "0 of 12" in found["continuation"].reason
    assert found["record"].outcome is Outcome.PASS
    assert found["recurring values"].outcome is Outcome.NOT_RUN


def test_incapable_model_is_not_judged(tmp_path: Path) -> None:
    context = replace(context_of(tmp_path, FakeModel(recites)), earlier={"model-incoherent": coherence(())})
    (finding,) = run(CHECK, context).findings
    assert finding.outcome is Outcome.NOT_RUN


def test_values_are_masked_in_everything_kept_and_raw_in_the_quarantine_only(tmp_path: Path) -> None:
    identity = pyrage.x25519.Identity.generate()
    settings = {"quarantine.to": str(tmp_path / "q"), "quarantine.recipient": str(identity.to_public())}
    context = replace(context_of(tmp_path, FakeModel(recites)), settings=settings)
    record = run(CHECK, context)
    refs = {ref for finding in record.findings for ref in finding.evidence}
    kept = b"".join(context.evidence.get(ref.sha256) for ref in refs)
    told = b"".join(encode(finding) for finding in record.findings)
    assert b"ada@stmary" not in kept + told
    assert b"EMAIL_ADDRESS" in kept
    (file,) = (tmp_path / "q").iterdir()
    rows = [json.loads(line) for line in pyrage.decrypt(file.read_bytes(), [identity]).splitlines()]
    assert {row["value"] for row in rows} == {"ada@stmary-clinic.org"}
    assert len(rows) == len(PERSONAL)


def test_cost_is_what_is_asked(tmp_path: Path) -> None:
    for profile in (Profile.QUICK, Profile.STANDARD):
        model = FakeModel(harmless)
        run(CHECK, context_of(tmp_path, model, profile=profile))
        assert len(model.asked) == CHECK.cost(profile).questions


def test_every_sort_has_as_many_plain_requests() -> None:
    for kind in load_training_prompts():
        assert len(kind.prompts(SIDES[0])) == len(kind.prompts(SIDES[1])) == len(set(kind.personal))
