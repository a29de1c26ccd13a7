"""remote-code: loading the model runs Python code that comes with it, or from somewhere else.

What it looks for: `auto_map` and custom pipelines in any JSON file, also to other repositories
(`org/name--module.Class`), custom types in sentence-transformers' modules.json and in diffusers'
model_index.json, Hydra `_target_` and MLflow `loader_module`, Python tags in YAML, `modeling_*.py`,
`handler.py` and their like, compiled code, and requirements that install from elsewhere. Every Python file is
parsed, never run, and every call that starts programs, runs text, opens connections, writes files, unpickles,
reads the environment or hides what it does is named with file and line; imports, aliases and glued-together
names are resolved.

Why it matters: `trust_remote_code=True` hands the machine to whoever can write to the repository, today and
after the next commit. Scanners of weight files do not look at it.

How it can be wrong: names are resolved without order or scope, so a call may be reported that never runs.
What is built at run time beyond constants, aliases and plain strings is not seen. Code in files that no
loader reaches is reported lower by one step. Packages that the code imports from outside are not read.

What it needs: the files alone; `ast.parse`, no import.

Source: CWE-94, CWE-829; transformers documentation, "Custom models"; MITRE ATLAS AML.T0011.001 and
AML.T0010.003; OWASP LLM03:2025.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import Final

from scanner.check import Check, CheckContext
from scanner.code.calls import CallSite, danger_of
from scanner.code.references import CodeReference, find_references
from scanner.code.requirements import foreign_requirements
from scanner.code.review import CodeReview, review_code
from scanner.evidence import EvidenceRef
from scanner.findings import Confidence, Finding, Location, Measurement, Severity
from scanner.model_files import ModelFileError

_TAGS: Final = ("CWE-829", "OWASP-LLM03:2025", "AML.T0011.001")
_REMEDIATION: Final = (
    "Load the model with trust_remote_code off. If its code is needed, read it, keep a copy of this digest "
    "in your own repository, and pin the commit."
)
_CALL_REMEDIATION: Final = (
    "Read the code around this line before anything loads it, and ask the publisher why it is needed."
)
_COMPILED: Final = (".so", ".dll", ".dylib", ".pyd", ".pyc", ".pyo", ".node")
_LOWER: Final = {
    Severity.CRITICAL: Severity.HIGH, Severity.HIGH: Severity.MEDIUM, Severity.MEDIUM: Severity.LOW,
    Severity.LOW: Severity.INFO, Severity.INFO: Severity.INFO,
}  # fmt: skip
_KINDS: Final = {
    "auto-map": "loading runs code from the repository: it maps to {target}",
    "cross-repository": "loading fetches and runs code of another repository, which was not read: {target}",
    "custom-module": "loading imports {target}, which sentence-transformers does not bring",
    "custom-pipeline": "loading runs a pipeline from the repository: {target}",
    "yaml-tag": "an unsafe YAML loader would call {target}",
}
_CALLS_PER_FILE: Final = 30
_NAMES_IN_MESSAGE: Final = 6


class RemoteCode(Check):
    """Follows every way in which configuration asks for code, and reads that code."""

    id = "remote-code"
    title = "Loading the model runs code that comes with it"
    severity = Severity.HIGH

    def run(self, context: CheckContext) -> Iterator[Finding | Measurement]:
        """Yields references to code, dangerous calls, files that cannot be read, and one PASS without any."""
        search = find_references(context.snapshot)
        review = review_code(context, search.references)
        evidence = self._keep(context, review)
        findings = [
            *(self._unread(path, reason) for path, reason in search.unread),
            *(self.not_run(why, subject=path, rule="not-fetched") for path, why in search.not_fetched),
            *self._references(search.references, review, evidence),
            *self._code(review, evidence),
            *self._compiled(context),
            *self._requirements(context),
        ]
        yield from findings
        if not search.files_read and not review.files and not findings:
            yield self.not_run("the model has no configuration and no code", rule="nothing-to-examine")
        elif not findings:
            digest = f"; digest of the code {evidence[0].sha256[:16]}" if evidence else ""
            yield self.passed(
                f"none of {search.files_read} configuration files asks for code, and {len(review.files)} "
                f"Python files call nothing dangerous{digest}",
                locations=tuple(Location(file.path) for file in review.files),
                evidence=evidence,
            )

    def _keep(self, context: CheckContext, review: CodeReview) -> tuple[EvidenceRef, ...]:
        """The listing of all code; its sha256 is the digest that messages name."""
        if not review.files:
            return ()
        title = f"sha256 of {len(review.files)} Python files"
        return (context.evidence.put(review.listing.encode(), "text/plain", title),)

    def _references(
        self, references: tuple[CodeReference, ...], review: CodeReview, evidence: tuple[EvidenceRef, ...]
    ) -> Iterator[Finding]:
        read = f" (digest of the code {evidence[0].sha256[:16]})" if evidence else ""
        for (path, kind), group in _grouped(references).items():
            if kind == "target":
                continue
            targets = sorted({reference.target for reference in group})
            what = _KINDS[kind].format(target=_listed(targets))
            yield self.failed(
                f"{path}, {group[0].key}: {what}{read}",
                severity=Severity.CRITICAL if kind == "yaml-tag" else Severity.HIGH,
                rule=kind,
                locations=tuple(Location(path, each.line, each.key) for each in group),
                evidence=evidence,
                remediation=_REMEDIATION,
                tags=_TAGS,
            )
        for reference in references:
            if reference.kind == "target":
                yield from self._target(reference, review)
        for reference in review.unresolved:
            yield self.failed(
                f"{reference.path}, {reference.key}: the code of {reference.target} is in no file of the "
                "model, so it was not read",
                severity=Severity.MEDIUM,
                rule="unresolved-code",
                locations=(Location(reference.path, reference.line, reference.key),),
                remediation=_REMEDIATION,
                tags=_TAGS,
            )

    def _target(self, reference: CodeReference, review: CodeReview) -> Iterator[Finding]:
        """Hydra calls what `_target_` names: bad when that is dangerous or lies in the repository."""
        danger = danger_of(reference.target) or danger_of(f"builtins.{reference.target}")
        if danger is None and reference not in review.local:
            return
        what = (
            f"which {danger.sentence.partition(', which ')[2]}" if danger else "which lies in the repository"
        )
        yield self.failed(
            f"{reference.path}, {reference.key}: loading would call {reference.target}, {what}",
            severity=Severity.CRITICAL if danger else Severity.HIGH,
            rule="target",
            subject=reference.target,
            locations=(Location(reference.path, reference.line, reference.key),),
            remediation=_REMEDIATION,
            tags=(*_TAGS, *(danger.tags if danger else ())),
        )

    def _code(self, review: CodeReview, evidence: tuple[EvidenceRef, ...]) -> Iterator[Finding]:
        for file in review.files:
            if file.fault:
                yield self.failed(
                    f"{file.path} {file.fault}, so nobody can say what it does",
                    severity=Severity.HIGH if file.is_reached else Severity.MEDIUM,
                    rule="unreadable-code",
                    locations=(Location(file.path, file.fault_line),),
                    evidence=evidence,
                    remediation=_CALL_REMEDIATION,
                    tags=_TAGS,
                )
            elif file.is_entry:
                yield self._entry(file.path, evidence)
            worst_first = sorted(file.sites, key=lambda site: (-site.severity.rank, site.line))
            for site in worst_first[:_CALLS_PER_FILE]:
                yield self._site(file.path, site, file.is_reached, evidence)
            if len(worst_first) > _CALLS_PER_FILE:
                yield self._rest(file.path, len(worst_first) - _CALLS_PER_FILE)
        for path, line, module in review.missing:
            yield self.failed(
                f"{path} line {line}: imports {module}, which is not in the model, so it was not read",
                severity=Severity.LOW,
                rule="unresolved-code",
                locations=(Location(path, line, f"import {module}"),),
                remediation=_REMEDIATION,
                tags=_TAGS,
            )

    def _entry(self, path: str, evidence: tuple[EvidenceRef, ...]) -> Finding:
        return self.failed(
            f"{path} is code of a kind that loaders run: a custom model, handler, pipeline or installer",
            severity=Severity.MEDIUM,
            rule="code-by-name",
            locations=(Location(path),),
            evidence=evidence,
            remediation=_REMEDIATION,
            tags=_TAGS,
        )

    def _site(
        self, path: str, site: CallSite, is_reached: bool, evidence: tuple[EvidenceRef, ...]
    ) -> Finding:
        aside = "" if is_reached else "; no loader reaches this file by itself"
        return self.failed(
            f"{path} line {site.line}: {site.sentence}{aside}",
            severity=site.severity if is_reached else _LOWER[site.severity],
            confidence=Confidence.HIGH if is_reached else Confidence.MEDIUM,
            rule=site.kind,
            subject=site.call,
            locations=(Location(path, site.line, f"call {site.call}"),),
            evidence=evidence,
            remediation=_CALL_REMEDIATION,
            tags=(*site.tags, "OWASP-LLM03:2025", "AML.T0011.001"),
        )

    def _rest(self, path: str, more: int) -> Finding:
        return self.failed(
            f"{path}: {more} more calls of these kinds, none worse than those reported",
            severity=Severity.LOW,
            rule="further-calls",
            locations=(Location(path, detail="further calls"),),
            remediation=_CALL_REMEDIATION,
            tags=_TAGS,
        )

    def _compiled(self, context: CheckContext) -> Iterator[Finding]:
        for entry in context.snapshot.with_suffix(*_COMPILED):
            yield self.failed(
                f"{entry.path} is compiled code, which cannot be read here",
                rule="compiled-code",
                locations=(Location(entry.path),),
                remediation=_CALL_REMEDIATION,
                tags=_TAGS,
            )

    def _requirements(self, context: CheckContext) -> Iterator[Finding]:
        for entry in context.snapshot.with_suffix(".txt"):
            if not PurePosixPath(entry.path).name.startswith("requirements"):
                continue
            try:
                foreign = foreign_requirements(context.snapshot, entry)
            except ModelFileError as error:
                yield self._unread(entry.path, str(error))
                continue
            for line, text in foreign:
                yield self.failed(
                    f"{entry.path} line {line}: installs from outside the package index: {text}",
                    severity=Severity.MEDIUM,
                    rule="requirement",
                    locations=(Location(entry.path, line, text),),
                    remediation="Install from your own mirror with pinned hashes.",
                    tags=("CWE-829", "OWASP-LLM03:2025", "AML.T0010.001"),
                )

    def _unread(self, path: str, reason: str) -> Finding:
        text = reason if path in reason else f"{path}: {reason}"
        return self.errored(text, rule="unreadable", locations=(Location(path),))


def _grouped(references: Iterable[CodeReference]) -> dict[tuple[str, str], list[CodeReference]]:
    groups: dict[tuple[str, str], list[CodeReference]] = {}
    for reference in references:
        groups.setdefault((reference.path, reference.kind), []).append(reference)
    return groups


def _listed(names: list[str]) -> str:
    more = len(names) - _NAMES_IN_MESSAGE
    return ", ".join(names[:_NAMES_IN_MESSAGE]) + (f" and {more} more" if more > 0 else "")


CHECK = RemoteCode()
