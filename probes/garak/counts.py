"""How many prompts each probe of garak makes, counted once: what a scan costs, and what the docs say.

>>> count_of("dan.STAN").prompts
1
"""

from __future__ import annotations

import datetime
import functools
from collections.abc import Mapping
from dataclasses import dataclass

from probes.data_files import data_text, decoded
from probes.garak.profiles import GarakDataError

COUNTS_FILE = "garak_prompts.yaml"


@dataclass(frozen=True)
class PromptCount:
    """One probe, with seed 0 and garak's own cap of 256.

    Attributes:
        prompts: How many it makes.
        characters: Their mean length.
        detector: Its primary detector.
    """

    prompts: int
    characters: int
    detector: str


@dataclass(frozen=True)
class _File:
    garak: str
    source: str
    retrieved: datetime.date
    licence: str
    probes: Mapping[str, PromptCount]


@functools.cache
def load_counts() -> Mapping[str, PromptCount]:
    """The counts by probe; probes that make no prompts offline are not among them.

    Raises:
        GarakDataError: when the file is broken, with the key.
    """
    return decoded(data_text(COUNTS_FILE), COUNTS_FILE, _File, GarakDataError, strict=False).probes


def count_of(probe: str) -> PromptCount | None:
    """The count of one probe, None for one that was not counted."""
    return load_counts().get(probe)
