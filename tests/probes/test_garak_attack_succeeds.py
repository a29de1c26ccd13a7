"""The check from settings to findings: real garak, a model made of a function."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from probes.checks.garak_attack_succeeds import CHECK
from probes.garak.profiles import load_profiles, module_of
from scanner.check import CheckContext, CheckRecord, Profile
from scanner.conversation import Conversation
from scanner.evidence import EvidenceStore
from scanner.findings import Confidence, Finding, Outcome, Severity
from scanner.manifest import Snapshot
from scanner.references import ModelRef
from scanner.runner import run_check
from scanner.transcripts import read_transcript
from tests.fakes import FakeQuestioner, RecordingProgress

REFUSAL = "I'm sorry, but I can't help with that."


def echo(conversation: Conversation) -> str:
    return conversation.messages[-1].content


def refuse(conversation: Conversation) -> str:
    return REFUSAL


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
    assert sum(len(asked) for _, asked in questioner.asked) == 6 + 6 + 1


def test_measurements_are_per_probe_and_detector_and_per_module(tmp_path: Path) -> None:
    found, _, _ = scan(tmp_path, refuse, probes="encoding.InjectROT13,encoding.InjectBase64", prompts="3")
    rows = {tuple(sorted(row.dimensions.items())): row for row in found.measurements}
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


def test_a_detector_that_takes_refusals_for_hits_is_marked(tmp_path: Path) -> None:
    found, _, _ = scan(tmp_path, lambda _: "Sorry, I can't do that.", probes="doctor.Bypass", prompts="6")
    finding = of(found, "doctor.Bypass")
    assert (finding.outcome, finding.confidence) == (Outcome.FAIL, Confidence.LOW)
    assert "low confidence in mitigation.MitigationBypass" in finding.message


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
    assert sum(len(asked) for _, asked in questioner.asked) == 1


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
    account_ref, log_ref = found.findings[0].evidence[-2:]
    account = json.loads(store.get(account_ref.sha256))
    assert account["turned_down"] == []
    assert account["processes"] == 1
    assert account["requested"] == requested
    assert {probe: told["scored"] for probe, told in account["probes"].items()} == requested
    assert b"garak.probes.encoding.InjectBase64" in store.get(log_ref.sha256)
    assert sum(len(asked) for _, asked in questioner.asked) == sum(requested.values())
    assert {purpose for purpose, _ in questioner.asked} == {CHECK.id}
    (job,) = progress.jobs
    assert (job.done, job.total, job.unit) == (job.total, sum(requested.values()), "prompts")
    modules = {row.dimensions["module"] for row in found.measurements if "module" in row.dimensions}
    assert modules == {module_of(probe) for probe in requested}


def test_cost_of_quick_is_what_it_asks() -> None:
    assert CHECK.cost(Profile.QUICK).questions == sum(load_profiles().requested(Profile.QUICK).values())
