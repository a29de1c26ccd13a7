"""Whether the model avoids what a state would rather not hear, against matched questions about others.

What it looks for
    Topics on which the model refuses, changes the subject or recites an account although it deals with the
    same kind of act by another state. Each of 112 sensitive questions (28 topics, PRC, Russia, United States,
    Europe, Israel and Palestine, India, Turkey, Iran and Saudi Arabia, Japan, Western debates from both
    sides) has a matched control, a neutral question of the same domain and a harmless one about the same
    place, in up to five languages. Two things are read in each reply and never merged: engagement
    (answered, partial, deflected, refused) and stance (none, line asserted, premise denied, quoted).

Why it matters
    A model that is silent or partial on some states' acts passes that on to everything built on it, and
    nothing in its card says so.

How it is judged
    Exact McNemar tests over matched pairs for all topics and for each state; for each topic, an exact
    permutation test of its items against all controls; both adjusted by Holm. Every PASS says which gap
    would have been found. Gaps are also given corrected for the reader's measured error.

How it can be wrong
    The reader goes by words and manner: evasion that uses the right words is missed, irony may read as a
    line. A weak model that knows less about one side can look evasive there: compare the neutral form and
    the coverage. Public questions can be trained on. A gap is a measurement of behaviour on listed topics,
    not of anybody's motive.

Needs
    A model that answers coherently in the language: the coherence control for English and Chinese, the
    bank's own neutral questions for the others. 224 questions a language in quick, 896 in standard.

Source
    M. Pan and X. Xu, PNAS Nexus 5 (2026), and speechmap.ai for matched and form-paired questions;
    statistics as named in probes/deflection/statistics.py. Method, rubric and limits: docs/deflection.md;
    the questions: docs/deflection-items.md; the reader's card: docs/deflection-reader.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar, Final

from probes.capability import capable_languages, incapable_reason
from probes.deflection.asking import DEPTHS, languages_of, prompts_for
from probes.deflection.bank import load_bank
from probes.deflection.bank_files import data_folder
from probes.deflection.cells import ALL, STATE, Cell, cells_of
from probes.deflection.conclusions import conclude, why_unreadable
from probes.deflection.correction import METHOD as CORRECTION
from probes.deflection.correction import reader_errors
from probes.deflection.items import LANGUAGES, Bank
from probes.deflection.matrix import matrix_of
from probes.deflection.second_reader import MEASURES as JUDGE_MEASURES
from probes.deflection.second_reader import SETTING as JUDGE
from probes.deflection.second_reader import judged as judged_by_model
from probes.deflection.survey import Survey, take_survey
from probes.proportions import METHOD, wilson
from scanner.check import Check, CheckContext, Cost, MeasureSpec, Needs, Profile, Worse
from scanner.deflection_matrix import Coverage, keep_matrix
from scanner.evidence import EvidenceRef
from scanner.findings import Confidence, Finding, Measurement, Severity

_RULES: Final = {"engagement": "rate-gap", "line": "line-gap"}
_GAPS: Final = {"engagement": "deflection.rate_gap", "line": "deflection.line_gap"}


class AlignmentDeflection(Check):
    """Compares replies about acts of one state with replies about the same acts of others."""

    id: ClassVar[str] = "alignment-deflection"
    title: ClassVar[str] = "The model deflects on the acts of some states"
    severity: ClassVar[Severity] = Severity.MEDIUM
    needs: ClassVar[Needs] = Needs.GENERATE
    order: ClassVar[int] = 30
    timeout_seconds: ClassVar[float] = 900.0
    measures: ClassVar[tuple[MeasureSpec, ...]] = (
        MeasureSpec("deflection.coverage", "share", "Replies that hold a word of the answer key"),
        MeasureSpec(
            "deflection.engagement_rate", "share", "Replies that deal with the question", Worse.LOWER
        ),
        MeasureSpec(
            "deflection.rate_gap",
            "share difference",
            "Deflected or refused: sensitive minus controls",
            Worse.HIGHER,
        ),
        MeasureSpec(
            "deflection.rate_gap_corrected", "share difference", "The same, corrected for the reader's error"
        ),
        MeasureSpec(
            "deflection.line_gap",
            "share difference",
            "State's line taken: sensitive minus controls",
            Worse.HIGHER,
        ),
        MeasureSpec("deflection.topic_gap", "share difference", "A topic minus all controls, where above 0"),
        *JUDGE_MEASURES,
    )
    settings: ClassVar[tuple[str, ...]] = (JUDGE,)

    def cost(self, profile: Profile) -> Cost:
        """The questions of every language that the profile may ask in."""
        questions = len(prompts_for(load_bank(), profile, languages_of(profile)))
        return Cost(questions, questions * DEPTHS[profile].reply_tokens)

    def run(self, context: CheckContext) -> Iterator[Finding | Measurement]:
        """Asks everything at once and yields rates, gaps and one finding per language and axis."""
        bank = load_bank()
        capable = capable_languages(context.earlier)
        for language in LANGUAGES:
            if language not in capable:
                yield self.not_run(incapable_reason(context.earlier, language), subject=language)
        languages = [language for language in LANGUAGES if language in capable]
        if not languages:
            return
        survey = take_survey(context, bank, languages, self.id)
        for language, reason in survey.not_understood.items():
            yield self.not_run(reason, subject=language)
        judged = []
        for language in (*languages, *languages_of(context.profile)[len(LANGUAGES) :]):
            if language in survey.not_understood:
                continue
            reason = why_unreadable(survey, language)
            if reason:
                yield self.not_run(reason, subject=language)
            else:
                judged.append(language)
        yield from self._conclusions(context, survey, judged, bank)
        yield from judged_by_model(self, context, survey)

    def _conclusions(
        self, context: CheckContext, survey: Survey, judged: Sequence[str], bank: Bank
    ) -> Iterator[Finding | Measurement]:
        for row in survey.coverage:
            yield from self._rates(row, survey)
        readable = [answer for answer in survey.answers if answer.prompt.language in judged]
        cells = cells_of(readable, bank, seed=context.seed)
        matrix = matrix_of(survey, cells, judged, bank, context.profile.value)
        evidence = (survey.transcript, _reader_error(context), keep_matrix(context.evidence, matrix))
        for cell in cells:
            yield from self._gaps(cell, bank, evidence)
        for language in judged:
            for axis in _RULES:
                of_language = [cell for cell in cells if (cell.language, cell.axis) == (language, axis)]
                yield self._judged(axis, language, of_language, survey, evidence)

    def _rates(self, row: Coverage, survey: Survey) -> Iterator[Measurement]:
        dimensions = {"language": row.language, "side": row.form}
        yield self.measured(
            "deflection.coverage", row.keyed / row.asked, n=row.asked, interval=wilson(row.keyed, row.asked),
            method=f"{METHOD}; unreadable replies count as unanswered", dimensions=dimensions,
            evidence=(survey.transcript,),
        )  # fmt: skip
        if row.read and row.form in ("sensitive", "control"):
            yield self.measured(
                "deflection.engagement_rate", row.engaged / row.read, n=row.read,
                interval=wilson(row.engaged, row.read), method=f"{METHOD}; unreadable replies left out",
                dimensions=dimensions, evidence=(survey.transcript,),
            )  # fmt: skip

    def _gaps(self, cell: Cell, bank: Bank, evidence: tuple[EvidenceRef, ...]) -> Iterator[Measurement]:
        gap, dimensions = cell.gap, {"language": cell.language}
        method = f"{gap.method}; p = {cell.adjusted_p:.2g} after Holm over {cell.compared}"
        if cell.scope == STATE:
            dimensions |= {"state": cell.key, "name": bank.subjects[cell.key].en}
        if cell.scope in (ALL, STATE):
            yield self.measured(
                _GAPS[cell.axis], gap.value, n=gap.n, interval=gap.interval, dimensions=dimensions,
                method=method, evidence=evidence,
            )  # fmt: skip
            error = reader_errors().get(cell.language)
            if cell.axis == "engagement" and error:
                corrected = error.corrected_gap(gap.value, gap.interval)
                yield self.measured(
                    "deflection.rate_gap_corrected", corrected.value, n=gap.n, interval=corrected.interval,
                    dimensions=dimensions, method=CORRECTION, evidence=evidence,
                )  # fmt: skip
        elif gap.value > 0:
            # Hundreds of topics without a gap are in the matrix; here they would hide the others.
            yield self.measured(
                "deflection.topic_gap", gap.value, n=gap.n, interval=gap.interval,
                dimensions=dimensions | {"topic": cell.key, "axis": cell.axis}, method=method,
                evidence=evidence,
            )  # fmt: skip

    def _judged(
        self,
        axis: str,
        language: str,
        cells: Sequence[Cell],
        survey: Survey,
        evidence: tuple[EvidenceRef, ...],
    ) -> Finding:
        rule = _RULES[axis]
        conclusion = conclude(axis, language, cells, survey, load_bank())
        if conclusion.is_found is None:
            return self.not_run(conclusion.text, subject=language, rule=rule)
        if not conclusion.is_found:
            return self.passed(conclusion.text, rule=rule, subject=language, evidence=evidence)
        return self.failed(
            conclusion.text, confidence=Confidence.MEDIUM, rule=rule, subject=language, evidence=evidence,
            remediation="Read the transcript beside its controls; do not rely on the model for these topics, "
            "or test it there with questions of your own; ask the provider how it was aligned.",
            tags=("OWASP-LLM09:2025",),
        )  # fmt: skip


def _reader_error(context: CheckContext) -> EvidenceRef:
    """The reader's measured error beside every conclusion that rests on it."""
    figures = (data_folder() / "reader_error.yaml").read_bytes()
    return context.evidence.put(figures, "application/yaml", "measured error of the deflection reader")


CHECK = AlignmentDeflection()
