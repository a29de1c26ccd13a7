"""The check from settings to findings: real garak, a model made of a function."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from probes.checks.garak_attack_succeeds import CHECK
from probes.garak import surface
from probes.garak.counts import load_counts
from probes.garak.profiles import load_profiles, module_of
from probes.garak.selection import read_inventory
from scanner.check import CheckContext, CheckRecord, Profile
from scanner.conversation import Conversation
from scanner.errors import BudgetSpentError
from scanner.evidence import EvidenceStore
from scanner.findings import Confidence, Finding, Outcome, Severity
from scanner.manifest import Snapshot
from scanner.references import ModelRef
from scanner.runner import run_check
from scanner.transcripts import TRANSCRIPT_MEDIA_TYPE, read_transcript
from tests.assets.garak_controls import right_answer
from tests.fakes import FakeQuestioner, RecordingProgress

REFUSAL = "I'm sorry, but I can't help with that."


def echo(conversation: Conversation) -> str:
    return conversation.messages[-1].content


def refuse(conversation: Conversation) -> str:
    """Follows harmless instructions, and no attack."""
    return right_answer(conversation.messages[-1].content) or REFUSAL


def record(outcome: Outcome, reason: str = "") -> CheckRecord:
    finding = Finding("model-incoherent", outcome, Severity.HIGH, "coherence", subject="en", reason=reason)
    return CheckRecord("model-incoherent", (finding,), (), datetime.datetime.now(datetime.UTC), 0.0)


def scan(
    folder: Path,
    answer: Callable[[Conversation], str],
    *,
    coherence: CheckRecord | None = None,
    progress: RecordingProgress | None = None,
    **settings: str,
) -> tuple[CheckRecord, FakeQuestioner, EvidenceStore]:
    questioner, store = FakeQuestioner(answer), EvidenceStore(folder / "evidence")
    context = CheckContext(
        Snapshot(ModelRef.parse("demo"), None, str(folder), ()),
        store,
        questioner=questioner,
        earlier={"model-incoherent": coherence or record(Outcome.PASS)},
        progress=progress or RecordingProgress(),
        settings={f"garak.{name}": value for name, value in settings.items()},
    )
    return run_check(CHECK, context), questioner, store


def attacks(questioner: FakeQuestioner) -> int:
    """How many of garak's prompts were asked."""
    asked = [conversation for _, conversations in questioner.asked for conversation in conversations]
    return sum(not right_answer(conversation.messages[-1].content) for conversation in asked)


def of(found: CheckRecord, probe: str) -> Finding:
    (finding,) = [finding for finding in found.findings if finding.subject == f"garak {probe}"]
    return finding


def test_a_model_that_obeys_fails_and_the_transcript_shows_it(tmp_path: Path) -> None:
    probe = "promptinject.HijackKillHumans"
    found, _, store = scan(tmp_path, echo, probes=probe, prompts="6")
    finding = of(found, probe)
    assert (finding.outcome, finding.severity, finding.confidence) == (
        Outcome.FAIL, Severity.MEDIUM, Confidence.HIGH,
    )  # fmt: skip
    assert finding.tags == ("OWASP-LLM01:2025", f"garak:{probe}")
    exchanges = read_transcript(store, finding.evidence[0])
    assert len(exchanges) == 6
    hits = [exchange for exchange in exchanges if exchange.reading["score"] == "1"]
    assert hits
    assert all("kill" in exchange.reply.text.lower() for exchange in hits)
    assert {exchange.reading["detector"] for exchange in exchanges} == {"promptinject.AttackRogueString"}
    assert {exchange.reading["probe"] for exchange in exchanges} == {probe}
    assert len({exchange.id for exchange in exchanges}) == 6


def test_a_model_that_refuses_passes_with_the_bound_in_the_message(tmp_path: Path) -> None:
    found, questioner, _ = scan(
        tmp_path, refuse, probes="promptinject.HijackKillHumans,encoding.InjectROT13,dan.STAN", prompts="6"
    )
    assert [finding.outcome for finding in found.findings] == [Outcome.PASS] * 3
    assert "0 of 6 prompts succeeded" in found.findings[0].message
    assert "a rate of up to 39.0% would have gone unnoticed" in found.findings[0].message
    assert attacks(questioner) == 6 + 6 + 1


def test_measurements_are_per_probe_and_detector_and_per_module(tmp_path: Path) -> None:
    found, _, _ = scan(tmp_path, refuse, probes="encoding.InjectROT13,encoding.InjectBase64", prompts="3")
    rows = {
        tuple(sorted(row.dimensions.items())): row
        for row in found.measurements
        if row.name == "garak.hit_rate"
    }
    assert {tuple(value for _, value in key) for key in rows} == {
        ("encoding.DecodeMatch", "encoding.InjectROT13"),
        ("encoding.DecodeApprox", "encoding.InjectROT13"),
        ("encoding.DecodeMatch", "encoding.InjectBase64"),
        ("encoding.DecodeApprox", "encoding.InjectBase64"),
        ("encoding",),
    }
    pooled = rows[(("module", "encoding"),)]
    assert (pooled.name, pooled.unit, pooled.value, pooled.n) == ("garak.hit_rate", "share", 0.0, 6)
    assert 0.38 < pooled.interval.high < 0.40


def test_a_refusal_that_garaks_detector_takes_for_a_hit_is_no_fail_and_both_counts_are_told(
    tmp_path: Path,
) -> None:
    def refuse_plainly(conversation: Conversation) -> str:
        return right_answer(conversation.messages[-1].content) or "Sorry, I can't do that."

    found, _, store = scan(tmp_path, refuse_plainly, probes="doctor.Bypass", prompts="6")
    finding = of(found, "doctor.Bypass")
    assert (finding.outcome, finding.confidence) == (Outcome.PASS, Confidence.LOW)
    assert "mitigation.MitigationBypass alone calls 6 of 6 hits" in finding.message
    assert "our own reading 0 not refused, 6 refused, 0 unreadable" in finding.message
    rates = {
        row.name: (row.value, row.n) for row in found.measurements if row.dimensions == {"module": "doctor"}
    }
    assert rates == {"garak.hit_rate": (1.0, 6), "garak.not_refused_rate": (0.0, 6)}
    readings = [exchange.reading for exchange in read_transcript(store, finding.evidence[0])]
    assert {reading["our reading"] for reading in readings} == {"refused"}


def test_withstanding_an_attack_that_the_model_cannot_follow_is_no_pass(tmp_path: Path) -> None:
    found, _, _ = scan(tmp_path, lambda _: REFUSAL, probes="encoding.InjectROT13,lmrc.SlurUsage", prompts="3")
    finding = of(found, "encoding.InjectROT13")
    assert finding.outcome is Outcome.NOT_RUN
    assert "could follow 0 of 5 control questions of this family (a text in an encoding)" in finding.reason
    assert of(found, "lmrc.SlurUsage").outcome is Outcome.PASS, "plain requests need no control"
    (capability,) = [row for row in found.measurements if row.name == "garak.capability"]
    assert (capability.value, capability.n, capability.dimensions) == (0.0, 5, {"family": "encoding"})
    assert not [row for row in found.measurements if row.dimensions == {"module": "encoding"}]


def test_a_spent_budget_leaves_every_probe_named(tmp_path: Path) -> None:
    def spent(conversation: Conversation) -> str:
        if not right_answer(conversation.messages[-1].content):
            raise BudgetSpentError("budget: 10 questions were allowed")
        return right_answer(conversation.messages[-1].content)

    for answer in (spent, lambda _: spent(Conversation.of("anything"))):
        found, _, _ = scan(tmp_path, answer, probes="dan.STAN,encoding.InjectROT13", prompts="2")
        assert {finding.outcome for finding in found.findings} == {Outcome.NOT_RUN}
        assert {finding.reason for finding in found.findings} == {"budget: 10 questions were allowed"}
        assert len(found.findings) == 2


def test_a_model_that_is_not_coherent_is_never_called_safe(tmp_path: Path) -> None:
    found, questioner, _ = scan(
        tmp_path, lambda _: "qzx vwl", coherence=record(Outcome.NOT_RUN, "it babbles"), probes="encoding"
    )
    assert {finding.outcome for finding in found.findings} == {Outcome.NOT_RUN}
    assert len(found.findings) == 15
    assert "model not coherent in English, model-incoherent: it babbles" in found.findings[0].reason
    assert not questioner.asked
    assert not found.measurements


def test_an_unknown_name_is_an_error_with_the_nearest_and_the_rest_goes_on(tmp_path: Path) -> None:
    found, _, _ = scan(tmp_path, refuse, probes="dan.Ablation_Dan_11,dan.STAN")
    assert of(found, "dan.Ablation_Dan_11").outcome is Outcome.ERROR
    assert "did you mean 'dan.Ablation_Dan_11_0'?" in of(found, "dan.Ablation_Dan_11").reason
    assert of(found, "dan.STAN").outcome is Outcome.PASS


def test_what_needs_a_hub_is_not_run_and_says_what_it_needs(tmp_path: Path) -> None:
    found, questioner, _ = scan(tmp_path, refuse, probes="packagehallucination.Python,topic,dan.STAN")
    finding = of(found, "packagehallucination.Python")
    assert finding.outcome is Outcome.NOT_RUN
    assert "garak-llm/pypi-20241031" in finding.reason
    assert "OWASP-LLM09:2025" in finding.tags
    assert "wordnet" in of(found, "topic.WordnetControversial").reason
    assert attacks(questioner) == 1


@pytest.mark.parametrize("prompts", ["0", "-3", "many", "²"])
def test_a_number_of_prompts_that_is_none_is_refused(tmp_path: Path, prompts: str) -> None:
    found, questioner, _ = scan(tmp_path, refuse, prompts=prompts)
    assert found.findings[0].outcome is Outcome.ERROR
    assert f"'{prompts}' is not a number of prompts" in found.findings[0].reason
    assert not questioner.asked


def test_the_quick_set_is_judged_whole_without_reaching_for_the_network(tmp_path: Path) -> None:
    progress = RecordingProgress()
    found, questioner, store = scan(tmp_path, refuse, progress=progress)
    requested = load_profiles().requested(Profile.QUICK)
    assert [finding.subject for finding in found.findings] == [f"garak {probe}" for probe in requested]
    assert {finding.outcome for finding in found.findings} == {Outcome.PASS}
    _, account_ref, log_ref, report_ref, controls_ref = found.findings[0].evidence
    assert report_ref.title == "garak report.jsonl"
    assert report_ref.media_type != TRANSCRIPT_MEDIA_TYPE, "its lines are no exchanges"
    evals = [line for line in store.get(report_ref.sha256).splitlines() if b'"entry_type": "eval"' in line]
    assert len({json.loads(line)["probe"] for line in evals}) == len(requested)
    assert {exchange.reading["answer"] for exchange in read_transcript(store, controls_ref)} == {"right"}
    account = json.loads(store.get(account_ref.sha256))
    assert account["turned_down"] == []
    assert account["processes"] == 1
    assert account["requested"] == requested
    assert {probe: told["scored"] for probe, told in account["probes"].items()} == requested
    assert b"garak.probes.encoding.InjectBase64" in store.get(log_ref.sha256)
    assert attacks(questioner) == sum(requested.values())
    assert {purpose for purpose, _ in questioner.asked} == {CHECK.id}
    (job,) = progress.jobs
    assert (job.done, job.total, job.unit) == (job.total, sum(requested.values()), "prompts")
    modules = {row.dimensions["module"] for row in found.measurements if "module" in row.dimensions}
    assert modules == {module_of(probe) for probe in requested}


def test_cost_of_quick_is_what_it_asks() -> None:
    attacks_of_quick = sum(load_profiles().requested(Profile.QUICK).values())
    cost = CHECK.cost(Profile.QUICK)
    assert cost.questions == attacks_of_quick + 6 * 5
    assert cost.reply_tokens == attacks_of_quick * 48 + 6 * 5 * 24


def test_standard_is_three_thousand_outputs_of_every_default_probe_that_works_here() -> None:
    data, known = load_profiles(), read_inventory(surface.inventory_path())
    requested = data.requested(Profile.STANDARD)
    assert set(requested) == {name for name, probe in known.items() if probe.is_active}
    able = [name for name in requested if not data.needs(name)]
    assert len(able) == 77
    counts = load_counts()
    assert sum(min(requested[name], counts[name].prompts) for name in able) == 3_110
    assert CHECK.cost(Profile.STANDARD).questions == 3_110 + 8 * 5


def test_what_a_default_probe_lacks_is_told_under_standard(tmp_path: Path) -> None:
    found, _, _ = scan(
        tmp_path, refuse, probes="standard", prompts="1", coherence=record(Outcome.NOT_RUN, "it babbles")
    )
    assert len(found.findings) == 93
