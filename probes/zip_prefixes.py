"""Three-digit ZIP prefixes that may not stay: all their ZIP codes together hold 20,000 people or fewer.

>>> is_restricted("036"), is_restricted("606")
(True, False)
"""

from __future__ import annotations

import datetime
import functools
from typing import Final

import msgspec

from probes.data_files import data_text, decoded
from probes.identifiers import IdentifierDataError

_FILE: Final = "personal_data_zip_prefixes.yaml"


class _Census(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    census: int
    source: str
    url: str
    retrieved: datetime.date
    confidence: str
    prefixes: tuple[str, ...]


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    rule: str
    tables: tuple[_Census, ...]


@functools.cache
def restricted_prefixes() -> frozenset[str]:
    """The prefixes restricted by any of the censuses in the table.

    Raises:
        IdentifierDataError: when the file is broken.
    """
    found = decoded(data_text(_FILE), _FILE, _Table, IdentifierDataError)
    return frozenset(prefix for table in found.tables for prefix in table.prefixes)


def is_restricted(zip_code: str) -> bool:
    """Whether the first three digits of a ZIP code may not stay in de-identified data."""
    return zip_code[:3] in restricted_prefixes()
