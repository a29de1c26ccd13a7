"""training-facts-missing: asks what the public texts say about how a model was made, and quotes it.

What it looks for: sentences in the card and the other Markdown files that state training compute, training
hardware, a public summary of the training content, sources of the data, an authorised representative in the
EU, a signature of the General-Purpose AI Code of Practice, and energy; each with quote, file and line.
Whether the publisher signed the Code is also looked up in a dated table. What no sentence states is told as
not found in these sources on that day.

Why it matters: who builds on a model relies on what its provider documents (Art. 53(1)(b), Annexes XI and
XII), and the summary of the training content is public by law (Art. 53(1)(d)). The hardware that a card names
is a fact which some exporters have to know; it is never a failure by itself.

How it can be wrong: sentences are told apart by expressions, measured on labelled sentences of our own,
English and Chinese; other wordings and languages are missed (false positive of "not found"), a sentence about
another model counts as one about this (false negative). Not found is no breach: many providers owe none of
this, an exemption may hold (Art. 53(2), 54(6)), and the text may stand elsewhere, such as in a paper or on a
website. Presence of a sentence says nothing about its truth. Code blocks and pictures are not read.

What it needs: the model's Markdown files, and the heads of GGUF files for data sources; no network. Facts:
scanner/data/training_facts.yaml, code_of_practice.csv.

Source: Regulation (EU) 2024/1689, Art. 53(1)(b) and (d), 53(4), 54, 56, Annex XI; Commission template for the
summary of training content, 24 July 2025; Code of Practice, 10 July 2025.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from scanner.check import Check, CheckContext, MeasureSpec
from scanner.evidence import EvidenceRef
from scanner.findings import Confidence, Finding, Interval, Location, Measurement, Severity
from scanner.manifest import Snapshot
from scanner.model_files import GgufError, ModelFileError, gguf_header_of, model_card, read_text
from scanner.origins.code_of_practice import signatories
from scanner.origins.lineage import plain
from scanner.origins.reading import MOST_HEADERS
from scanner.origins.training_facts import (
    Fact,
    Stated,
    fact_table,
    facts_in,
    facts_in_gguf,
    facts_in_head,
)
from scanner.records import encode_pretty

_MAX_TEXTS: Final = 20
_MAX_SHOWN: Final = 3
_CODE: Final = "code-of-practice"
_METHOD: Final = "facts that at least one sentence of the public texts states; presence only, not truth"
_ASK: Final = (
    "Look in the provider's papers and website, ask for it where the provider owes it (Art. 53(1)(b)), and "
    "keep the request and the answer."
)


class TrainingFactsMissing(Check):
    """Quotes what is said about the making of a model, and names what is not."""

    id = "training-facts-missing"
    title = "The public texts do not tell how the model was made"
    severity = Severity.LOW
    measures = (
        MeasureSpec("training.facts_found", "facts", "Facts about the making of the model that are stated"),
    )

    def run(self, context: CheckContext) -> Iterator[Finding | Measurement]:
        """Yields what could not be read, one measurement, then a finding per fact."""
        stated: list[Stated] = []
        read: list[str] = []
        yield from self._read(context, stated, read)
        if not read:
            yield self.not_run("there is no Markdown text that could be read, and no GGUF header states any")
            return
        table = fact_table()
        kept = (_evidence(context, stated, read),)
        by_fact = {fact.id: [one for one in stated if one.fact.id == fact.id] for fact in table.facts}
        signed = self._signed(context, kept)
        found = sum(bool(by_fact[fact.id]) or (fact.id == _CODE and bool(signed)) for fact in table.facts)
        yield self.measured(
            "training.facts_found", found, n=len(table.facts), interval=Interval(found, found),
            method=f"{_METHOD}; expressions {table.version}", evidence=kept,
        )  # fmt: skip
        yield from signed
        for fact in table.facts:
            if by_fact[fact.id]:
                yield self._told(fact, by_fact[fact.id], kept)
            elif fact.id != _CODE or not signed:
                yield self._missing(fact, read, context, kept)

    def _told(self, fact: Fact, stated: list[Stated], kept: tuple[EvidenceRef, ...]) -> Finding:
        shown = "; ".join(f"'{one.quote}' ({_where(one.place)})" for one in stated[:_MAX_SHOWN])
        more = f"; {len(stated) - _MAX_SHOWN} more" if len(stated) > _MAX_SHOWN else ""
        named = ", ".join(dict.fromkeys(one.named for one in stated))
        notes = dict.fromkeys(note for one in stated for note in fact.notes_on(one.named))
        beside = "".join(f". {note.says} ({note.source})" for note in notes)
        return self.passed(
            f"{fact.title} is stated, unverified: {shown}{more}; told by: {named}{beside}",
            rule=fact.id,
            locations=tuple(one.place for one in stated),
            evidence=kept,
        )

    def _missing(
        self, fact: Fact, read: list[str], context: CheckContext, kept: tuple[EvidenceRef, ...]
    ) -> Finding:
        beside = ""
        if fact.id == _CODE:
            beside = (
                f", and the publisher is none of {len(signatories().rows)} signatories that the table "
                f"{signatories().version} knows; the Commission's list decides"
            )
        return self.failed(
            f"{fact.title} ({fact.article}) was not found in {_files(read)} on {context.as_of}{beside}; "
            "that is no breach by itself",
            confidence=Confidence.MEDIUM,
            rule=fact.id,
            evidence=kept,
            remediation=_ASK,
        )

    def _signed(self, context: CheckContext, kept: tuple[EvidenceRef, ...]) -> tuple[Finding, ...]:
        """That the publisher signed the Code of Practice by the table, where it did by that day."""
        ref = context.snapshot.ref
        known = signatories().find(plain(ref.location.partition("/")[0])) if ref.scheme == "hf" else None
        if known is None or known.known_since > context.as_of:
            return ()
        finding = self.passed(
            f"the publisher, {known.name}, is known since {known.known_since} to have signed the Code of "
            f"Practice (chapters: {known.chapters}; {known.confidence.wording}, {known.source}, as of "
            f"{known.retrieved}); that does not say whether its duties are met",
            rule=_CODE,
            subject=known.name,
            evidence=kept,
        )
        return (finding,)

    def _read(self, context: CheckContext, stated: list[Stated], read: list[str]) -> Iterator[Finding]:
        """Fills what is stated and what was read; yields an ERROR for each text that could not be read."""
        snapshot = context.snapshot
        card_path = ""
        try:
            card = model_card(snapshot)
            if card is not None:
                card_path = card.path
                stated += facts_in_head(card.front_matter, card.path)
        except ModelFileError as error:
            yield self.errored(str(error), subject="model card")
        for path in _texts(snapshot, card_path):
            context.check_deadline()
            try:
                text = read_text(snapshot, path)
            except ModelFileError as error:
                yield self.errored(str(error), subject=path)
                continue
            stated += facts_in(text, path)
            read.append(path)
        for entry in list(snapshot.with_suffix(".gguf"))[:MOST_HEADERS]:
            try:
                said = facts_in_gguf(gguf_header_of(snapshot, entry), entry.path)
            except (GgufError, OSError):
                continue  # gguf-malformed tells of it
            stated += said
            # Most headers say nothing of this; one that does is a source like a text.
            read += [entry.path] if said else []


def _texts(snapshot: Snapshot, card_path: str) -> list[str]:
    """The Markdown files, the card first, shallow ones before deep ones."""
    paths = sorted(
        (entry.path for entry in snapshot.files if entry.path.lower().endswith((".md", ".markdown"))),
        key=lambda path: (path != card_path, path.count("/"), path),
    )
    return paths[:_MAX_TEXTS]


def _files(read: list[str]) -> str:
    shown = ", ".join(plain(path) for path in read[:_MAX_SHOWN])
    return f"{shown} and {len(read) - _MAX_SHOWN} more" if len(read) > _MAX_SHOWN else shown


def _where(place: Location) -> str:
    path = plain(place.path)
    return f"{path}:{place.line}" if place.line else f"{path}, {place.detail}"


def _evidence(context: CheckContext, stated: list[Stated], read: list[str]) -> EvidenceRef:
    document = {
        "as_of": context.as_of.isoformat(),
        "expressions": fact_table().version,
        "read": read,
        "facts": [
            {
                "fact": fact.id,
                "article": fact.article,
                "stated": [
                    {"quote": one.quote, "named": one.named, "place": one.place}
                    for one in stated
                    if one.fact.id == fact.id
                ],
            }
            for fact in fact_table().facts
        ],
    }
    return context.evidence.put(encode_pretty(document), "application/json", "facts about the training")


CHECK = TrainingFactsMissing()
