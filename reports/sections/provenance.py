"""Provenance: what the source says, every file with its digest, and all evidence with its state."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from reports.contents import Contents, EvidenceRecord, EvidenceState
from reports.numbers import size_text
from reports.sections.verdict import Fact
from reports.wording import Tag, counted, evidence_tag, titled
from scanner.file_check import FileVerdict
from scanner.file_verdicts import FileJudgement
from scanner.findings import Outcome
from scanner.manifest import FileEntry
from scanner.origins.chain import Link
from scanner.origins.jurisdiction import NOT_KNOWN
from scanner.origins.record import OriginRecord

_VERDICTS: Final = {
    FileVerdict.PLAIN_DATA: Tag("Plain data", "good", "●", "plain-data"),
    FileVerdict.NEEDS_CLASS_INSTANCE: Tag("Needs code", "warn", "◆", "needs-code"),
    FileVerdict.NOT_READABLE: Tag("Not readable", "open", "○", "not-readable"),
    FileVerdict.ATTACK: Tag("Attack", "bad", "■", "attack"),
}


@dataclass(frozen=True)
class FileView:
    """One file.

    Attributes:
        path: Inside the model.
        size: On disk.
        sha256: Computed by us.
        recorded: The differing digest that the source recorded, or "".
        source: Who recorded one.
        tag: How the two compare, None when there is nothing to compare with.
        verdict: What is to be said of opening it, None when the scan did not ask.
        kind: What it is, in words, or "".
        why: The worst that was found in it, or "".
    """

    path: str
    size: str
    sha256: str
    recorded: str
    source: str
    tag: Tag | None
    verdict: Tag | None
    kind: str
    why: str


@dataclass(frozen=True)
class EvidenceView:
    """One piece of evidence."""

    anchor: str
    sha256: str
    path: str
    title: str
    media_type: str
    size: str
    tag: Tag
    checks: tuple[str, ...]


@dataclass(frozen=True)
class OriginRow:
    """One link of the chain of origin, or one fact of jurisdiction.

    Attributes:
        part: What it is: "Published by", "Made from", "Licence's governing law".
        what: The name or value, "not known" when so.
        about: Who stands behind it, or whose it is.
        known: How it is known, with source and day.
    """

    part: str
    what: str
    about: str
    known: str


@dataclass(frozen=True)
class ProvenanceView:
    """The sections on files and on evidence.

    Attributes:
        origin: The chain of origin link by link, then the facts of jurisdiction, kept apart.
        facts: What the source told.
        files: Every file.
        missing: Paths that the source lists and the folder lacks.
        evidence: Every piece of evidence.
        summary: How much evidence there is and how much of it was verified.
        is_intact: Whether all of it was.
    """

    origin: tuple[OriginRow, ...]
    facts: tuple[Fact, ...]
    files: tuple[FileView, ...]
    missing: tuple[str, ...]
    evidence: tuple[EvidenceView, ...]
    summary: str
    is_intact: bool


def provenance_view(contents: Contents) -> ProvenanceView:
    """The sections of these contents."""
    judged = {judgement.path: judgement for judgement in contents.file_verdicts}
    verified = sum(record.state is EvidenceState.VERIFIED for record in contents.evidence)
    return ProvenanceView(
        origin=tuple(_origin(contents.origin)) if contents.origin else (),
        facts=tuple(_facts(contents)),
        files=tuple(_file(entry, judged.get(entry.path)) for entry in contents.model.files),
        missing=contents.model.missing,
        evidence=tuple(_evidence(record) for record in contents.evidence),
        summary=(
            f"{verified} of {counted(len(contents.evidence), 'piece of evidence', 'pieces of evidence')} "
            "read back with the recorded digest when this report was made."
        ),
        is_intact=verified == len(contents.evidence),
    )


def evidence_anchor(sha256: str) -> str:
    """Id of the place of this piece of evidence in the document."""
    return f"evidence-{sha256[:16]}"


def _facts(contents: Contents) -> Iterator[Fact]:
    model = contents.model
    yield Fact("Source", model.ref.scheme)
    yield Fact("Location", model.ref.location, is_code=True)
    yield Fact("Commit", model.commit or "none: the source keeps no commits", is_code=bool(model.commit))
    for key, value in model.source:
        yield Fact(titled(key), value)
    yield Fact("Total size", size_text(model.total_bytes))
    whole = sum(entry.is_whole for entry in model.files)
    if whole < len(model.files):
        read = size_text(sum(entry.bytes_read for entry in model.files))
        yield Fact(
            "Read", f"{read}; {whole} of {len(model.files)} files whole, of others what their rows say"
        )


def _origin(record: OriginRecord) -> Iterator[OriginRow]:
    chain, facts = record.chain, record.jurisdiction
    links = [("Published by", chain.publisher), *(("Made from", link) for link in chain.bases)]
    for part, link in [*links, ("Consistent with", chain.family)]:
        if link is not None:
            yield _link(part, link)
    if not chain.bases:
        yield OriginRow("Made from", NOT_KNOWN, "no base is declared", "")
    for fact in (*facts.seats, facts.law, facts.hosting):
        said = [fact.grade, fact.quote, fact.source, str(fact.checked or "")]
        yield OriginRow(titled(fact.topic.value), fact.value, fact.about, "; ".join(filter(None, said)))


def _link(part: str, link: Link) -> OriginRow:
    developer = link.developer
    who = f"{developer.shown}; {developer.grade}" if developer else "publisher not known"
    source = f"; {developer.source}; {developer.checked}" if developer and developer.source else ""
    known = f"{link.basis.wording}; confidence {link.confidence.value}"
    return OriginRow(part, link.name, f"{who}{source}", "; ".join(filter(None, [known, link.detail])))


def _file(entry: FileEntry, judged: FileJudgement | None) -> FileView:
    source = entry.source_digest
    differs = source is not None and not entry.matches_source
    return FileView(
        path=entry.path,
        size=size_text(entry.size_bytes),
        sha256=entry.sha256 or f"none: {_why_partly(entry)}",
        recorded=f"{source.algorithm} {source.value}" if source and differs else "",
        source=f"{source.algorithm}, {source.origin}" if source else "the source records no digest",
        tag=_match(entry),
        verdict=_VERDICTS[judged.verdict] if judged else None,
        kind=judged.kind if judged else "",
        why=judged.reasons[0].message if judged and judged.reasons else "",
    )


def _why_partly(entry: FileEntry) -> str:
    reason = entry.parts.reason if entry.parts else "nothing of it was read"
    return f"{reason} ({entry.bytes_read:,} bytes)"


def _match(entry: FileEntry) -> Tag | None:
    if entry.matches_source is None:
        return None
    if entry.matches_source:
        return Tag("Match", "good", "●", Outcome.PASS.value)
    return Tag("Mismatch", "bad", "■", Outcome.FAIL.value)


def _evidence(record: EvidenceRecord) -> EvidenceView:
    return EvidenceView(
        evidence_anchor(record.sha256),
        record.sha256,
        record.path,
        record.title or "named by a control only",
        record.media_type,
        size_text(record.size_bytes),
        evidence_tag(record.state),
        record.checks,
    )
