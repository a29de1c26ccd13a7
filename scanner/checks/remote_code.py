"""remote-code: loading the model runs Python code that comes with it, or from somewhere else.

What it looks for: `auto_map` and custom pipelines in any JSON file, also to other repositories
(`org/name--module.Class`), custom types in sentence-transformers' modules.json and in diffusers'
model_index.json, Hydra `_target_` and its like (Lightning, torchtune, HyperPyYAML, NeMo archives), MLflow
`loader_module` and `code`, PEFT `parent_library`, jsonpickle keys, Python, Java and Ruby tags in YAML, keys
by which sentence-transformers, transformers, timm, logging, spaCy, GluonTS, AutoGen, Haystack, LangChain,
Rasa, Triton, Caffe and others import names, open paths and run texts (also in TOML, INI, protobuf texts and
Modelfiles), file names that lead out of the folder, `modeling_*.py`, `handler.py` and their like, notebooks,
scripts, compiled code, and requirements from elsewhere or with names that look like known ones. Commands that
editors, agents, package managers, pipelines and containers take from files of the folder, and scripts in
pages and pictures. Every Python file is parsed, never run, and every call that starts programs, runs text,
opens connections, writes files, unpickles, reads secrets or hides what it does is named with file and line,
and with when it runs: at import, when an object is made, or when it is called. A configuration is judged by
what the code it names does, with what that imports.

Why it matters: `trust_remote_code=True` hands the machine to whoever can write to the repository, today and
after the next commit. Scanners of weight files do not look at it.

How it can be wrong: names are resolved without order or scope, so a call may be reported that never runs.
Keys that many files have (`type`, `class`, `provider`) count only where their value is known as dangerous, so
that the class of an unknown package under one of these is not told. What is built at run time beyond
constants, aliases and plain strings is reported as hidden, not resolved. Code in files that no loader reaches
is reported lower by one step. Packages that the code imports from outside are not read. Honest code that
starts a program or sends data when called is an attack here: a person must clear it. Commands of pipelines
and builds are held against a list of those that hand a machine over.

What it needs: the files alone; `ast.parse`, no import.

Source: CWE-94, CWE-829; transformers, "Custom models"; MITRE ATLAS AML.T0011.001, AML.T0010.003; LLM03:2025.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Iterator
from typing import Final

from scanner.check import CheckContext
from scanner.code.asked import ASKING_RULES, Asked, asked_for
from scanner.code.calls import CallSite
from scanner.code.code_files import NOTEBOOK_SUFFIX, code_listing, is_code, is_script, read_any
from scanner.code.opened import opened_faults
from scanner.code.phases import Phase
from scanner.code.reach import code_map
from scanner.code.references import may_matter, references_in
from scanner.code.requirements import is_requirements, requirements_in
from scanner.code.tool_commands import ToolFault
from scanner.code.yaml_targets import TargetFileError
from scanner.evidence import EvidenceRef
from scanner.file_check import SOUND, FileCheck, FileVerdict, is_sound, listed
from scanner.findings import Confidence, Finding, Location, Measurement, Severity
from scanner.manifest import FileEntry
from scanner.model_files import ModelFileError

_TAGS: Final = ("CWE-829", "OWASP-LLM03:2025", "AML.T0011.001")
_REMEDIATION: Final = (
    "Load the model with trust_remote_code off. If its code is needed, read it, keep a copy of this digest "
    "in your own repository, and pin the commit."
)
_CALL_REMEDIATION: Final = (
    "Read the code around this line before anything loads it, and ask the publisher why it is needed."
)
_COMPILED: Final = (".so", ".dll", ".dylib", ".pyd", ".pyc", ".pyo", ".node", ".jar", ".class", ".exe")
_LOWER: Final = {
    Severity.CRITICAL: Severity.HIGH, Severity.HIGH: Severity.MEDIUM, Severity.MEDIUM: Severity.LOW,
    Severity.LOW: Severity.INFO, Severity.INFO: Severity.INFO,
}  # fmt: skip
# What is as bad in a file that nobody loads: it is there to be found and run.
_HIDING: Final = frozenset({"obfuscation", "exfiltration", "shell", "drop", "persistence"})
_WHEN: Final = {
    Phase.IMPORT: ", as soon as it is imported", Phase.CONSTRUCTION: ", when an object is made",
    Phase.CALL: "", Phase.MAIN: ", when it is run as a script",
}  # fmt: skip
_CALLS_PER_FILE: Final = 30


class RemoteCode(FileCheck):
    """Follows every way in which configuration asks for code, and reads that code."""

    id = "remote-code"
    title = "Loading the model runs code that comes with it"
    severity = Severity.HIGH
    kind = "files of configuration and code"
    clean = "ask for no code and call nothing dangerous"
    verdicts = {  # noqa: RUF012 - a ClassVar of the base class
        **dict.fromkeys(ASKING_RULES, FileVerdict.NEEDS_CLASS_INSTANCE),
        "missing-import": FileVerdict.NEEDS_CLASS_INSTANCE,
        "cross-repository": FileVerdict.NOT_READABLE,
        "unresolved-code": FileVerdict.NOT_READABLE,
        "runs-unreadable-code": FileVerdict.NOT_READABLE,
        "unreadable-code": FileVerdict.NOT_READABLE,
        "compiled-code": FileVerdict.NOT_READABLE,
    }

    def examine(self, context: CheckContext, entry: FileEntry) -> Iterator[Finding | Measurement]:
        """Yields what one file of configuration or code asks for or does."""
        findings = self._findings(context, entry)
        if findings is None:
            return
        said = list(findings)
        yield from said
        if not said:
            yield self.passed(
                entry.path,
                rule=SOUND,
                locations=(Location(entry.path),),
                evidence=self._keep(context) if is_code(entry.path) else (),
            )

    def conclude(self, said: Iterable[Finding]) -> Iterator[Finding | Measurement]:
        """The joined PASS names the digest of all code, so that it holds for that code alone."""
        said = list(said)
        evidence = next((each.evidence for each in said if each.evidence), ())
        for item in super().conclude(said):
            if is_sound(item) and isinstance(item, Finding) and evidence:
                message = f"{item.message}; digest of the code {evidence[0].sha256[:16]}"
                yield dataclasses.replace(item, message=message, evidence=evidence)
            else:
                yield item

    def _findings(self, context: CheckContext, entry: FileEntry) -> Iterable[Finding] | None:
        """What is wrong with a file; None for one that is neither configuration nor code."""
        opened = opened_faults(context.snapshot, entry)
        rest = self._loaded(context, entry)
        return rest if opened is None else [*self._opened(entry, opened), *(rest or ())]

    def _loaded(self, context: CheckContext, entry: FileEntry) -> Iterable[Finding] | None:
        if entry.path.lower().endswith(_COMPILED):
            return self._compiled(entry)
        if is_code(entry.path):
            return self._code(context, entry)
        if is_requirements(entry.path):
            return [*self._requirements(context, entry), *(self._configuration(context, entry) or ())]
        return self._configuration(context, entry)

    def _keep(self, context: CheckContext) -> tuple[EvidenceRef, ...]:
        """The listing of all code; its sha256 is the digest that messages name."""
        lines = code_listing(context.snapshot)
        if not lines:
            return ()
        listing = "".join(lines).encode("utf-8", "surrogateescape")
        return (context.evidence.put(listing, "text/plain", f"sha256 of {len(lines)} files of code"),)

    def _configuration(self, context: CheckContext, entry: FileEntry) -> list[Finding] | None:
        try:
            references = references_in(context.snapshot, entry)
        except (ModelFileError, TargetFileError) as error:
            reason = str(error) if entry.path in str(error) else f"{entry.path}: {error}"
            return [self.unreadable(entry, reason)] if may_matter(context.snapshot, entry) else None
        if references is None:
            return None
        evidence = self._keep(context) if references else ()
        asked = asked_for(context.snapshot, references)
        return [self._asked(each, evidence) for each in asked]

    def _asked(self, asked: Asked, evidence: tuple[EvidenceRef, ...]) -> Finding:
        read = f" (digest of the code {evidence[0].sha256[:16]})" if evidence and asked.has_code else ""
        return self.failed(
            f"{asked.path}, {asked.places[0][1]}: {asked.message}{read}",
            severity=asked.severity,
            rule=asked.rule,
            subject=asked.subject,
            locations=tuple(Location(asked.path, line, key) for line, key in asked.places),
            evidence=evidence if asked.has_code else (),
            remediation=_REMEDIATION,
            tags=(*_TAGS, *asked.tags),
        )

    def _code(self, context: CheckContext, entry: FileEntry) -> Iterator[Finding]:
        path, evidence = entry.path, self._keep(context)
        whole = code_map(context.snapshot)
        code = read_any(context.snapshot, path)
        is_reached = path in whole.reached
        if code.fault:
            yield self.failed(
                f"{path} {code.fault}, so nobody can say what it does",
                severity=Severity.HIGH if is_reached else Severity.MEDIUM,
                rule="unreadable-code",
                locations=(Location(path, code.fault_line),),
                evidence=evidence,
                remediation=_CALL_REMEDIATION,
                tags=_TAGS,
            )
        elif is_reached:
            yield self._reached(path, whole.reached[path], evidence)
        if code.unread_cells:  # Python does not run them; whatever else they are for does
            yield self._cells(path, "unread-cells", "that are no Python", code.unread_cells)
        if code.acting_cells:
            what = "with an output that has the kernel run code when it is shown"
            yield self._cells(path, "acting-output", what, code.acting_cells)
        told = [self._site(path, site, is_reached, evidence) for site in code.sites]
        worst_first = sorted(told, key=lambda each: (-each.severity.rank, each.locations[0].line or 0))
        yield from worst_first[:_CALLS_PER_FILE]
        if len(worst_first) > _CALLS_PER_FILE:
            yield self._rest(path, len(worst_first) - _CALLS_PER_FILE)
        for line, module in ((line, module) for each, line, module in whole.missing if each == path):
            yield self.failed(
                f"{path} line {line}: imports {module[:80]}, which is not in the model, so it was not read",
                severity=Severity.LOW,
                rule="missing-import",
                locations=(Location(path, line, f"import {module[:80]}"),),
                remediation=_REMEDIATION,
                tags=_TAGS,
            )

    def _reached(self, path: str, asked_by: str, evidence: tuple[EvidenceRef, ...]) -> Finding:
        """Code that loading runs needs a reader, also when nothing in it is dangerous."""
        why = f"{path} is code that {asked_by} has loaders run"
        if not asked_by:
            kinds = "a custom model, handler, pipeline or installer, or what one imports"
            why = f"{path} is code of a kind that loaders run: {kinds}"
        return self.failed(
            why,
            severity=Severity.MEDIUM,
            rule="code-by-name",
            locations=(Location(path),),
            evidence=evidence,
            remediation=_REMEDIATION,
            tags=_TAGS,
        )

    def _cells(self, path: str, rule: str, what: str, cells: tuple[int, ...]) -> Finding:
        numbers = listed([str(number) for number in cells])
        return self.failed(
            f"{path} has cells {what} ({numbers}), which a person has to read",
            severity=Severity.MEDIUM,
            rule=rule,
            locations=(Location(path, detail=f"cell {cells[0]}"),),
            remediation=_CALL_REMEDIATION,
            tags=_TAGS,
        )

    def _site(
        self, path: str, site: CallSite, is_reached: bool, evidence: tuple[EvidenceRef, ...]
    ) -> Finding:
        is_for_people = is_script(path) or path.lower().endswith(NOTEBOOK_SUFFIX)
        aside = "" if is_reached or is_for_people else "; no loader reaches this file by itself"
        is_plain = is_reached or is_for_people or site.kind in _HIDING
        return self.failed(
            f"{path} line {site.line}: {site.sentence}{_WHEN[site.phase]}{aside}",
            severity=site.severity if is_plain else _LOWER[site.severity],
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

    def _opened(self, entry: FileEntry, faults: Iterable[ToolFault]) -> Iterator[Finding]:
        for each in itertools.islice(faults, _CALLS_PER_FILE):
            yield self.failed(
                f"{entry.path}, {each.place}: {each.message}",
                severity=each.severity,
                rule=each.rule,
                locations=(Location(entry.path, each.line, each.place),),
                remediation=_CALL_REMEDIATION,
                tags=(*each.tags, "OWASP-LLM03:2025", "AML.T0011.001"),
            )

    def _compiled(self, entry: FileEntry) -> Iterator[Finding]:
        message = f"{entry.path} is compiled code, which cannot be read here"
        place = (Location(entry.path),)
        yield self.failed(
            message, rule="compiled-code", locations=place, remediation=_CALL_REMEDIATION, tags=_TAGS
        )

    def _requirements(self, context: CheckContext, entry: FileEntry) -> Iterator[Finding]:
        try:
            found = requirements_in(context.snapshot, entry)
        except ModelFileError as error:
            yield self.unreadable(entry, str(error))
            return
        worst_first = sorted(found, key=lambda each: not each.is_attack)
        for each in worst_first[:_CALLS_PER_FILE]:
            where = entry.path if each.line is None else f"{entry.path} line {each.line}"
            yield self.failed(
                f"{where}: {each.message}",
                severity=Severity.HIGH if each.is_attack else Severity.MEDIUM,
                rule="requirement",
                locations=(Location(entry.path, each.line, each.text),),
                remediation="Install from your own mirror with pinned hashes.",
                tags=("CWE-829", "CWE-427", "OWASP-LLM03:2025", "AML.T0010.001"),
            )


CHECK = RemoteCode()
