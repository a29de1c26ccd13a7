"""The policy file: an organisation's answers, the packs it judges by, its gate, attestations, waivers.

A user's file needs only what differs: what it leaves out is taken from the packaged default policy.

>>> load_policy().gate.name
'weighbridge-default 2026.11.1'
"""

from __future__ import annotations

import datetime
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Final, TypeVar

from policies.documents import Document, near, read_document
from policies.gate_rules import Gate, GateRule
from policies.organisation import (
    Answer,
    Question,
    load_questions,
    read_answers,
    read_licence,
    with_market,
)  # fmt: skip
from policies.overrides import for_model
from policies.packs import control_ids
from policies.requirements import Threshold, require_measured, require_named
from policies.scope import Scope
from scanner.errors import ScanError
from scanner.references import ModelRef
from scanner.signatures.signers import Signer

T = TypeVar("T")
_KIND: Final = "policy file"


class PolicyFileError(ScanError):
    """A policy file refers to something that does not exist, or contradicts itself."""


@dataclass(frozen=True)
class Attestation:
    """What a person states about one control, because no scan can see it.

    Attributes:
        control: Id of the control.
        answer: "yes", "partly" or "no"; for an addressable HIPAA specification also "implemented",
            "equivalent" or "not_reasonable".
        name: Who states it.
        role: In which role.
        date: When.
        expires: Last day on which it counts.
        reason: Why, required for "partly", "equivalent" and "not_reasonable".
        document_sha256: Digest of the document it rests on, "" without one.
        record: Digest of the stored decision that says so, "" when the policy file does.
    """

    control: str
    answer: str
    name: str
    role: str
    date: datetime.date
    expires: datetime.date
    reason: str = ""
    document_sha256: str = ""
    record: str = ""

    def counts_on(self, day: datetime.date) -> bool:
        """Whether it was made by that day and has not expired."""
        return self.date <= day <= self.expires


@dataclass(frozen=True)
class Waiver:
    """A risk that somebody accepts for a while; exactly one of the three targets is set.

    Attributes:
        reason: Why.
        owner: Who accepts it.
        expires: Last day on which it counts.
        control: Id of a control, or "".
        check: Id of a check, or "".
        finding: Fingerprint of a finding, or "".
        compensating_control: What is done about it meanwhile, "" when not told.
        recorded_by: Who recorded it, "" when the policy file says it.
        recorded_on: When, None when the policy file says it.
        record: Digest of the stored decision that says so, "" when the policy file does.
    """

    reason: str
    owner: str
    expires: datetime.date
    control: str = ""
    check: str = ""
    finding: str = ""
    compensating_control: str = ""
    recorded_by: str = ""
    recorded_on: datetime.date | None = None
    record: str = ""

    @property
    def target(self) -> str:
        """What it is about, for people."""
        named = {"control": self.control, "check": self.check, "finding": self.finding}
        return next(f"{kind} {name}" for kind, name in named.items() if name)

    def counts_on(self, day: datetime.date) -> bool:
        """Whether it has not expired on that day."""
        return day <= self.expires


@dataclass(frozen=True)
class PolicyFile:
    """What a scan is judged by, besides the packs themselves.

    Attributes:
        where: The file, for messages.
        digest: sha256 of its bytes.
        questions: What an organisation is asked, by id.
        answers: What it answered.
        packs: Ids of the packs to judge by.
        scope: The languages that the verdict covers.
        gate: What stops a model.
        attestations: By id of the control.
        waivers: In the order of the file.
        thresholds: By the name of a measurement, the range that it has to lie in.
        signers: A model has to be signed by one of these; without any, it need not be signed.
        overrides: Patterns of its section `models` that fit the model, in the order applied.
    """

    where: str
    digest: str
    questions: Mapping[str, Question]
    answers: Mapping[str, Answer]
    packs: tuple[str, ...]
    scope: Scope
    gate: Gate
    attestations: Mapping[str, Attestation]
    waivers: tuple[Waiver, ...]
    thresholds: Mapping[str, Threshold] = field(default_factory=dict)
    signers: tuple[Signer, ...] = ()
    overrides: tuple[str, ...] = ()

    @property
    def in_words(self) -> str:
        """File, gate and applied overrides, for people."""
        fitted = f"; for this model its overrides {', '.join(self.overrides)} apply" if self.overrides else ""
        return f"{self.where}: {self.gate.name}{fitted}"


@dataclass(frozen=True)
class _Head:
    name: str
    version: str


@dataclass(frozen=True)
class _GateText:
    rules: tuple[GateRule, ...]
    extends: str = ""


def load_policy(
    path: Path | None = None,
    *,
    checks: Collection[str] = (),
    extra_packs: Sequence[Path] = (),
    measures: Collection[str] = (),
    ref: ModelRef | None = None,
) -> PolicyFile:
    """The policy of a file, or the packaged default.

    Args:
        path: The user's file, None for the default.
        checks: Ids of every check there is; gate rules and waivers may name no others. Empty: not held
            against anything.
        extra_packs: The user's own pack files, whose controls may be attested and waived.
        measures: Names of every measurement there is, for the thresholds. Empty: not held against anything.
        ref: The model; what the file's section `models` says for it replaces what else the file says.

    Raises:
        DocumentError: when the file cannot be read or has another shape.
        AnswerError: when an answer does not fit its question.
        RequirementError: when it names an unknown measurement, or a signer who is nobody.
        PolicyFileError: when it names an unknown control or check, or says something twice.
    """
    default = read_document(
        resources.files("policies").joinpath("data", "default-policy.yaml"), _KIND, "policy"
    )
    written = read_document(path, _KIND, "policy") if path is not None else default
    own, overrides = for_model(written, default, ref)
    questions = load_questions()
    policy = PolicyFile(
        where=own.where,
        digest=own.digest,
        questions=questions,
        answers=_answers(own, default, questions),
        packs=_part(own, default, "packs", tuple[str, ...]),
        scope=_part(own, default, "scope", Scope),
        gate=_gate(own, default),
        attestations=_by_control(own),
        waivers=_optional(own, "waivers", Waiver),
        thresholds=own.part(dict[str, Threshold], "thresholds") if "thresholds" in own.data else {},
        signers=_optional(own, "signers", Signer),
        overrides=overrides,
    )
    require_measured(policy.thresholds, measures, policy.where)
    require_named(policy.signers, policy.where)
    _require_known(policy, checks, control_ids(extra_packs) if _names_controls(policy) else frozenset())
    return policy


def _answers(own: Document, default: Document, questions: Mapping[str, Question]) -> dict[str, Answer]:
    answers = read_answers(_part(own, default, "organisation", dict[str, object]), questions, own.where)
    licence = own.part(dict[str, object], "licence") if "licence" in own.data else {}
    for key, answer in read_licence(licence, questions, own.where).items():
        if key in answers:
            raise PolicyFileError(f"{own.where}: {key} is answered under organisation and under licence")
        answers[key] = answer
    return with_market(answers, own.where)


def _part(own: Document, default: Document, key: str, kind: type[T]) -> T:
    return (own if key in own.data else default).part(kind, key)


def _optional(own: Document, key: str, kind: type[T]) -> tuple[T, ...]:
    return tuple(own.part(list[kind], key)) if key in own.data else ()  # type: ignore[valid-type]


def _gate(own: Document, default: Document) -> Gate:
    source = own if "gate" in own.data else default
    head, text = source.part(_Head, "policy"), source.part(_GateText, "gate")
    name, rules = f"{head.name} {head.version}", {}
    if text.extends:
        base = default.part(_Head, "policy")
        name += f", extending {base.name} {base.version}"
        rules = {rule.id: rule for rule in default.part(_GateText, "gate").rules}
    seen: set[str] = set()
    for rule in text.rules:
        if rule.id in seen:
            raise PolicyFileError(f"{source.where}, gate rule {rule.id}: the id is given twice")
        seen.add(rule.id)
        rules[rule.id] = rule
    return Gate(name, source.digest, tuple(rules.values()))


def _by_control(own: Document) -> dict[str, Attestation]:
    found: dict[str, Attestation] = {}
    for attestation in _optional(own, "attestations", Attestation):
        where = f"{own.where}, attestation of {attestation.control}"
        if attestation.control in found:
            raise PolicyFileError(f"{where}: given twice", hint="keep the newer one")
        if attestation.expires < attestation.date:
            raise PolicyFileError(
                f"{where}: expires on {attestation.expires}, before its date {attestation.date}"
            )
        found[attestation.control] = attestation
    return found


def _names_controls(policy: PolicyFile) -> bool:
    return bool(policy.attestations) or any(waiver.control for waiver in policy.waivers)


def _require_known(policy: PolicyFile, checks: Collection[str], controls: Collection[str]) -> None:
    for name in policy.attestations:
        _require(name, controls, "control", f"{policy.where}, key attestations")
    for number, waiver in enumerate(policy.waivers):
        where = f"{policy.where}, key waivers[{number}]"
        if waiver.control:
            _require(waiver.control, controls, "control", where)
        if waiver.check and checks:
            _require(waiver.check, checks, "check", where)
    for rule in policy.gate.rules if checks else ():
        for name in rule.named_checks:
            _require(name, checks, "check", f"{policy.where}, gate rule {rule.id}")


def _require(name: str, known: Collection[str], kind: str, where: str) -> None:
    if name not in known:
        raise PolicyFileError(f"{where}: unknown {kind} '{name}'{near(name, known)}")
