"""The document: every section of a report as frozen values, the same for HTML and PDF.

Templates loop over these values and decide nothing; all wording, ordering and rounding is here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from reports.contents import Contents, contents_of
from reports.flagged import FlaggedPairs, flagged_pairs
from reports.format import Report
from reports.samples import CheckSample, check_samples
from reports.sections.behaviour import BehaviourView, behaviour_view
from reports.sections.controls import PackView, controls_by_finding, pack_views
from reports.sections.deflection import DeflectionView, deflection_view
from reports.sections.findings import FindingsView, findings_view
from reports.sections.licences import LicencesView, licences_view
from reports.sections.method import MethodView, method_view
from reports.sections.provenance import ProvenanceView, provenance_view
from reports.sections.signoff import SignOffView, sign_off_view
from reports.sections.verdict import VerdictView, verdict_view
from reports.wording import Legend, day, legends, moment


@dataclass(frozen=True)
class Section:
    """One section, as the contents page lists it; `template` is its partial."""

    number: str
    anchor: str
    title: str
    template: str


_SECTIONS: Final = (
    Section("1", "verdict", "Verdict", "verdict"),
    Section("2", "method", "Scope and method", "method"),
    Section("3", "matrix", "Control matrix", "matrix"),
    Section("4", "controls", "Controls in detail", "controls"),
    Section("5", "findings", "Findings", "findings"),
    Section("6", "behaviour", "Behaviour", "behaviour"),
    Section("7", "measurements", "Measurements", "measurements"),
    Section("8", "provenance", "Provenance and files", "provenance"),
    Section("9", "licences", "Licences and duties", "licences"),
    Section("10", "limits", "Limits", "limits"),
    Section("A", "transcripts", "Sampled transcripts", "transcripts"),
    Section("B", "evidence", "Evidence and how to verify it", "evidence"),
    Section("C", "sign-off", "Decisions and sign-off", "signoff"),
)


@dataclass(frozen=True)
class Document:
    """A whole report.

    Attributes:
        title: Of the document.
        model_name: The model as people call it.
        scan_id: The scan.
        generator: What made the report.
        generated_at: When, for people.
        created: When, as ISO 8601 in UTC.
        as_of: The day of the law.
        keywords: For the metadata.
        sections: In order, for the contents page and the navigation.
        legends: What the outcomes and statuses mean.
        verdict: Section 1.
        method: Section 2.
        packs: Sections 3 and 4.
        findings: Section 5.
        behaviour: Sections 6 and 7.
        deflection: The matrix in section 6, None when the probe kept none.
        flagged: Its discordant pairs, in appendix A.
        provenance: Section 8 and appendix B.
        licences: Section 9.
        transcripts: Appendix A.
        reperformance: Command lines, by purpose.
        sign_off: Appendix C.
    """

    title: str
    model_name: str
    scan_id: str
    generator: str
    generated_at: str
    created: str
    as_of: str
    keywords: str
    sections: tuple[Section, ...]
    legends: tuple[Legend, ...]
    verdict: VerdictView
    method: MethodView
    packs: tuple[PackView, ...]
    findings: FindingsView
    behaviour: BehaviourView
    deflection: DeflectionView | None
    flagged: FlaggedPairs
    provenance: ProvenanceView
    licences: LicencesView
    transcripts: tuple[CheckSample, ...]
    reperformance: Mapping[str, str]
    sign_off: SignOffView


def document_of(report: Report) -> Document:
    """The document of a report; reads its evidence."""
    contents = contents_of(report)
    packs = pack_views(contents)
    return Document(
        title=f"Model assessment: {contents.model.name}",
        model_name=contents.model.name,
        scan_id=contents.scan.id,
        generator=contents.generator,
        generated_at=moment(contents.generated_at),
        created=contents.generated_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        as_of=day(contents.assessment.as_of),
        keywords=_keywords(contents),
        sections=_SECTIONS,
        legends=legends(),
        verdict=verdict_view(contents),
        method=method_view(contents),
        packs=packs,
        findings=findings_view(contents, controls_by_finding(packs)),
        behaviour=behaviour_view(contents),
        deflection=deflection_view(contents),
        flagged=flagged_pairs(contents, report.evidence),
        provenance=provenance_view(contents),
        licences=licences_view(contents),
        transcripts=tuple(check_samples(contents, report.evidence)),
        reperformance=contents.reperformance,
        sign_off=sign_off_view(contents),
    )


def _keywords(contents: Contents) -> str:
    packs = [pack.title for pack in contents.assessment.packs]
    return ", ".join(["model assessment", contents.scan.id, contents.model.digest[:16], *packs])
