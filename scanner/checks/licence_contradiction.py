"""licence-contradiction: holds the licence a model declares against the licence texts that lie beside it.

What it looks for: the tag of the card, the GGUF header and config.json against LICENSE, LICENSE-MODEL,
COPYING and the like; declarations that contradict each other; a text that is a free licence plus a
clause ("not above 20 million dollars"); a declaration without any text, a text without declaration, or
neither; a permissive tag over a base model whose family comes under narrower terms.

Why it matters: the tag is what people filter by, the text is what binds them. A term that was overlooked
(non-commercial use, a territory, a user threshold) can leave the adopter without any right to the model,
and decides whether the free and open-source relief of Art. 53(2) AI Act can be claimed upstream.

How it can be wrong: texts are recognised by runs of four words; a free licence that lacks words, or holds
sentences which are not among the harmless ones, is "altered", which is never a pass, and may yet be
harmless; a licence that the table does not hold is "not recognised",
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

from scanner.check import Check, CheckContext, MeasureSpec, Worse
from scanner.evidence import EvidenceRef
from scanner.findings import Confidence, Finding, Interval, Measurement, Severity
from scanner.licensing.chain import declared_bases_of, is_grave, is_washed
from scanner.licensing.claims import Claim
from scanner.licensing.comparison import (
    alterations,
    contradicts,
    differ,
    gravity,
    place_of,
    quotes,
    terms,
    title_of,
)
from scanner.licensing.effective import EXCLUDES_EU, FREE_AND_OPEN, excludes_eu, is_free_and_open
from scanner.licensing.found import FoundText, licences_found
from scanner.licensing.record import LicenceRecord
from scanner.licensing.situation import Situation
from scanner.licensing.standing import licence_record
from scanner.licensing.table import Licence, LicenceReading, LicenceTable, Standing, licence_table
from scanner.licensing.terms import licence_terms
from scanner.manifest import FileEntry
from scanner.origins.reading import OriginReading, read_origins

_TAGS: Final = ("OWASP-LLM03:2025",)
_READ_IT: Final = "Read the licence text in this commit and record which terms you accept."


class LicenceContradiction(Check):
    """Compares declared licences with licence texts."""

    id = "licence-contradiction"
    title = "What the model declares as its licence and the licence text contradict each other"
    severity = Severity.MEDIUM
    measures = (
        MeasureSpec(
            FREE_AND_OPEN, "yes or no", "The AI Act's free and open-source criteria are met", Worse.LOWER
        ),
        MeasureSpec(EXCLUDES_EU, "yes or no", "A licence gives no rights in the EU", Worse.HIGHER),
    )

    def run(self, context: CheckContext) -> Iterator[Finding | Measurement]:
        """Yields what disagrees, then what each governing text says, then what all of it comes to."""
        table = licence_table()
        found = licences_found(context.snapshot, table, context.check_deadline)
        for problem in found.problems:
            yield self.errored(problem.reason, subject=problem.subject)
        yield from self._disagreements(found.claims, found.prose, table)
        governing = {entry.path for entry in found.governing}
        for text in found.texts:
            if text.entry.path in governing:
                yield from self._text(context, text, found.claims, table)
        if not found.governing:
            yield from self._without_text(found.claims)
        origin = read_origins(context.snapshot, context.check_deadline)
        yield from self._over_base(origin, found.claims, table)
        yield from self._together(licence_record(found, origin, Situation(), table, licence_terms()))

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
        self, context: CheckContext, text: FoundText, claims: Sequence[Claim], table: LicenceTable
    ) -> Iterator[Finding]:
        entry, reading = text.entry, text.reading
        kept = (context.evidence.put(text.text.encode(), "text/plain", f"licence text {entry.path}"),)
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
        elif reading.standing is Standing.ALTERED and reading.licences[0].is_permissive:
            yield self.not_run(
                f"{entry.path} holds {title_of(reading)}: {alterations(reading)}; a person must read it",
                subject=entry.path,
                rule="altered",
            )
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

    def _together(self, record: LicenceRecord) -> Iterator[Measurement]:
        """What decides on roles under the AI Act, as 1 for yes and 0 for no; what is open is not measured."""
        is_resolved = not (record.unresolved or record.problems)
        answers = {
            FREE_AND_OPEN: is_free_and_open(record.effective),
            EXCLUDES_EU: excludes_eu(record.effective, is_resolved=is_resolved),
        }
        for name, answer in answers.items():
            if answer is not None:
                yield self.measured(
                    name, float(answer), n=max(len(record.licences), 1),
                    interval=Interval(float(answer), float(answer)),
                    method="read from the table of licences, over every licence of the chain; no ruling",
                )  # fmt: skip

    def _over_base(
        self, origin: OriginReading, claims: Sequence[Claim], table: LicenceTable
    ) -> Iterator[Finding]:
        """Licence washing; what could not be read of the bases is told by the check publisher-unknown."""
        rows = [row for claim in claims for row in claim.licences(table)]
        for base in declared_bases_of(origin, origin.chain(), table):
            usual = base.licence
            asks = licence_terms().get(usual.id) if usual is not None else None
            if usual is not None and is_washed(rows, usual, asks):
                yield self.failed(
                    f"{claims[0].place.path} declares {claims[0].shown} over the base model {base.name}, "
                    f"whose family usually comes under the {usual.title} ({usual.why}); "
                    "a derivative cannot grant more than its base",
                    severity=Severity.HIGH if is_grave(usual, asks) else Severity.MEDIUM,
                    confidence=base.confidence,
                    rule="base-terms",
                    subject=base.name,
                    locations=(base.place,) if base.place is not None else (),
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
