"""A pack as its file writes it, and how its controls become ones that can be judged."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from policies.assessment import LegalSource
from policies.controls import Control, DutyHolder, Effective, EvidenceKind
from policies.documents import Document, near
from policies.frameworks import Framework
from policies.rules import Clause, Rule, RuleError, RuleLanguage
from scanner.check import Check
from scanner.errors import ScanError


class PackError(ScanError):
    """A pack is unknown, or says something that cannot be judged."""


@dataclass(frozen=True)
class _ClauseText:
    rule: str
    says: str


@dataclass(frozen=True)
class _RuleText:
    all: tuple[_ClauseText, ...]
    note: str = ""


@dataclass(frozen=True)
class _EffectiveText:
    since: datetime.date
    when: _RuleText | None = None


@dataclass(frozen=True)
class ControlText:
    """A control as its file writes it, rules not yet compiled."""

    id: str
    label: str
    title: str
    requirement: str
    duty_holder: str
    relevance: str
    severity_if_failed: str
    effective: tuple[_EffectiveText, ...]
    evidence: EvidenceKind
    limits: str
    maps: dict[str, tuple[str, ...]]
    sources: tuple[LegalSource, ...]
    spec: str = "required"
    applies_if: _RuleText | None = None
    exempt_if: _RuleText | None = None
    checks: tuple[str, ...] = ()
    measurements: tuple[str, ...] = ()
    supported_if: _RuleText | None = None
    partial_if: _RuleText | None = None
    attestation: str = ""
    reliance: str = ""


@dataclass(frozen=True)
class _HolderText:
    name: str
    you_if: _RuleText
    also_if: tuple[_ClauseText, ...] = ()


@dataclass(frozen=True)
class _Review:
    by: str | None
    when: datetime.date | None
    next: datetime.date


@dataclass(frozen=True)
class PackText:
    """The head of a pack as its file writes it."""

    id: str
    title: str
    version: str
    status: str
    cite: str
    sources: tuple[LegalSource, ...]
    reviewed: _Review
    duty_holders: dict[str, _HolderText] = field(default_factory=dict)


@dataclass(frozen=True)
class ControlCompiler:
    """Turns one control of a file into one that can be judged; every error says where.

    Attributes:
        document: The file, for errors.
        language: What rules may refer to.
        checks: Every check there is, by id.
        frameworks: What controls may be mapped to, by id.
        text: The control as the file writes it.
    """

    document: Document
    language: RuleLanguage
    checks: Mapping[str, Check]
    frameworks: Mapping[str, Framework]
    text: ControlText

    def control(self) -> Control:
        """The control, its rules compiled.

        Raises:
            PackError: when a rule, a check, a measurement or an id that it is mapped to does not exist, or
                nothing decides it.
        """
        text = self.text
        measures = [spec.name for check in self.checks.values() for spec in check.measures]
        self._require("checks", "check", text.checks, list(self.checks))
        self._require("measurements", "measurement", text.measurements, measures)
        self._require("maps", "framework", list(text.maps), list(self.frameworks))
        for name, ids in text.maps.items():
            self._require(f"maps.{name}", "id", ids, list(self.frameworks[name].ids))
        control = Control(
            text.id, text.label, text.title, text.requirement, text.duty_holder, text.relevance,
            text.severity_if_failed, text.evidence, tuple(self._effective()), text.limits, text.sources,
            is_addressable=text.spec == "addressable",
            applies_if=self._rule("applies_if", text.applies_if) if text.applies_if else None,
            exempt_if=self._rule("exempt_if", text.exempt_if) if text.exempt_if else None,
            exemption=text.exempt_if.note if text.exempt_if else "",
            checks=text.checks,
            measurements=text.measurements,
            supported_if=self._rule("supported_if", text.supported_if),
            partial_if=self._rule("partial_if", text.partial_if),
            attestation=text.attestation,
            maps=text.maps,
            reliance=text.reliance,
        )  # fmt: skip
        self._require_evidence(control)
        return control

    def _effective(self) -> Iterator[Effective]:
        for number, entry in enumerate(self.text.effective):
            key = f"effective[{number}].when"
            yield Effective(entry.since, self._rule(key, entry.when) if entry.when else None)

    def _rule(self, key: str, text: _RuleText | None) -> Rule:
        return Rule(tuple(self._clause(key, clause) for clause in text.all)) if text else Rule()

    def _clause(self, key: str, text: _ClauseText) -> Clause:
        return _compiled(text, self.language, f"{self.document.where}, control {self.text.id}, key {key}")

    def _require(self, key: str, kind: str, names: Sequence[str], known: Sequence[str]) -> None:
        for name in names:
            if name not in known:
                raise self._error(f"key {key}: unknown {kind} '{name}'{near(name, known)}")

    def _require_evidence(self, control: Control) -> None:
        """A status that rests on something must say on what; one that a person gives must be asked for."""
        has_rule = bool(control.supported_if.clauses or control.partial_if.clauses)
        if has_rule is (control.evidence is EvidenceKind.ATTESTATION):
            wanted = "no supported_if and no partial_if" if has_rule else "supported_if or partial_if"
            raise self._error(f"key evidence: got {control.evidence.value}, expected {wanted} beside it")
        if bool(control.attestation) is (control.evidence is EvidenceKind.AUTOMATIC):
            wanted = "no attestation" if control.attestation else "an attestation"
            raise self._error(f"key evidence: got {control.evidence.value}, expected {wanted} beside it")
        for key, rule in (("supported_if", control.supported_if), ("partial_if", control.partial_if)):
            for name in rule.names:
                self._require_listed(key, name)

    def _require_listed(self, key: str, name: str) -> None:
        """An auditor walks from a control to its findings by these lists, so they must be whole."""
        family, _, rest = name.partition(".")
        listed, known = {
            "check": (self.text.checks, self.language.checks),
            "measure": (self.text.measurements, self.language.measures),
        }.get(family, ((), {}))
        subject = known.get(rest.rpartition(".")[0])
        if subject is not None and subject not in listed:
            lists = "checks" if family == "check" else "measurements"
            raise self._error(f"key {lists}: '{subject}', which {key} refers to, is not listed")

    def _error(self, what: str, hint: str = "") -> PackError:
        return PackError(f"{self.document.where}, control {self.text.id}, {what}", hint=hint)


def compile_duty_holders(
    document: Document, language: RuleLanguage, text: PackText, controls: Sequence[Control]
) -> dict[str, DutyHolder]:
    """Who owes the controls of a pack, rules compiled.

    Raises:
        PackError: when a rule cannot be compiled, or no control names the duty holder.
    """
    named = {control.duty_holder for control in controls}
    holders: dict[str, DutyHolder] = {}
    for name, holder in text.duty_holders.items():
        where = f"{document.where}, key duty_holders.{name}"
        if name not in named:
            raise PackError(f"{where}: no control names this duty holder{near(name, sorted(named))}")
        you_if = tuple(_compiled(each, language, f"{where}.you_if") for each in holder.you_if.all)
        also_if = tuple(_compiled(each, language, f"{where}.also_if") for each in holder.also_if)
        holders[name] = DutyHolder(holder.name, Rule(you_if), Rule(also_if))
    return holders


def _compiled(text: _ClauseText, language: RuleLanguage, where: str) -> Clause:
    try:
        return language.compile(text.rule, text.says)
    except RuleError as error:
        raise PackError(f"{where}: {error}", hint=error.hint) from error
