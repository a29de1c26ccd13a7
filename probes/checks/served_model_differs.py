"""Looks for a server that answers with other weights than those that were scanned.

What it looks for
    With --backend endpoint the replies come from a server, and the files under test from a folder: nothing
    ties the two together. The scanned weights are run here, and 24 neutral sentences in English and Chinese
    are given to both; the log-probabilities of their tokens are compared. Where the server gives none, it
    answers 16 questions greedily, and the scanned weights say how far each word it chose is from the word
    that they would have chosen.

Why it matters
    Everything else that a scan finds out by asking is true of the model that answered. If that was another
    one, provenance, licence and file checks speak of one model and the behaviour of a second.

How it is judged
    A server that cuts a third of the texts or more into another number of tokens has another tokenizer:
    FAIL. Else by the median over the texts, in nats a token, with its bootstrap interval.
    Log-probabilities: below 0.35 the same weights, above 1.0 others, between the two not judged. Replies:
    below 0.15 the same, above 0.6 others, and a FAIL has low confidence. Measured with SmolLM2-135M against
    its own float32 weights:

    ==============================  =================  =======
    served                          log-probabilities  replies
    ==============================  =================  =======
    bfloat16                        0.05               0.00
    8-bit weights                   0.06               0.00
    1 % of noise on every weight    0.11               0.01
    10 % of noise                   1.3                0.75
    4-bit weights, simply rounded   1.0                0.5-0.6
    3-bit weights, simply rounded   2.4                1.3
    another model (Gemma 3 270M)    1.3                0.86
    ==============================  =================  =======

    Gemma cuts 12 of the 24 texts into another number of tokens: all in Chinese, none in English.
    vLLM and transformers, both in float32, differ by 0.00002 on a small random model, and that model from
    one with other random weights by 6.4. Larger models suffer less from quantisation than this one.

    An engine that runs in this process loads the scanned files itself, and passes by that.

How it can be wrong
    Passes, though it is another model: one trained on from the same weights for a while, or with the same
    weights and another system prompt; both stay within what quantisation does. Fails, though it is the same:
    a server with another chat template or a hidden system prompt (by replies), or a small model quantised
    to four bits or fewer. A server that wants to deceive can do so: it may answer these texts, and only
    these, with the scanned weights.

Needs
    The scanned weights, and memory to run them on the processor beside the server. For the stronger way, a
    server that gives log-probabilities of a prompt: vLLM, vLLM-Ascend and SGLang do.

Source
    Own texts (probes/data/served_model.yaml), own measurements.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from probes.backend import Backend, BackendError, BackendOptions
from probes.backends.transformers import TransformersBackend
from probes.served_model import METHOD, NeutralTexts, cuts_alike, load_texts, shortfall, token_gap, typical
from scanner.check import Check, CheckContext, Cost, MeasureSpec, Needs, Profile
from scanner.conversation import Conversation, FinishReason, Reply, Sampling, TokenScores
from scanner.errors import NotAvailableError
from scanner.evidence import EvidenceRef
from scanner.findings import Confidence, Finding, Interval, Measurement, Severity
from scanner.manifest import Snapshot
from scanner.records import encode_pretty
from scanner.transcripts import Exchange, keep_transcript

# These load the very files of the snapshot, in this process.
_LOADS_THE_FILES: Final = frozenset({"transformers", "openvino", "llamacpp", "vllm"})
_REMEDIATION: Final = (
    "Compare the files that the server loaded with the scanned ones (sha256), and look for a system prompt "
    "or chat template of its own. Then scan what is served, or serve what was scanned."
)
_SAMPLING: Final = Sampling(max_tokens=32)
# Of the texts, the share that both sides must have scored.
_FEWEST_SCORED: Final = 0.5
# Of the texts, the share that another tokenizer cuts otherwise; short English words fall alike in many.
_OTHERWISE_CUT: Final = 1 / 3
# Tried in this order; the second takes half the memory and differs by less than the limits can tell.
_DTYPES: Final = ("float32", "bfloat16")


@dataclass(frozen=True)
class _Way:
    """One way to compare, with the limits measured for it.

    Attributes:
        measure: Its measurement.
        what: What was compared, for people.
        same_below: Nats a token below which the weights are the same.
        other_above: Nats a token above which they are others.
        confidence: Of a FAIL.
    """

    measure: str
    what: str
    same_below: float
    other_above: float
    confidence: Confidence


_BY_LOGPROBS: Final = _Way("served_model.logprob_difference", "log-probabilities", 0.35, 1.0, Confidence.HIGH)
_BY_REPLIES: Final = _Way("served_model.reply_shortfall", "greedy replies", 0.15, 0.6, Confidence.LOW)


class ServedModelDiffers(Check):
    """Whether the model that answers is the one whose files were scanned."""

    id = "served-model-differs"
    title = "The server answers with other weights than those scanned"
    severity = Severity.HIGH
    needs = Needs.GENERATE
    order = 20
    timeout_seconds = 900.0
    measures = (
        MeasureSpec(
            _BY_LOGPROBS.measure,
            "nats",
            "Difference in log-probability per token, server and scanned weights",
        ),
        MeasureSpec(
            _BY_REPLIES.measure,
            "nats",
            "How much likelier, per token, another reply was to the scanned weights",
        ),
    )

    def cost(self, profile: Profile) -> Cost:
        """The replies of a server without log-probabilities; nothing otherwise."""
        questions = len(load_texts().questions)
        return Cost(questions, questions * _SAMPLING.max_tokens)

    def run(self, context: CheckContext) -> Iterator[Finding | Measurement]:
        """One finding, with the measurement it rests on."""
        engine = context.require_questioner().engine
        if engine.backend in _LOADS_THE_FILES:
            digest = context.snapshot.weights_digest[:16]
            yield self.passed(
                f"The scanned files themselves were loaded by {engine.backend} (weights digest {digest}...).",
                rule="loaded-here",
            )
            return
        if engine.backend != "endpoint":
            raise NotAvailableError(
                f"the backend {engine.backend} does not tell which weights its replies come from"
            )
        texts = load_texts()
        if "logprobs" in engine.capabilities:
            served = context.score(texts.pairs(), purpose="Served model")
            yield from self._by_logprobs(context, texts, served)
        else:
            yield from self._by_replies(context, texts, engine.settings.get("logprobs", ""))

    def _by_logprobs(
        self, context: CheckContext, texts: NeutralTexts, served: Sequence[TokenScores]
    ) -> Iterator[Finding | Measurement]:
        local = _score_here(context, texts.pairs())
        rows = [
            {"text": text, "served": theirs, "scanned": ours}
            for (_, text), theirs, ours in zip(texts.pairs(), served, local, strict=True)
        ]
        kept = context.evidence.put(
            encode_pretty(rows), "application/json", f"log-probabilities of {self.id}"
        )
        both = list(zip(served, local, strict=True))
        alike = [cuts_alike(theirs, ours) for theirs, ours in both]
        others, n = alike.count(False), len(alike) - alike.count(None)
        if others >= max(1.0, _OTHERWISE_CUT * n):
            yield self.failed(
                f"The server cuts {others} of {n} texts into another number of tokens than the scanned "
                "tokenizer does: it answers with another model.",
                rule="other-tokens",
                evidence=(kept,),
                remediation=_REMEDIATION,
            )
            return
        reasons = [scores.error for scores in (*served, *local) if scores.error]
        gaps = [token_gap(theirs, ours) for theirs, ours in both]
        yield from self._judge(context, _BY_LOGPROBS, gaps, reasons, kept)

    def _by_replies(
        self, context: CheckContext, texts: NeutralTexts, why: str
    ) -> Iterator[Finding | Measurement]:
        conversations = [Conversation.of(question.text) for question in texts.questions]
        replies = context.ask(conversations, _SAMPLING, purpose="Served model")
        # A reply cut within a character cannot be written as tokens again.
        said = [reply.text.rstrip("\ufffd") for reply in replies]
        usable = [
            bool(text) and "\ufffd" not in text and reply.finish is not FinishReason.ERROR
            for text, reply in zip(said, replies, strict=True)
        ]
        pairs = [pair for pair, use in zip(zip(conversations, said, strict=True), usable, strict=True) if use]
        found = iter([shortfall(scores) for scores in _score_here(context, pairs)])
        values = [next(found) if use else None for use in usable]
        kept = keep_transcript(context.evidence, self.id, _exchanges(texts, conversations, replies, values))
        reasons = [reply.error for reply in replies if reply.error]
        yield from self._judge(context, _BY_REPLIES, values, reasons, kept, f" ({why})" if why else "")

    def _judge(
        self,
        context: CheckContext,
        way: _Way,
        values: Sequence[float | None],
        reasons: Sequence[str],
        kept: EvidenceRef,
        why: str = "",
    ) -> Iterator[Finding | Measurement]:
        scored = [value for value in values if value is not None]
        if len(scored) < _FEWEST_SCORED * len(values):
            first = f", first: {reasons[0]}" if reasons else ""
            yield self.errored(
                f"only {len(scored)} of {len(values)} {way.what} could be compared{first}", rule=way.measure
            )
            return
        value, interval = typical(scored, context.seed)
        yield self.measured(
            way.measure, value, n=len(scored), interval=interval, method=METHOD, evidence=(kept,)
        )
        yield self._conclude(way, value, interval, len(scored), kept, why)

    def _conclude(
        self, way: _Way, value: float, interval: Interval, n: int, kept: EvidenceRef, why: str
    ) -> Finding:
        told = (
            f"By the {way.what} of {n} texts{why} the server is {value:.2f} nats a token "
            f"[{interval.low:.2f}, {interval.high:.2f}] from the scanned weights"
        )
        if interval.low > way.other_above:
            return self.failed(
                f"{told}: it answers with other weights, or under another chat template.",
                rule="other-weights",
                confidence=way.confidence,
                evidence=(kept,),
                remediation=_REMEDIATION,
            )
        if interval.high < way.same_below:
            return self.passed(
                f"{told}: no more than rounding and quantisation do.", rule="same-weights", evidence=(kept,)
            )
        return self.not_run(
            f"{told}: more than rounding does ({way.same_below}) and less than another model "
            f"({way.other_above}); heavy quantisation or further training would look like this",
            rule="undecided",
        )


def _score_here(context: CheckContext, pairs: Sequence[tuple[Conversation, str]]) -> list[TokenScores]:
    """The same by the scanned weights, on the processor: the accelerator is the server's.

    Raises:
        NotAvailableError: when they cannot be run here.
        CheckTimeoutError: when the time is up.
    """
    refused: BackendError | None = None
    for dtype in _DTYPES:
        try:
            return _score_as(context, dtype, pairs)
        except BackendError as error:
            refused = refused or error
    raise NotAvailableError(f"the scanned weights cannot be run here: {refused}") from refused


def _score_as(
    context: CheckContext, dtype: str, pairs: Sequence[tuple[Conversation, str]]
) -> list[TokenScores]:
    local = _open(context.snapshot, dtype)
    try:
        found = []
        for conversation, text in pairs:
            context.check_deadline()
            found += local.score([(local.render(conversation), text)])
        return found
    finally:
        local.close()


def _open(snapshot: Snapshot, dtype: str) -> Backend:
    return TransformersBackend.load(snapshot, BackendOptions(device="cpu", dtype=dtype))


def _exchanges(
    texts: NeutralTexts,
    conversations: Sequence[Conversation],
    replies: Sequence[Reply],
    values: Sequence[float | None],
) -> Iterator[Exchange]:
    rows = zip(texts.questions, conversations, replies, values, strict=True)
    for place, (question, conversation, reply, value) in enumerate(rows):
        reading: Mapping[str, str] = {"shortfall_nats": "unread" if value is None else f"{value}"}
        yield Exchange(f"{place}/{question.language}", conversation, reply, reading)


CHECK = ServedModelDiffers()
