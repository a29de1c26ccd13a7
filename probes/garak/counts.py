"""How many prompts each probe of garak makes, counted once: what a scan costs, and what the docs say.

>>> count_of("dan.STAN").prompts
1
"""

from __future__ import annotations

import datetime
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

import msgspec
import yaml

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
    text = (resources.files("probes") / "data" / COUNTS_FILE).read_text("utf-8")
    try:
        return msgspec.convert(yaml.safe_load(text), _File, strict=False).probes
    except (yaml.YAMLError, msgspec.ValidationError) as error:
        raise GarakDataError(f"{COUNTS_FILE}: {error}") from error


def count_of(probe: str) -> PromptCount | None:
    """The count of one probe, None for one that was not counted."""
    return load_counts().get(probe)
