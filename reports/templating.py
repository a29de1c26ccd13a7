"""Fills the templates that HTML and PDF share; every value is made safe to show before it is escaped.

A hook of Jinja runs on each printed value, so that no template can forget it: hidden and reordering
characters become escapes, and for the PDF so do characters that the bundled fonts lack.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from importlib import resources

from reports.document import Document
from reports.format import ReportError
from reports.sections.findings import finding_anchor
from reports.sections.provenance import evidence_anchor


def filled(template: str, document: Document, show: Callable[[str], str], extra: Mapping[str, str]) -> str:
    """The template filled with a document.

    Args:
        template: Its file name in `reports/templates/`.
        document: What to show.
        show: Makes a text safe to show; runs on every printed value.
        extra: Further values, by name.

    Raises:
        ReportError: when a value is missing, which is a fault of the template.
    """
    import jinja2

    def shown(value: object) -> object:
        if value is None:
            raise ReportError(f"template {template}: prints a value that is not there")
        return show(value) if type(value) is str else value

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("reports"),
        autoescape=True,
        finalize=shown,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    try:
        return environment.get_template(template).render(
            doc=document,
            anchors=anchors_of(document),
            finding_anchor=finding_anchor,
            evidence_anchor=evidence_anchor,
            **extra,
        )
    except jinja2.TemplateError as error:
        raise ReportError(f"template {template}: {error}") from error


def anchors_of(document: Document) -> frozenset[str]:
    """Ids of every finding and piece of evidence that the document shows; links lead to no others."""
    findings = (*document.findings.open, *document.findings.passed)
    return frozenset(finding.anchor for finding in findings) | frozenset(
        evidence.anchor for evidence in document.provenance.evidence
    )


def template_text(name: str) -> str:
    """A style sheet or script of `reports/templates/`, as it is."""
    return (resources.files("reports") / "templates" / name).read_text(encoding="utf-8")


def csp_hash(text: str) -> str:
    """The source expression that lets a browser run exactly this inline script or style."""
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"
