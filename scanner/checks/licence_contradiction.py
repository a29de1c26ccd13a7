"""licence-contradiction: holds the licence a model declares against the licence texts that lie beside it.

What it looks for: the tag of the card, the GGUF header and config.json against LICENSE, LICENSE-MODEL,
COPYING and the like; declarations that contradict each other; a text that is a free licence plus a
clause ("not above 20 million dollars"); a declaration without any text, a text without declaration, or
neither; a permissive tag over a base model whose family comes under narrower terms.

Why it matters: the tag is what people filter by, the text is what binds them. A term that was overlooked
(non-commercial use, a territory, a user threshold) can leave the adopter without any right to the model,
and decides whether the free and open-source relief of Art. 53(2) AI Act can be claimed upstream.

How it can be wrong: texts are recognised by runs of four words, so a licence shortened by a few words
still counts as that licence (false negative); a licence that the table does not hold is "not recognised",
which is never a pass. Trigger words are words, not law: an added sentence may be harmless (false positive).
What a base model's family usually comes under is a hint: the text in the base's own commit decides.
Of running text it reads only "licensed under NAME".

What it needs: the model's files; no network. Facts about licences: scanner/data/licences.yaml.

Source: Regulation (EU) 2024/1689, Art. 53(2); Commission GPAI Guidelines C(2025) 7719, section 4.2;
SPDX licence list; OWASP LLM03:2025 (licensing risks of the supply chain).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from scanner.check import Check, CheckContext
from scanner.evidence import EvidenceRef
from scanner.findings import Confidence, Finding, Location, Severity
from scanner.licensing.claims import (
    ARTEFACT_KEYS,
    Claim,
    artefact_claims,
    card_claims,
    config_claims,
    gguf_claims,
    prose_claims,
)
from scanner.licensing.comparison import (
    contradicts,
    differ,
    governing_files,
    gravity,
    place_of,
    quotes,
    terms,
    title_of,
)
from scanner.licensing.table import Commercial, Licence, LicenceReading, LicenceTable, licence_table
from scanner.manifest import FileEntry
from scanner.model_files import (
    GgufError,
    ModelCard,
    ModelFileError,
    gguf_header_of,
    licence_files,
    model_card,
    read_config,
    read_json,
    read_text,
)
from scanner.origins.lineage import declared_bases

# The longest collection of third-party licences in wide use (a browser's) is about 1 MB.
_TEXT_LIMIT_BYTES: Final = 2 * 1024**2
_TAGS: Final = ("OWASP-LLM03:2025",)
_READ_IT: Final = "Read the licence text in this commit and record which terms you accept."


class LicenceContradiction(Check):
    """Compares declared licences with licence texts."""

    id = "licence-contradiction"
    title = "What the model declares as its licence and the licence text contradict each other"
    severity = Severity.MEDIUM

    def run(self, context: CheckContext) -> Iterator[Finding]:
        """Yields what disagrees, then what each governing text says."""
        table = licence_table()
        claims: list[Claim] = []
        card = None
        try:
            card = model_card(context.snapshot)
        except ModelFileError as error:
            yield self.errored(str(error), subject="model card")
        for part in self._claims(context, card):
            if isinstance(part, Finding):
                yield part
            else:
                claims.append(part)
        prose = list(prose_claims(card, table)) if card else []
        yield from self._disagreements(claims, prose, table)
        entries = governing_files(licence_files(context.snapshot))
        for entry in entries:
            yield from self._text(context, entry, claims, table)
        if not entries:
            yield from self._without_text(claims)
        yield from self._over_base(card, claims, table)

    def _claims(self, context: CheckContext, card: ModelCard | None) -> Iterator[Claim | Finding]:
        if card:
            yield from card_claims(card)
        try:
            yield from config_claims(read_config(context.snapshot) or {})
        except ModelFileError as error:
            yield self.errored(str(error), subject="config.json")
        for path in ARTEFACT_KEYS:
            if context.snapshot.find(path) is not None:
                try:
                    yield from artefact_claims(path, read_json(context.snapshot, path))
                except ModelFileError as error:
                    yield self.errored(str(error), subject=path)
        for entry in context.snapshot.with_suffix(".gguf"):
            context.check_deadline()
            try:
                yield from gguf_claims(entry.path, gguf_header_of(context.snapshot, entry))
            except (GgufError, OSError) as error:
                yield self.errored(str(error), subject=entry.path)

    def _disagreements(
        self, claims: Sequence[Claim], prose: Sequence[Claim], table: LicenceTable
    ) -> Iterator[Finding]:
        for index, one in enumerate(claims):
            for other in claims[index + 1 :]:
                if one.place.path != other.place.path and differ(one, other, table):
                    yield self.failed(
                        f"{one.place.path} declares the licence {one.shown}, "
                        f"{other.place.path} declares {other.shown}",
                        rule="declarations-disagree",
                        locations=(one.place, other.place),
                        remediation="Ask the publisher which one holds; until then assume the narrower.",
                        tags=_TAGS,
                    )
        declared = {row.id for claim in claims for row in claim.licences(table)}
        for claim in prose:
            if declared and declared.isdisjoint(row.id for row in claim.licences(table)):
                yield self.failed(
                    f"the card's text says 'licensed under {claim.name}', its tag says {claims[0].shown}",
                    severity=Severity.LOW,
                    confidence=Confidence.LOW,
                    rule="prose-disagrees",
                    locations=(claim.place,),
                    tags=_TAGS,
                    remediation="Check whether the sentence is about the model, its code or its data.",
                )

    def _text(
        self, context: CheckContext, entry: FileEntry, claims: Sequence[Claim], table: LicenceTable
    ) -> Iterator[Finding]:
        try:
            text = read_text(context.snapshot, entry.path, _TEXT_LIMIT_BYTES)
        except ModelFileError as error:
            yield self.errored(str(error), subject=entry.path)
            return
        reading = table.read(text)
        kept = (context.evidence.put(text.encode(), "text/plain", f"licence text {entry.path}"),)
        known = [(claim, claim.licences(table)) for claim in claims]
        accused = [
            (claim, rows)
            for claim, rows in known
            if rows and contradicts(_choice(rows, claim, known), reading)
        ]
        for claim, rows in accused:
            yield self._contradiction(claim, rows, entry, reading, kept)
        if accused:
            return
        if not reading.licences:
            yield self._unrecognised(entry, reading)
        elif not claims:
            yield self.failed(
                f"{entry.path} holds {title_of(reading)}, but neither card nor header declares a licence",
                severity=Severity.LOW,
                rule="undeclared",
                locations=(place_of(entry, reading),),
                evidence=kept,
                remediation=_READ_IT,
                tags=_TAGS,
            )
        elif not any(rows or claim.is_open for claim, rows in known):
            yield self.not_run(
                f"{claims[0].place.path} declares {claims[0].shown}, which is not in the licence table; "
                f"{entry.path} holds {title_of(reading)}",
                subject=entry.path,
                rule="unknown-name",
            )
        else:
            yield self.passed(
                f"{claims[0].place.path} declares {claims[0].shown}, "
                f"{entry.path} holds {title_of(reading)}; {terms(reading)}",
                rule="terms",
                locations=(place_of(entry, reading),),
                evidence=kept,
            )

    def _contradiction(
        self,
        claim: Claim,
        rows: Sequence[Licence],
        entry: FileEntry,
        reading: LicenceReading,
        kept: tuple[EvidenceRef, ...],
    ) -> Finding:
        said = f" It says: {quotes(reading)}." if reading.additions else ""
        return self.failed(
            f"{claim.place.path} declares {claim.shown}, but {entry.path} holds {title_of(reading)}.{said}",
            severity=gravity(rows, reading),
            confidence=Confidence.HIGH if reading.is_exact or reading.additions else Confidence.MEDIUM,
            rule="text-contradicts",
            locations=(place_of(entry, reading), claim.place),
            evidence=kept,
            remediation=f"{_READ_IT} The text binds, not the tag.",
            tags=_TAGS,
        )

    def _unrecognised(self, entry: FileEntry, reading: LicenceReading) -> Finding:
        said = f"; it contains: {quotes(reading)}" if reading.additions else ""
        return self.not_run(
            f"the text of {entry.path} is not recognised as any known licence{said}; a person must read it",
            subject=entry.path,
            rule="unrecognised",
        )

    def _without_text(self, claims: Sequence[Claim]) -> Iterator[Finding]:
        if not claims:
            yield self.failed(
                "no licence is declared and no licence text is present: no right to use the model is evident",
                rule="nothing",
                remediation="Ask the publisher for the licence before using the model.",
                tags=_TAGS,
            )
            return
        for claim in claims:
            link = f" (it points to {claim.link}, which may change)" if claim.link else ""
            yield self.failed(
                f"{claim.place.path} declares the licence {claim.shown}, but no licence text is there{link}",
                severity=Severity.MEDIUM if claim.is_open else Severity.LOW,
                rule="other-without-text" if claim.is_open else "without-text",
                locations=(claim.place,),
                remediation="Keep a copy of the licence text with the model: the tag alone grants nothing.",
                tags=_TAGS,
            )

    def _over_base(
        self, card: ModelCard | None, claims: Sequence[Claim], table: LicenceTable
    ) -> Iterator[Finding]:
        rows = [row for claim in claims for row in claim.licences(table)]
        if card is None or not rows or not all(row.is_permissive for row in rows):
            return
        for base in declared_bases(card):
            usual = table.of_family(base)
            if usual is not None and usual.is_restrictive:
                grave = usual.commercial is Commercial.FORBIDDEN or bool(usual.territory)
                yield self.failed(
                    f"the card declares {claims[0].shown} over the base model {base}, whose family "
                    f"usually comes under the {usual.title} ({usual.why}); "
                    "a derivative cannot grant more than its base",
                    severity=Severity.HIGH if grave else Severity.MEDIUM,
                    confidence=Confidence.MEDIUM,
                    rule="base-terms",
                    subject=base,
                    locations=(Location(card.path, detail="key base_model"),),
                    remediation="Read the base model's own licence text and apply the narrower of the two.",
                    tags=_TAGS,
                )


def _choice(
    rows: Sequence[Licence], claim: Claim, known: Sequence[tuple[Claim, Sequence[Licence]]]
) -> Sequence[Licence]:
    """What a text may be for `claim` to hold: any licence of its list when all of them are permissive."""
    listed = [row for other, found in known if other.place == claim.place for row in found]
    return listed if all(row.is_permissive for row in listed) else rows


CHECK = LicenceContradiction()
