"""licence-duties: tells what a model's licences ask of this user, and whether they give the rights at all.

What it looks for: every duty of the licence whose text lies in the repository (or is declared, where no text
is there), and of the licences of the base models that card, adapter, GGUF header and configuration name, held
against the answers of the policy file's section `licence`: uses, users, revenue and territories for which
there are no rights, or none until the licensor agrees; words to show and where; notices, copies, names. Of a
model made from another it looks whether the repository keeps what the base's licence asks of its publisher:
a copy of it, its notice, its words, the beginning of the name. Data sets whose names hint at other models'
outputs are named, to be asked about.

Why it matters: the same weights are free to one user and barred to another. Whoever overlooks a threshold, a
territory or a display duty has no licence, and a derivative grants no more than its bases do.

How it can be wrong: the terms are told in our own words, each with its place in the text; the text decides.
Which licence a base comes under is known from its family, not from its files (confidence at most medium), and
bases that nobody declares are not seen. Users are counted as the answers have them, while licences count
them on days of their own. Prescribed words are looked for as words: they may stand where nobody sees them
(false negative) or in an image (false positive). A licence that is not recognised, holds further terms, or
waits for an answer is NOT_RUN: never free.

What it needs: the model's files, and the answers; no network. Facts: scanner/data/licences.yaml,
licence_terms/, output_terms.csv.

Source: the licence texts that the rows of licence_terms/ name; Commission GPAI Guidelines C(2025) 7719,
sections 3.1.2 and 4.2; arXiv 2509.09873 (what derivatives drop); OWASP LLM03:2025.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from scanner.check import Check, CheckContext, MeasureSpec, Worse
from scanner.evidence import EvidenceRef
from scanner.findings import Confidence, Finding, Interval, Location, Measurement, Severity
from scanner.licensing.duties import NEEDS_LICENSOR, DutyState
from scanner.licensing.duty_words import (
    counted_states,
    duty_in_words,
    effective_in_words,
    missing_traces,
    origin_in_words,
    waiting_in_words,
)
from scanner.licensing.found import licences_found
from scanner.licensing.record import LICENCES_MEDIA_TYPE, AppliedLicence, DutyReading, LicenceRecord, written
from scanner.licensing.situation import SETTINGS, Situation
from scanner.licensing.table import licence_table
from scanner.licensing.terms import Distillation, licence_terms
from scanner.origins.reading import read_origins
from scanner.rights.standing import licence_record

_TAGS: Final = ("OWASP-LLM03:2025",)
_TEXT_DECIDES: Final = "The text in this commit decides; have it read where it matters."
_EXACT: Final = "counted over the duties of every licence that was recognised"


class LicenceDuties(Check):
    """Holds every duty of a model's licences against the user's situation."""

    id = "licence-duties"
    title = "A licence of the model asks more than you said you do, or gives you no rights"
    severity = Severity.HIGH
    settings = SETTINGS
    measures = (
        MeasureSpec(
            "licence.territory_excluded", "territories", "Your territories where a licence gives no rights",
            Worse.HIGHER,
        ),
        MeasureSpec("licence.duties_open", "duties", "Duties of licences for you to do", Worse.HIGHER),
        MeasureSpec("licence.duties_not_met", "duties", "Duties of licences you cannot meet", Worse.HIGHER),
    )  # fmt: skip

    def run(self, context: CheckContext) -> Iterator[Finding | Measurement]:
        """Yields what could not be read, the measurements, then every duty that stops or binds the user."""
        situation = Situation.of(context.settings)
        found = licences_found(context.snapshot, licence_table(), context.check_deadline)
        texts = {
            text.entry.path: context.evidence.put(
                text.text.encode(), "text/plain", f"licence text {text.entry.path}"
            )
            for text in found.texts
        }
        origin = read_origins(context.snapshot, context.check_deadline)
        record = licence_record(found, origin, situation, licence_table(), licence_terms(), texts)
        kept = (context.evidence.put(written(record), LICENCES_MEDIA_TYPE, "licences, duties and terms"),)
        for problem in record.problems:
            yield replace(self.errored(problem.reason, subject=problem.subject), evidence=kept)
        yield from self._measured(record, kept)
        for one in record.licences:
            for reading in one.duties:
                yield from self._duty(one, reading, kept)
            yield from self._questions(one, situation, kept)
            yield from self._missing(one, kept)
        for problem in record.unresolved:
            unjudged = self.not_run(problem.reason, subject=problem.subject, rule=problem.rule)
            yield replace(unjudged, evidence=kept)
        yield from self._datasets(record, kept)
        yield from self._rights(record, kept)

    def _measured(self, record: LicenceRecord, kept: tuple[EvidenceRef, ...]) -> Iterator[Measurement]:
        excluded = record.effective.excluded_for_user
        if excluded is not None and record.situation.territory:
            yield self._count(
                "licence.territory_excluded", len(excluded), len(record.situation.territory), kept
            )
        states = counted_states(record.licences)
        if total := sum(states.values()):
            yield self._count("licence.duties_open", states[DutyState.TO_DO], total, kept)
            yield self._count("licence.duties_not_met", states[DutyState.NOT_MET], total, kept)

    def _count(self, name: str, value: int, n: int, kept: tuple[EvidenceRef, ...]) -> Measurement:
        return self.measured(name, value, n=n, interval=Interval(value, value), method=_EXACT, evidence=kept)

    def _duty(
        self, one: AppliedLicence, reading: DutyReading, kept: tuple[EvidenceRef, ...]
    ) -> Iterator[Finding]:
        status = reading.status
        whose = f"the {one.licence.title}{origin_in_words(one)}"
        what = duty_in_words(reading)
        if status.state is DutyState.NOT_MET:
            said, severity, rule = f"{whose} gives no right to what you do: {what}", Severity.HIGH, "no-right"
        elif status.state is not DutyState.TO_DO:
            return
        elif status.duty.kind in NEEDS_LICENSOR:
            said, severity, rule = (
                f"{whose} gives no rights until then: {what}",
                Severity.MEDIUM,
                "ask",
            )
        else:
            said, severity, rule = f"for you to do under {whose}: {what}", Severity.INFO, "to-do"
        yield self.failed(
            said,
            severity=severity,
            confidence=one.confidence,
            rule=rule,
            subject=_subject(one, status.duty.id),
            locations=_places(one, reading),
            evidence=kept,
            remediation=_remediation(severity),
            tags=_TAGS,
        )

    def _questions(
        self, one: AppliedLicence, situation: Situation, kept: tuple[EvidenceRef, ...]
    ) -> Iterator[Finding]:
        waiting = [reading.status for reading in one.duties if reading.status.state is DutyState.UNKNOWN]
        if waiting:
            ids = ", ".join(each.duty.id for each in waiting)
            count = "1 duty" if len(waiting) == 1 else f"{len(waiting)} duties"
            unjudged = self.not_run(
                f"{count} under the {one.licence.title}{origin_in_words(one)} ({ids}): "
                f"{waiting_in_words(waiting, situation)}",
                subject=_subject(one),
                rule="questions",
            )
            yield replace(unjudged, evidence=kept)

    def _missing(self, one: AppliedLicence, kept: tuple[EvidenceRef, ...]) -> Iterator[Finding]:
        """What the publisher of a derivative owed under the licence of its base, and did not do."""
        if lacking := missing_traces(one):
            yield self.failed(
                f"made from a model under the {one.licence.title}, this repository lacks what that licence "
                f"asks of whoever passes a derivative on: {'; '.join(lacking)}",
                severity=Severity.LOW if one.licence.is_permissive else Severity.MEDIUM,
                confidence=Confidence.MEDIUM,
                rule="notices-missing",
                subject=_subject(one),
                locations=(one.place,) if one.place is not None else (),
                evidence=kept,
                remediation="Ask the publisher to add it; when you pass the model on, add it yourself.",
                tags=_TAGS,
            )

    def _datasets(self, record: LicenceRecord, kept: tuple[EvidenceRef, ...]) -> Iterator[Finding]:
        for hint in record.datasets:
            if hint.distillation is not Distillation.FREE:
                yield self.failed(
                    f"ask the publisher: the name of the data set {hint.name} hints at outputs of "
                    f"{hint.family}; {hint.terms}: training on outputs is {_DISTILLED[hint.distillation]}",
                    severity=Severity.INFO,
                    confidence=Confidence.LOW,
                    rule="outputs",
                    subject=hint.name,
                    locations=(hint.place,),
                    evidence=kept,
                    remediation="Ask which model's outputs it holds, and on what terms they were made.",
                    tags=_TAGS,
                )

    def _rights(self, record: LicenceRecord, kept: tuple[EvidenceRef, ...]) -> Iterator[Finding]:
        """That nothing stops the user; said only where everything was judged."""
        readings = [reading.status for one in record.licences for reading in one.duties]
        is_open = any(each.state is DutyState.UNKNOWN for each in readings)
        is_barred = any(
            each.state is DutyState.NOT_MET
            or (each.state is DutyState.TO_DO and each.duty.kind in NEEDS_LICENSOR)
            for each in readings
        )
        if not (is_open or is_barred or record.unresolved or record.problems):
            names = ", ".join(f"the {one.licence.title}{origin_in_words(one)}" for one in record.licences)
            yield self.passed(
                f"by your answers nothing in {names} bars you; {effective_in_words(record.effective)}",
                rule="rights",
                evidence=kept,
            )


_DISTILLED: Final = {
    Distillation.FREE: "free",
    Distillation.NAMING: "allowed under a naming duty",
    Distillation.DERIVATIVE: "counted as making a derived model",
    Distillation.FORBIDDEN: "restricted, as far as known",
    Distillation.UNCLEAR: "to be looked up",
}


def _subject(one: AppliedLicence, duty: str = "") -> str:
    return " ".join(part for part in (one.licence.id, duty, one.via) if part)


def _places(one: AppliedLicence, reading: DutyReading) -> tuple[Location, ...]:
    if reading.quote is not None:
        return (Location(reading.quote.path, reading.quote.line),)
    return (one.place,) if one.place is not None else ()


def _remediation(severity: Severity) -> str:
    match severity:
        case Severity.HIGH:
            return f"Do not use the model so, or agree with the licensor in writing. {_TEXT_DECIDES}"
        case Severity.MEDIUM:
            return f"Ask the licensor before use, and keep the answer. {_TEXT_DECIDES}"
        case _:
            return f"Do it, and keep a record. {_TEXT_DECIDES}"


CHECK = LicenceDuties()
