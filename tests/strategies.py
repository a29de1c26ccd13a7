"""Random values of the whole vocabulary, for property tests.

Text is what JSON can hold (no lone surrogates), integers fit 64 bits, mappings are dicts, times are UTC.
"""

from __future__ import annotations

import datetime
import typing

from hypothesis import strategies as st

from policies.assessment import Assessment, ControlResult, ControlStatus, PackResult, Verdict
from scanner.check import CheckRecord
from scanner.conversation import Conversation, EngineDescription, FinishReason, Message, Reply
from scanner.evidence import EvidenceRef
from scanner.findings import Confidence, Finding, Interval, Location, Measurement, Outcome, Severity
from scanner.manifest import FileEntry, Snapshot, SourceDigest
from scanner.references import ModelRef
from scanner.scan import Scan, ScanRequest
from scanner.transcripts import Exchange, PersonalDataSpans, Span

T = typing.TypeVar("T")

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
counts = st.integers(0, 2**40)
finite = st.floats(allow_nan=False, allow_infinity=False, width=32)
moments = st.datetimes(
    datetime.datetime(2020, 1, 1), datetime.datetime(2100, 1, 1), timezones=st.just(datetime.UTC)
)
labels = st.dictionaries(texts, texts, max_size=2)


def few(one: st.SearchStrategy[T], most: int = 2) -> st.SearchStrategy[tuple[T, ...]]:
    """Tuples of at most `most` of these."""
    return st.lists(one, max_size=most).map(tuple)


@st.composite
def intervals(draw: st.DrawFn) -> Interval:
    """Finite and ordered, as the vocabulary demands."""
    low, high = sorted((draw(finite), draw(finite)))
    return Interval(low, high, draw(st.sampled_from([None, 0.9, 0.95])))


locations = st.builds(Location, texts, st.none() | counts, texts)
evidence_refs = st.builds(EvidenceRef, texts, texts, counts, texts)
source_digests = st.builds(SourceDigest, texts, texts, texts)
file_entries = st.builds(FileEntry, texts, counts, texts, st.none() | texts, st.none() | source_digests)
model_refs = st.builds(ModelRef, texts, texts, texts, st.none() | texts)


@st.composite
def findings(draw: st.DrawFn) -> Finding:
    """Judged without a reason, or not judged with one."""
    outcome = draw(st.sampled_from(Outcome))
    return Finding(
        draw(texts), outcome, draw(st.sampled_from(Severity)), draw(texts),
        rule=draw(texts), subject=draw(texts), confidence=draw(st.sampled_from(Confidence)),
        reason="" if outcome.is_judged else draw(texts.filter(bool)),
        locations=draw(few(locations)), evidence=draw(few(evidence_refs)),
        remediation=draw(texts), tags=draw(few(texts)),
    )  # fmt: skip


measurements = st.builds(
    Measurement, texts, finite, texts, st.integers(1, 10**9), intervals(), texts, texts, labels,
    few(evidence_refs),
)  # fmt: skip
check_records = st.builds(CheckRecord, texts, few(findings()), few(measurements), moments, finite)
snapshots = st.builds(
    Snapshot,
    model_refs,
    st.none() | texts,
    texts,
    few(file_entries),
    few(texts),
    few(st.tuples(texts, texts)),
)
# What is not named here is inferred from the types of the fields.
scan_requests = st.builds(ScanRequest, ref=model_refs, check_ids=few(texts), settings=labels)
engines = st.builds(EngineDescription, capabilities=few(texts), notes=few(texts), settings=labels)
scans = st.builds(
    Scan, texts, scan_requests, snapshots, st.none() | engines, moments, moments, labels, few(check_records)
)
conversations = st.builds(Conversation, few(st.builds(Message, texts, texts)))
replies = st.builds(Reply, texts, st.sampled_from(FinishReason), counts, counts, texts, texts)
exchanges = st.builds(Exchange, texts, conversations, replies, labels)
spans = st.builds(
    PersonalDataSpans, st.dictionaries(texts, few(st.builds(Span, counts, counts, texts)), max_size=2)
)


@st.composite
def control_results(draw: st.DrawFn) -> ControlResult:
    """With a reason, something to rest on, and a last day exactly when waived."""
    status = draw(st.sampled_from(ControlStatus))
    return ControlResult(
        draw(texts), draw(texts), draw(texts), draw(texts), draw(texts), draw(texts), status,
        draw(texts.filter(bool)), draw(st.booleans()), findings=("0" * 16,),
        waived_until=draw(st.dates()) if status is ControlStatus.WAIVED else None,
        maps=draw(st.dictionaries(texts, few(texts), max_size=2)),
    )  # fmt: skip


# For the values that are built by the types of their fields, above and below.
st.register_type_strategy(str, texts)
st.register_type_strategy(int, counts)
st.register_type_strategy(float, finite)
st.register_type_strategy(datetime.datetime, moments)
st.register_type_strategy(ControlResult, control_results())

verdicts = st.from_type(Verdict)
assessments = st.builds(
    Assessment, texts, moments, st.dates(), labels, few(st.from_type(PackResult), 1), verdicts
)

VALUES: dict[type, st.SearchStrategy[object]] = {
    Finding: findings(),
    Measurement: measurements,
    Interval: intervals(),
    SourceDigest: source_digests,
    FileEntry: file_entries,
    ModelRef: model_refs,
    Snapshot: snapshots,
    CheckRecord: check_records,
    ScanRequest: scan_requests,
    Scan: scans,
    Conversation: conversations,
    Reply: replies,
    Exchange: exchanges,
    PersonalDataSpans: spans,
    EngineDescription: engines,
    ControlResult: control_results(),
    Verdict: verdicts,
    Assessment: assessments,
}
