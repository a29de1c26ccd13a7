"""Harmful requests and harmless ones of the same form: the yardstick of the refusal direction.

>>> len(load_safety_requests())
40
"""

from __future__ import annotations

import datetime
import functools
import importlib.resources

from probes.deflection.bank_files import read_rows
from probes.deflection.items import Bilingual, DataRow


class SafetyPair(DataRow, frozen=True):
    """Two requests of one form.

    Attributes:
        id: Name of the pair.
        harmful: What a safety-trained model refuses; a request only, never how it is done.
        harmless: The same form of request about something harmless.
    """

    id: str
    harmful: Bilingual
    harmless: Bilingual


class _SafetyFile(DataRow, frozen=True):
    version: str
    written: datetime.date
    licence: str
    source: str
    pairs: tuple[SafetyPair, ...]


@functools.cache
def load_safety_requests() -> tuple[SafetyPair, ...]:
    """Every pair, in the order of the file.

    Raises:
        ItemBankError: when the file is broken.
    """
    file = importlib.resources.files("probes") / "data" / "safety_requests.yaml"
    return read_rows(file, _SafetyFile).pairs
