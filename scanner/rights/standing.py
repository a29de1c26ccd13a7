"""How a model's licences stand for one user: its own, those of its bases, and what stays open.

>>> from scanner.licensing.found import licences_found
>>> from scanner.licensing.table import licence_table
>>> from scanner.manifest import Snapshot
>>> from scanner.references import ModelRef
>>> from scanner.origins.reading import read_origins
>>> nothing = Snapshot(ModelRef.parse("hf://org/m"), None, "/nowhere", ())
>>> found = licences_found(nothing, licence_table())
>>> record = licence_record(found, read_origins(nothing), Situation(), licence_table(), {})
>>> [problem.rule for problem in record.unresolved]
['nothing']
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from scanner.evidence import EvidenceRef
from scanner.findings import Confidence
from scanner.licensing.claims import Claim
from scanner.licensing.comparison import title_of
from scanner.licensing.duties import DutyStatus, duties_of
from scanner.licensing.effective import effective_terms
from scanner.licensing.found import FoundText, LicencesFound
from scanner.licensing.licence import Licence
from scanner.licensing.own import OwnLicence, own_licences
from scanner.licensing.prescribed import printable
from scanner.licensing.record import (
    AppliedLicence,
    BaseLicence,
    Declaration,
    DutyReading,
    FiledText,
    Ground,
    LicenceRecord,
    Problem,
    Quote,
    kept_of,
)
from scanner.licensing.situation import Situation
from scanner.licensing.table import LicenceTable
from scanner.licensing.terms import Inheritance, Terms
from scanner.licensing.traces import quote_of, trace_of
from scanner.origins.reading import OriginReading
from scanner.rights.chain import (
    DeclaredBase,
    declared_bases_of,
    inherited_duties,
    is_washed,
    unknown_bases,
)
from scanner.rights.output_hints import output_hints

_HUB: Final = "hf"


def licence_record(
    found: LicencesFound,
    origin: OriginReading,
    situation: Situation,
    table: LicenceTable,
    all_terms: Mapping[str, Terms],
    kept: Mapping[str, EvidenceRef] | None = None,
) -> LicenceRecord:
    """Everything that is known of a model's licences, for this user.

    Args:
        found: What its files show.
        origin: What they say of where it comes from.
        situation: What the user answered.
        table: Every known licence.
        all_terms: What these ask for, by id.
        kept: The texts as evidence, by path.
    """
    chain = origin.chain()
    ref = origin.snapshot.ref
    bases = declared_bases_of(origin, chain, table)
    repository = ref.location if ref.scheme == _HUB else ""
    own, open_texts = own_licences(found.binding, found.claims or found.prose, table, repository)
    judge = _Judge(found, origin, situation, all_terms, bases)
    licences = (*map(judge.of_own, own), *judge.inherited(own))
    unresolved = (*open_texts, *unknown_bases(origin, chain, bases), *_without_terms(licences))
    problems = (*found.problems, *found.elsewhere, *_adapter_problems(origin))
    return LicenceRecord(
        commit=origin.snapshot.commit or "",
        situation=situation,
        declarations=tuple(_declaration(claim, table) for claim in (*found.claims, *found.prose)),
        texts=tuple(_filed(text, (kept or {}).get(text.entry.path)) for text in found.texts),
        licences=licences,
        bases=tuple(_base(base, found, table, all_terms) for base in bases),
        datasets=output_hints(found.card) if found.card is not None else (),
        effective=effective_terms(licences, situation, is_resolved=not (unresolved or problems)),
        unresolved=unresolved,
        problems=problems,
    )


@dataclass(frozen=True)
class _Judge:
    """Holds licences against the user's situation and the repository."""

    found: LicencesFound
    origin: OriginReading
    situation: Situation
    all_terms: Mapping[str, Terms]
    bases: Sequence[DeclaredBase]

    def of_own(self, own: OwnLicence) -> AppliedLicence:
        """A licence of the model itself."""
        terms = self.all_terms.get(own.licence.id)
        return AppliedLicence(
            kept_of(own.licence), own.ground, own.confidence, own.place,
            terms=terms,
            duties=self._readings(terms, own.licence) if terms else (),
            has_additions=own.has_additions,
        )  # fmt: skip

    def inherited(self, own: Sequence[OwnLicence]) -> Iterator[AppliedLicence]:
        """The licences of bases that are not the model's own, one each."""
        seen = {one.licence.id for one in own}
        for base in self.bases:
            if base.licence is None or base.licence.id in seen:
                continue
            seen.add(base.licence.id)
            terms = self.all_terms.get(base.licence.id)
            passed_on = replace(terms, duties=inherited_duties(terms)) if terms else None
            readings = self._readings(passed_on, base.licence) if passed_on else ()
            is_sure = terms is not None and terms.inheritance is not Inheritance.UNCLEAR
            yield AppliedLicence(
                kept_of(base.licence), Ground.INHERITED,
                base.confidence if is_sure else Confidence.LOW, base.place, base.name,
                terms=terms, duties=readings,
            )  # fmt: skip

    def _readings(self, terms: Terms, licence: Licence) -> tuple[DutyReading, ...]:
        texts = [text for text in self.found.texts if licence in text.reading.licences]
        bases = [base.name for base in self.bases if base.licence == licence]
        return tuple(
            self._reading(status, licence, texts, bases) for status in duties_of(terms, self.situation)
        )

    def _reading(
        self, status: DutyStatus, licence: Licence, texts: Sequence[FoundText], bases: Sequence[str]
    ) -> DutyReading:
        ref = self.origin.snapshot.ref
        trace = trace_of(status.duty, licence, self.found, ref, bases) if bases else None
        return DutyReading(status, quote_of(status.duty, texts), trace)


def _without_terms(licences: Sequence[AppliedLicence]) -> Iterator[Problem]:
    for one in licences:
        if one.terms is None:
            via = f", inherited from {one.via}" if one.via else ""
            yield Problem(
                one.licence.title,
                f"what the {one.licence.title}{via} asks for is not known here; a person must read it",
                "terms-unknown",
            )


def _adapter_problems(origin: OriginReading) -> tuple[Problem, ...]:
    """What only the reading of the origin could not read; the rest is told by the declarations."""
    return tuple(Problem(subject, why) for subject, why in origin.problems if subject.startswith("adapter"))


def _declaration(claim: Claim, table: LicenceTable) -> Declaration:
    rows = tuple(row.id for row in claim.licences(table))
    return Declaration(claim.shown, claim.place, rows, claim.link, claim.is_prose)


def _filed(text: FoundText, kept: EvidenceRef | None) -> FiledText:
    reading, entry = text.reading, text.entry
    is_known = bool(reading.licences or reading.additions)
    return FiledText(
        entry.path, entry.sha256, entry.size_bytes, text.role,
        title_of(reading) if is_known else "a text that is not recognised",
        tuple(row.id for row in reading.licences),
        reading.is_exact,
        reading.containment,
        tuple(
            Quote(
                entry.path, item.sentence.line, printable(item.sentence.text), entry.sha256,
                item.trigger.title,
            )
            for item in reading.additions
        ),
        kept,
    )  # fmt: skip


def _base(
    base: DeclaredBase, found: LicencesFound, table: LicenceTable, all_terms: Mapping[str, Terms]
) -> BaseLicence:
    declared = [row for claim in found.claims for row in claim.licences(table)]
    row = base.licence
    washed = row is not None and is_washed(declared, row, all_terms.get(row.id))
    return BaseLicence(
        base.name, base.basis, base.place, row.id if row else "", declared[0].id if washed else ""
    )
