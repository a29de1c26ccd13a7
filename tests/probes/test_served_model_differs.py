"""Whether the server answers with the scanned weights: by log-probabilities, by replies, or not judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from probes.backend import BackendOptions
from probes.backends.transformers import TransformersBackend
from probes.checks.served_model_differs import CHECK
from probes.served_model import load_texts, shortfall, token_gap, typical
from scanner.check import CheckContext, CheckRecord
from scanner.conversation import Conversation, EngineDescription, Reply, Sampling, TokenScores
from scanner.evidence import EvidenceStore
from scanner.findings import Confidence, Outcome
from scanner.manifest import Snapshot
from scanner.references import ModelRef
from scanner.runner import run_check
from tests.assets import tiny_model as builder
from tests.assets.tiny_model import snapshot_of

NOWHERE = Snapshot(ModelRef.parse("demo"), None, "/nowhere", ())


class Served:
    """A questioner that stands for a server over the model of a folder."""

    def __init__(
        self, folder: Path | None, *, backend: str = "endpoint", logprobs: bool, dtype: str = "float32"
    ):
        known = ("generate", "logprobs") if logprobs else ("generate",)
        self.engine = EngineDescription(backend, "1", "auto", "server", "unknown", 8, capabilities=known)
        self._model = (
            TransformersBackend.load(snapshot_of(folder), BackendOptions(device="cpu", dtype=dtype))
            if folder
            else None
        )

    def ask(
        self,
        conversations: Sequence[Conversation],
        sampling: Sampling,
        *,
        purpose: str,
        deadline: float = float("inf"),
    ) -> list[Reply]:
        assert self._model is not None
        return self._model.generate([self._model.render(each) for each in conversations], sampling)

    def score(
        self, pairs: Sequence[tuple[Conversation, str]], *, purpose: str, deadline: float = float("inf")
    ) -> list[TokenScores]:
        if self._model is None:
            return [TokenScores((), (), error="the server coughed")] * len(pairs)
        return self._model.score([(self._model.render(each), text) for each, text in pairs])


@pytest.fixture(scope="module")
def other_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same architecture and tokenizer with other weights."""
    return builder.build(tmp_path_factory.mktemp("other") / "tiny", seed=1)


@pytest.fixture(scope="module")
def talkative(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two models whose replies are text: one says "the" for ever, the other "week"."""
    folder = tmp_path_factory.mktemp("talkative")
    return builder.build(folder / "a", always="the"), builder.build(folder / "b", always="week")


def _run(scanned: Snapshot, served: Served, folder: Path) -> CheckRecord:
    return run_check(CHECK, CheckContext(scanned, EvidenceStore(folder), questioner=served))


def test_an_engine_that_loaded_the_files_passes_with_their_digest(tiny_model: Path, tmp_path: Path) -> None:
    scanned = snapshot_of(tiny_model)
    record = _run(scanned, Served(None, backend="transformers", logprobs=True), tmp_path)
    assert record.findings[0].outcome is Outcome.PASS
    assert scanned.weights_digest[:16] in record.findings[0].message


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_same_weights_pass_whatever_their_rounding(dtype: str, tiny_model: Path, tmp_path: Path) -> None:
    record = _run(snapshot_of(tiny_model), Served(tiny_model, logprobs=True, dtype=dtype), tmp_path)
    assert record.findings[0].outcome is Outcome.PASS, record.findings[0]
    (measured,) = record.measurements
    assert (measured.name, measured.unit, measured.n) == ("served_model.logprob_difference", "nats", 24)
    assert measured.interval.low <= measured.value <= measured.interval.high


def test_other_weights_fail_with_the_numbers_kept(
    tiny_model: Path, other_model: Path, tmp_path: Path
) -> None:
    record = _run(snapshot_of(tiny_model), Served(other_model, logprobs=True), tmp_path)
    (finding,) = record.findings
    assert (finding.outcome, finding.confidence) == (Outcome.FAIL, Confidence.HIGH)
    assert record.measurements[0].value > 1
    assert b'"served"' in EvidenceStore(tmp_path).get(finding.evidence[0].sha256)


def test_another_tokenizer_fails_however_near_the_numbers_are(tiny_model: Path, tmp_path: Path) -> None:
    served = Served(tiny_model, logprobs=True)
    whole = served.score
    # The same likelihood of every text, told in half as many tokens.
    served.score = (
        lambda pairs, **how: [  # type: ignore[method-assign]
            TokenScores((), tuple(sum(scores.logprobs[i : i + 2]) for i in range(0, len(scores.logprobs), 2)))
            for scores in whole(pairs, **how)
        ]
    )
    record = _run(snapshot_of(tiny_model), served, tmp_path)
    assert [(finding.rule, finding.outcome) for finding in record.findings] == [
        ("other-tokens", Outcome.FAIL)
    ]


def test_without_log_probabilities_the_replies_tell(talkative: tuple[Path, Path], tmp_path: Path) -> None:
    same = _run(snapshot_of(talkative[0]), Served(talkative[0], logprobs=False), tmp_path)
    assert same.findings[0].outcome is Outcome.PASS, same.findings[0]
    other = _run(snapshot_of(talkative[0]), Served(talkative[1], logprobs=False), tmp_path)
    assert (other.findings[0].outcome, other.findings[0].confidence) == (Outcome.FAIL, Confidence.LOW)
    assert other.measurements[0].name == "served_model.reply_shortfall"


def test_replies_that_are_no_text_are_not_judged(tiny_model: Path, tmp_path: Path) -> None:
    record = _run(snapshot_of(tiny_model), Served(tiny_model, logprobs=False), tmp_path)
    assert record.findings[0].outcome is Outcome.ERROR
    assert "could be compared" in record.findings[0].reason
    assert not record.measurements


def test_a_server_that_scores_nothing_is_an_error_with_its_reason(tiny_model: Path, tmp_path: Path) -> None:
    record = _run(snapshot_of(tiny_model), Served(None, logprobs=True), tmp_path)
    assert record.findings[0].outcome is Outcome.ERROR
    assert "the server coughed" in record.findings[0].reason


def test_absent_weights_are_not_judged(tmp_path: Path) -> None:
    record = _run(NOWHERE, Served(None, logprobs=True), tmp_path)
    assert record.findings[0].outcome is Outcome.NOT_RUN
    assert "cannot be run here" in record.findings[0].reason


def test_weights_too_big_for_the_memory_are_not_judged(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("probes.weights.free_memory_bytes", lambda device: 1000)
    record = _run(snapshot_of(tiny_model), Served(None, logprobs=True), tmp_path)
    assert record.findings[0].outcome is Outcome.NOT_RUN
    assert "GB are free" in record.findings[0].reason


def test_recorded_replies_are_not_judged(tiny_model: Path, tmp_path: Path) -> None:
    record = _run(snapshot_of(tiny_model), Served(None, backend="replay", logprobs=False), tmp_path)
    assert record.findings[0].outcome is Outcome.NOT_RUN
    assert "replay" in record.findings[0].reason


def test_both_languages_have_as_many_different_texts() -> None:
    found = load_texts()
    assert Counter(each.language for each in found.texts) == {"en": 12, "zh": 12}
    assert Counter(each.language for each in found.questions) == {"en": 8, "zh": 8}
    everything = [each.text for each in (*found.texts, *found.questions)]
    assert len(set(everything)) == len(everything)


def test_a_gap_is_counted_per_token_and_over_sums_where_tokens_differ() -> None:
    two = TokenScores((), (-1.0, -3.0))
    assert token_gap(two, TokenScores((), (-2.0, -2.0))) == 1.0
    assert token_gap(two, TokenScores((), (-2.0, -2.0, -3.0))) == 1.0
    assert token_gap(two, TokenScores((), (), error="none")) is None
    assert token_gap(two, TokenScores((), ())) is None


def test_a_shortfall_needs_a_few_tokens() -> None:
    assert shortfall(TokenScores((), (-1.0,) * 4, (-0.5,) * 4)) is None
    assert shortfall(TokenScores((), (-1.0,) * 5, (-0.5,) * 5)) == 0.5
    assert shortfall(TokenScores((), (-1.0,) * 5)) is None


def test_the_typical_value_is_the_median_with_the_same_interval_for_the_same_seed() -> None:
    values = [0.1, 0.2, 0.3, 9.0]
    middle, interval = typical(values, seed=3)
    assert middle == pytest.approx(0.25)
    assert interval.low >= 0.1
    assert typical(values, seed=3) == (middle, interval)
    assert typical([0.0, 0.0], seed=1)[1].high == 0.0
