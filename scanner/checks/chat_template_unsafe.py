"""chat-template-unsafe: a chat template can do more than write a prompt.

What it looks for: every Jinja template that a loader would use (tokenizer_config.json, chat_template.json,
processor_config.json and other JSON, .jinja and .template files, values of YAML, metadata of GGUF and
safetensors; of an Ollama Modelfile the words) is parsed, never rendered: attributes and subscripts that lead
into Python, also when their names are glued together from pieces, variables, formats or letters; other
templates loaded; loops, ranges, recursion and paddings of enormous size, and texts that grow so by whatever
joins, repeats, replaces or formats them; templates too long, too deep or not Jinja; conditions on words of a
message, on its length, on the date or on chance; marks that make a message the word of the system; words of a
message replaced or cut out; instructions to disobey, to hide something or to send it away; links that carry
what was said; packed text, invisible characters and letters of two scripts in one word.

Why it matters: a template is code that runs on every prompt. Loaders without a sandbox execute what it
reaches (CVE-2024-34359); in a sandbox it can still hang the server, or slip instructions into the
conversation when a trigger word appears, which no test of the weights would show.

How it can be wrong: a condition on plain words in a message is an attack when words depend on it, and to be
read by a person when only marks do ("detailed thinking on" is known as a switch); control marks like <think>
or /no_think are taken for what they are, so a trigger made of them is not seen. Wording is told by patterns
in a few languages: what is paraphrased passes. Loops over messages are bounded by the conversation and pass.

What it needs: the files alone, and jinja2's parser.

Source: jinja2 3.1 sandbox documentation, "Security Considerations"; CWE-1336, CWE-94, CWE-835;
OWASP LLM03:2025; MITRE ATLAS AML.T0051.001, AML.T0018.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Final

from scanner.check import CheckContext
from scanner.evidence import EvidenceRef
from scanner.file_check import SOUND, FileCheck, FileVerdict, is_sound
from scanner.findings import Finding, Location, Measurement, Severity
from scanner.manifest import FileEntry
from scanner.model_files import GgufError, ModelFileError
from scanner.templates.conditions import hidden_conditions
from scanner.templates.danger import Danger
from scanner.templates.dangers import template_dangers
from scanner.templates.files import ChatTemplate, UnexpectedTemplateError, templates_in
from scanner.templates.syntax import TemplateFaultError, parse_template
from scanner.templates.wording import said_in_text, said_in_words

_LLM: Final = "OWASP-LLM03:2025"
_TAGS: Final = {
    "TPL-ESCAPE": ("CWE-1336", "CWE-94", _LLM, "AML.T0011"),
    "TPL-GATEWAY": ("CWE-1336", _LLM, "AML.T0011"),
    "TPL-LOAD": ("CWE-1336", "CWE-829", _LLM),
    "TPL-LOOP": ("CWE-835", "CWE-400", "OWASP-LLM10:2025"),
    "TPL-SIZE": ("CWE-400", "OWASP-LLM10:2025"),
    "TPL-DEPTH": ("CWE-674", "OWASP-LLM10:2025"),
    "TPL-SYNTAX": ("CWE-20", _LLM),
    "TPL-HIDDEN": ("CWE-506", "OWASP-LLM01:2025", "AML.T0051.001", "AML.T0018"),
    "TPL-WORDING": ("CWE-506", "OWASP-LLM01:2025", "AML.T0051.001", "AML.T0018"),
    "TPL-INVISIBLE": ("CWE-1007", "OWASP-LLM01:2025", "AML.T0051.001"),
}
_REMEDIATION: Final = (
    "Read the template, and replace it with the one of the base model; run templates in jinja2's immutable "
    "sandbox only."
)
_DANGERS_PER_TEMPLATE: Final = 20


class ChatTemplateUnsafe(FileCheck):
    """Reads every chat template of the model as a syntax tree."""

    id = "chat-template-unsafe"
    title = "A chat template does more than write a prompt"
    severity = Severity.HIGH
    kind = "files with chat templates"
    clean = "only write a prompt"
    verdicts = {  # noqa: RUF012 - a ClassVar of the base class
        "TPL-SIZE": FileVerdict.NOT_READABLE,
        "TPL-DEPTH": FileVerdict.NOT_READABLE,
        "TPL-SYNTAX": FileVerdict.NOT_READABLE,
    }

    def examine(self, context: CheckContext, entry: FileEntry) -> Iterator[Finding | Measurement]:
        """Yields one finding per dangerous construct of the templates that this file holds."""
        templates: list[ChatTemplate] = []
        said = False
        try:
            templates.extend(templates_in(context.snapshot, entry))
        except (ModelFileError, GgufError, UnexpectedTemplateError) as error:
            said = True  # the templates before the fault are judged all the same
            reason = str(error)
            yield self.unreadable(entry, reason if entry.path in reason else f"{entry.path}: {reason}")
        for template in templates:
            context.check_deadline()
            for finding in self._judge(context, template):
                said = True
                yield finding
        if templates and not said:
            yield self.passed(
                entry.path,
                rule=SOUND,
                locations=tuple(Location(template.path, detail=template.key) for template in templates),
                evidence=tuple(_keep(context, template) for template in templates),
            )

    def conclude(self, said: Iterable[Finding]) -> Iterator[Finding | Measurement]:
        """The joined PASS keeps the places and texts of the templates that passed."""
        said = list(said)
        sound = [finding for finding in said if is_sound(finding)]
        for item in super().conclude(said):
            if is_sound(item) and isinstance(item, Finding):
                places = tuple(place for finding in sound for place in finding.locations)
                kept = tuple(ref for finding in sound for ref in finding.evidence)
                yield dataclasses.replace(item, locations=places, evidence=kept)
            else:
                yield item

    def _judge(self, context: CheckContext, template: ChatTemplate) -> Iterator[Finding]:
        try:
            dangers = _dangers_of(template)
        except TemplateFaultError as error:
            danger = Danger(error.code, str(error), error.line or 1, Severity.HIGH)
            yield self._failed(template, danger, _keep(context, template))
            return
        evidence = _keep(context, template) if dangers else None
        worst_first = sorted(dangers, key=lambda danger: -danger.severity.rank)
        for danger in worst_first[:_DANGERS_PER_TEMPLATE]:
            yield self._failed(template, danger, evidence)

    def _failed(self, template: ChatTemplate, danger: Danger, evidence: EvidenceRef | None) -> Finding:
        where = f"{template.path}, {template.key}" if template.key else template.path
        # A line inside a JSON string or a GGUF value is no line of the file.
        line = None if template.key else danger.line
        detail = f"{template.key}, template line {danger.line}" if template.key else ""
        return self.failed(
            f"{where}, line {danger.line}: {danger.message}",
            severity=danger.severity,
            confidence=danger.confidence,
            rule=danger.code,
            locations=(Location(template.path, line=line, detail=detail),),
            evidence=() if evidence is None else (evidence,),
            remediation=_REMEDIATION,
            tags=_TAGS[danger.code],
        )


def _dangers_of(template: ChatTemplate) -> list[Danger]:
    """Everything wrong with a template.

    Raises:
        TemplateFaultError: when it is too long, too deep, or not Jinja.
    """
    if not template.is_jinja:
        return said_in_text(template.source)
    try:
        tree = parse_template(template.source)
    except TemplateFaultError as error:
        if template.is_loose and error.code == "TPL-SYNTAX":
            return []
        raise
    if template.is_loose:
        # Prompts of tests and workflows say what they like; `config` and `context` are names of their own.
        dangers = [danger for danger in template_dangers(tree) if danger.code != "TPL-GATEWAY"]
        return [*dangers, *hidden_conditions(tree)]
    return [*template_dangers(tree), *hidden_conditions(tree), *said_in_words(tree)]


def _keep(context: CheckContext, template: ChatTemplate) -> EvidenceRef:
    title = f"chat template of {template.path}" + (f", {template.key}" if template.key else "")
    return context.evidence.put(template.source.encode("utf-8", "surrogatepass"), "text/plain", title)


CHECK = ChatTemplateUnsafe()
