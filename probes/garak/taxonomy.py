"""What a garak probe bears on in the OWASP Top 10 for LLM Applications 2025, by our own table.

>>> owasp_tags("web_injection.TaskXSS")
('OWASP-LLM05:2025',)
"""

from __future__ import annotations

import datetime
import functools
from collections.abc import Mapping
from dataclasses import dataclass

from probes.data_files import data_text, decoded
from probes.garak.profiles import GarakDataError, module_of

TAXONOMY_FILE = "garak_owasp_2025.yaml"


@dataclass(frozen=True)
class Bearing:
    """Which entries a probe bears on, and why."""

    owasp: tuple[str, ...]
    reason: str


@dataclass(frozen=True)
class Taxonomy:
    """The file `garak_owasp_2025.yaml`.

    Attributes:
        edition: Of the list, "2025".
        entries: Titles of the list's entries by their number, "LLM01".
        modules: By module of garak.
        probes: By single probe, where it differs from its module.
    """

    source: str
    edition: str
    retrieved: datetime.date
    licence: str
    entries: Mapping[str, str]
    modules: Mapping[str, Bearing]
    probes: Mapping[str, Bearing]

    def tags(self, probe: str) -> tuple[str, ...]:
        """The ids of the entries a probe bears on; none for unwanted content, and for unknown modules."""
        bearing = self.probes.get(probe) or self.modules.get(module_of(probe))
        return tuple(f"OWASP-{entry}:{self.edition}" for entry in bearing.owasp) if bearing else ()


@functools.cache
def load_taxonomy() -> Taxonomy:
    """The table that ships with the program.

    Raises:
        GarakDataError: when the file is broken, with the key.
    """
    return parse_taxonomy(data_text(TAXONOMY_FILE))


def parse_taxonomy(text: str) -> Taxonomy:
    """Reads and checks the table.

    Raises:
        GarakDataError: when a key is missing or wrong, or an entry is not in the list.
    """
    data = decoded(text, TAXONOMY_FILE, Taxonomy, GarakDataError, strict=False)
    for name, bearing in (*data.modules.items(), *data.probes.items()):
        for entry in bearing.owasp:
            if entry not in data.entries:
                raise GarakDataError(f"{TAXONOMY_FILE}, {name}: '{entry}' is not an entry of the list")
    return data


def owasp_tags(probe: str) -> tuple[str, ...]:
    """The ids of the OWASP entries that a probe bears on."""
    return load_taxonomy().tags(probe)
