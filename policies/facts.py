"""What a scan and an organisation say, as values of the facts that rules refer to.

A check that could judge only a part of what it looked at is read twice: once as if the rest had passed,
once as if the rest had failed critically. A clause holds only when it holds in both readings, and is
unknown when they differ; so an error never makes a model look better than it was shown to be.

The same goes for a check that questions a model which was not shown to answer sensibly: its failures
stand, its passes prove nothing. A check that was not run at all has no facts: every clause that needs
them is unknown.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from policies.organisation import Answer, Question
from policies.rules import Clause, Rule, Truth, all_of, evaluate, identifier
from policies.scope import COHERENCE_CHECK, NOTHING_TO_EXAMINE, Scope
from scanner.check import CheckRecord
from scanner.findings import Finding, Measurement, Outcome, Severity
from scanner.licensing.effective import EXCLUDES_EU, FREE_AND_OPEN
from scanner.scan import Scan

# Stands for "any number": above every count that a rule may compare with.
_MANY: Final = 1_000_000
# Questions that a scan can answer where nobody did: by which measurement, and which values (1 yes, 0 no).
# That a licence is free and open-source is for a person to find; that it is not can be measured.
_MEASURED_ANSWERS: Final = (
    ("upstream_excludes_eu", EXCLUDES_EU, (1.0, 0.0)),
    ("licence_is_free_and_open", FREE_AND_OPEN, (0.0,)),
)
_WORST: Final = max(severity.rank for severity in Severity)
Value = bool | int | float | str | datetime.datetime | list[str]


@dataclass(frozen=True)
class Facts:
    """Two readings of the same scan, and why anything is missing from both.

    Attributes:
        bright: As if everything unjudged had passed.
        dark: As if everything unjudged had failed critically.
        gaps: For a check id, measurement name or question: why nothing is known, a sentence fragment.
    """

    bright: Mapping[str, Value]
    dark: Mapping[str, Value]
    gaps: Mapping[str, str]

    def truth(self, clause: Clause) -> Truth:
        """What a clause comes to in both readings; UNKNOWN when they differ."""
        bright = evaluate(clause, self.bright)
        if not any(self._is_open(name) for name in clause.names):
            return bright
        return bright if bright is evaluate(clause, self.dark) else Truth.UNKNOWN

    def holds(self, rule: Rule) -> Truth:
        """What all clauses of a rule come to together."""
        return all_of(self.truth(clause) for clause in rule.clauses)

    def why_unknown(self, rule: Rule) -> str:
        """Why the rule is open: each fact that is missing, in words."""
        undecided = [clause for clause in rule.clauses if self.truth(clause) is Truth.UNKNOWN]
        names = (name for clause in undecided for name in clause.names if self._is_open(name))
        gaps = dict.fromkeys(self._gap(_subject(name)) for name in names)
        if gaps:
            return "; ".join(gaps)
        says = ", ".join(f"'{clause.says}'" for clause in undecided)
        return f"the rule could not be evaluated ({says})" if says else "there is no rule to decide it by"

    def _is_open(self, name: str) -> bool:
        return name not in self.bright or self.bright[name] != self.dark.get(name)

    def _gap(self, subject: str) -> str:
        if subject in self.gaps:
            return self.gaps[subject]
        family, _, name = subject.partition(".")
        if family == "check":
            return f"the check {name.replace('_', '-')} is not part of this scan"
        return f"this scan holds no measurement {name.replace('_', '.', 1)}"


def gather(
    scan: Scan,
    answers: Mapping[str, Answer],
    scope: Scope,
    *,
    questioning: Collection[str],
    questions: Mapping[str, Question],
    as_of: datetime.date,
) -> Facts:
    """The facts of one scan.

    Args:
        scan: What was found.
        answers: What the organisation answered.
        scope: The languages that count.
        questioning: Ids of the checks that question the model.
        questions: Every question, for the words in which a missing answer is asked for.
        as_of: The day of judgement.
    """
    bright: dict[str, Value] = _about_the_scan(scan, as_of)
    bright |= {f"org.{key}": _as_value(answer) for key, answer in answers.items()}
    dark = dict(bright)
    gaps = {
        f"org.{key}": f"'{key}' is not answered ({question.question})"
        for key, question in questions.items()
        if key not in answers
    }
    incapable = _incapability(scan, scope)
    for record in scan.records:
        is_questioning = record.check_id in questioning and record.check_id != COHERENCE_CHECK
        reading = _Reading.of(record, scope, incapable if is_questioning else "")
        bright |= reading.facts(is_bright=True)
        dark |= reading.facts(is_bright=False)
        gaps |= reading.gaps()
    _answer_from_measurements(bright, dark)
    return Facts(bright, dark, gaps)


def _answer_from_measurements(bright: dict[str, Value], dark: dict[str, Value]) -> None:
    """Answers what nobody answered and the scan measured beyond doubt; what people answered stays."""
    for question, measure, answers in _MEASURED_ANSWERS:
        seen = {
            reading.get(f"measure.{identifier(measure)}.{end}")
            for reading in (bright, dark)
            for end in ("low", "high")
        }
        measured = seen.pop() if len(seen) == 1 else None
        if f"org.{question}" not in bright and measured in answers:
            bright[f"org.{question}"] = dark[f"org.{question}"] = bool(measured)


def _incapability(scan: Scan, scope: Scope) -> str:
    names = Scope(scope.unproven(scan)).in_words
    return f"the model was not shown to be capable of answering in {names}" if names else ""


def _subject(name: str) -> str:
    """What a fact is about: "check.x" of "check.x.failed", "org.role" of itself."""
    return name.rpartition(".")[0] if name.count(".") > 1 else name


def _about_the_scan(scan: Scan, as_of: datetime.date) -> dict[str, Value]:
    return {
        "scan.as_of": _as_value(as_of),
        "scan.profile": scan.request.profile.value,
        "scan.was_questioned": scan.engine is not None,
        "scan.has_commit": scan.snapshot.commit is not None,
    }


def _as_value(answer: Answer) -> Value:
    if isinstance(answer, datetime.date):
        return datetime.datetime.combine(answer, datetime.time(), datetime.UTC)
    return list(answer) if isinstance(answer, tuple) else answer


@dataclass(frozen=True)
class _Reading:
    """What one check said within the scope."""

    record: CheckRecord
    failed: tuple[Finding, ...]
    passed: int
    unjudged: tuple[Finding, ...]
    found_nothing_to_examine: bool
    incapable: str
    measurements: Mapping[str, Sequence[Measurement]]

    @classmethod
    def of(cls, record: CheckRecord, scope: Scope, incapable: str) -> _Reading:
        counted = list(scope.counted(record))
        by_name: dict[str, list[Measurement]] = {}
        for one in filter(scope.counts, record.measurements):
            by_name.setdefault(one.name, []).append(one)
        return cls(
            record,
            failed=tuple(finding for finding in counted if finding.outcome is Outcome.FAIL),
            passed=sum(finding.outcome is Outcome.PASS for finding in counted),
            unjudged=tuple(scope.unjudged(record)),
            found_nothing_to_examine=any(finding.rule == NOTHING_TO_EXAMINE for finding in counted),
            incapable=incapable,
            measurements=by_name,
        )

    @property
    def is_whole(self) -> bool:
        """Whether everything the check looked at was judged, of a model that can be judged."""
        return not self.unjudged and not self.incapable

    def facts(self, *, is_bright: bool) -> dict[str, Value]:
        found: dict[str, Value] = {}
        if self.failed or self.passed or (self.is_whole and self.found_nothing_to_examine):
            prefix = f"check.{identifier(self.record.check_id)}."
            found = {prefix + key: value for key, value in self._counts(is_bright).items()}
            if is_bright or self.is_whole:
                # What was not judged may have failed under any rule, so the dark reading has no list then.
                found[f"{prefix}failed_rules"] = sorted(
                    {finding.rule for finding in self.failed if finding.severity is not Severity.INFO}
                )
        for name, measurements in self.measurements.items():
            values = _envelope(measurements, is_whole=self.is_whole, is_bright=is_bright)
            found |= {f"measure.{identifier(name)}.{key}": value for key, value in values.items()}
        return found

    def gaps(self) -> dict[str, str]:
        reasons = [finding.reason for finding in self.unjudged] + [self.incapable] * bool(self.incapable)
        why = f"{self.record.check_id}: {reasons[0] if reasons else 'no conclusion within the scope'}"
        subjects = [f"measure.{identifier(name)}" for name in self.measurements]
        return dict.fromkeys([f"check.{identifier(self.record.check_id)}", *subjects], why)

    def _counts(self, is_bright: bool) -> dict[str, int]:
        failed, passed = len(self.failed), self.passed
        worst = max((finding.severity.rank for finding in self.failed), default=-1)
        if is_bright:
            passed += len(self.unjudged)
        elif not self.is_whole:
            # Only the unjudged may have failed; of a model that cannot answer, no pass proves anything.
            failed, passed, worst = failed + _MANY, 0 if self.incapable else passed, _WORST
        return {"failed": failed, "passed": passed, "judged": len(self.failed) + passed, "worst": worst}


def _envelope(measurements: Sequence[Measurement], *, is_whole: bool, is_bright: bool) -> dict[str, Value]:
    if not is_whole and not is_bright:
        return {"low": -math.inf, "high": math.inf, "n": 0}
    values: dict[str, Value] = {
        "low": min(one.interval.low for one in measurements),
        "high": max(one.interval.high for one in measurements),
        "n": min(one.n for one in measurements),
    }
    if len(measurements) == 1 and is_whole:
        values["value"] = measurements[0].value
    return values
