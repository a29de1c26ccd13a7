"""Sources of law as readers see them: where a text was read, when, and how well it is known."""

from __future__ import annotations

from dataclasses import dataclass

from policies.assessment import LegalSource
from reports.wording import day, knowledge


@dataclass(frozen=True)
class SourceView:
    """Where a legal fact was read; `is_link` only for web addresses, `known` says how and when."""

    url: str
    known: str
    is_link: bool


def source_view(source: LegalSource) -> SourceView:
    """What readers see of a source."""
    known = f"{knowledge(source.confidence)}, {day(source.retrieved)}"
    return SourceView(source.url, known, source.url.startswith(("https://", "http://")))
