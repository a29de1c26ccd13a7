"""chat-template-unsafe: a chat template can do more than write a prompt.

What it looks for: every Jinja template that a loader would use (tokenizer_config.json, chat_template.json,
processor_config.json, .jinja files, GGUF metadata) is parsed, never rendered: attributes and subscripts that
lead into Python, also when their names are glued together; other templates loaded; loops, ranges and
paddings of enormous size; templates too long, too deep or not Jinja; conditions on words of a message or on
the date; invisible characters written into the prompt.

Why it matters: a template is code that runs on every prompt. Loaders without a sandbox execute what it
reaches (CVE-2024-34359); in a sandbox it can still hang the server, or slip instructions into the
conversation when a trigger word appears, which no test of the weights would show.

How it can be wrong: a condition on plain words in a message may be an honest switch ("detailed thinking on"),
so it is reported as medium; control marks like <think> or /no_think are taken for what they are. A trigger
made of signs alone is not seen. Loops over messages are bounded by the conversation and pass.

What it needs: the files alone, and jinja2's parser.

Source: jinja2 3.1 sandbox documentation, "Security Considerations"; CWE-1336, CWE-94, CWE-835;
OWASP LLM03:2025; MITRE ATLAS AML.T0051.001, AML.T0018.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from scanner.check import Check, CheckContext
from scanner.evidence import EvidenceRef
from scanner.findings import Finding, Location, Measurement, Severity
from scanner.templates.conditions import hidden_conditions
from scanner.templates.dangers import Danger, template_dangers
from scanner.templates.files import ChatTemplate, find_templates
from scanner.templates.syntax import TemplateFaultError, parse_template

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
    "TPL-INVISIBLE": ("CWE-1007", "OWASP-LLM01:2025", "AML.T0051.001"),
}
_REMEDIATION: Final = (
    "Read the template, and replace it with the one of the base model; run templates in jinja2's immutable "
    "sandbox only."
)
_DANGERS_PER_TEMPLATE: Final = 20


class ChatTemplateUnsafe(Check):
    """Reads every chat template of the model as a syntax tree."""

    id = "chat-template-unsafe"
    title = "A chat template does more than write a prompt"
    severity = Severity.HIGH

    def run(self, context: CheckContext) -> Iterator[Finding | Measurement]:
        """Yields one finding per dangerous construct, and one PASS for the templates without any."""
        search = find_templates(context.snapshot)
        for path, reason in search.unread:
            yield self.errored(
                reason if path in reason else f"{path}: {reason}",
                rule="unreadable",
                locations=(Location(path),),
            )
        for path, reason in search.not_fetched:
            yield self.not_run(reason, subject=path, rule="not-fetched")
        if not search.templates:
            if not search.unread and not search.not_fetched:
                yield self.not_run("the model has no chat template", rule="nothing-to-examine")
            return
        sound: list[ChatTemplate] = []
        for template in search.templates:
            context.check_deadline()
            findings = list(self._judge(context, template))
            yield from findings
            if not findings:
                sound.append(template)
        if sound:
            yield self.passed(
                f"{len(sound)} of {len(search.templates)} chat templates only write a prompt",
                locations=tuple(Location(template.path, detail=template.key) for template in sound),
                evidence=tuple(_keep(context, template) for template in sound),
            )

    def _judge(self, context: CheckContext, template: ChatTemplate) -> Iterator[Finding]:
        try:
            tree = parse_template(template.source)
        except TemplateFaultError as error:
            danger = Danger(error.code, str(error), error.line or 1, Severity.MEDIUM)
            yield self._failed(template, danger, _keep(context, template))
            return
        dangers = [*template_dangers(tree), *hidden_conditions(tree)]
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


def _keep(context: CheckContext, template: ChatTemplate) -> EvidenceRef:
    title = f"chat template of {template.path}" + (f", {template.key}" if template.key else "")
    return context.evidence.put(template.source.encode("utf-8", "surrogatepass"), "text/plain", title)


CHECK = ChatTemplateUnsafe()
