"""The public taxonomies that findings carry ids of, as SARIF wants them named (section 3.19.3).

>>> Taxonomies((("CWE", ("CWE-502",)),)).taxa(("CWE-502", "garak:dan"))
[{'id': 'CWE-502', 'index': 0, 'toolComponent': {'name': 'CWE', 'index': 0}}]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from scanner.findings import Finding

# Beginning of an id, name, publisher, address. The ids are the publishers' own; titles are not copied.
_KNOWN: Final = (
    ("CWE-", "CWE", "MITRE", "https://cwe.mitre.org/"),
    ("AML.", "MITRE ATLAS", "MITRE", "https://atlas.mitre.org/"),
    (
        "OWASP-LLM",
        "OWASP Top 10 for LLM Applications 2025",
        "OWASP",
        "https://genai.owasp.org/resource/owasp-top-10-for-llm-applications-2025/",
    ),
)


@dataclass(frozen=True)
class Taxonomies:
    """What a log names: per taxonomy the ids that occur, both in the order in which they are indexed."""

    named: tuple[tuple[str, tuple[str, ...]], ...]

    @classmethod
    def of(cls, findings: Sequence[Finding]) -> Taxonomies:
        """The taxonomies of these findings' tags; tags of no public taxonomy stay tags."""
        tags = sorted({tag for finding in findings for tag in finding.tags})
        named = (
            (name, tuple(tag for tag in tags if tag.startswith(beginning))) for beginning, name, *_ in _KNOWN
        )
        return cls(tuple((name, ids) for name, ids in named if ids))

    def taxa(self, tags: Sequence[str]) -> list[dict[str, Any]]:
        """References from a result to what its tags stand for."""
        return [
            {"id": tag, "index": ids.index(tag), "toolComponent": {"name": name, "index": number}}
            for number, (name, ids) in enumerate(self.named)
            for tag in tags
            if tag in ids
        ]

    def references(self) -> list[dict[str, Any]]:
        """References from the tool to the taxonomies that it knows."""
        return [{"name": name, "index": number} for number, (name, _) in enumerate(self.named)]

    def components(self) -> list[dict[str, Any]]:
        """The taxonomies themselves, with the ids that occur alone."""
        about = {name: (publisher, address) for _, name, publisher, address in _KNOWN}
        return [
            {
                "name": name,
                "organization": about[name][0],
                "informationUri": about[name][1],
                "isComprehensive": False,
                "taxa": [{"id": each} for each in ids],
            }
            for name, ids in self.named
        ]
