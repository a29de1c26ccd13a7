"""Data sets of a card whose names hint at the outputs of other models, whose terms may speak of such use.

>>> card = ModelCard({"datasets": ["acme/claude-chats", "acme/weather"]}, "", "README.md")
>>> [(hint.name, hint.family) for hint in output_hints(card)]
[('acme/claude-chats', 'Claude')]
"""

from __future__ import annotations

import functools
import importlib.resources
import re
from dataclasses import dataclass
from typing import Final

from scanner.errors import ScanError
from scanner.findings import Location
from scanner.licensing.record import DatasetHint
from scanner.licensing.terms import Distillation
from scanner.model_files import ModelCard
from scanner.origins.lineage import plain
from scanner.origins.tables import read_table

_COLUMNS: Final = (
    "pattern", "family", "terms", "licence", "distillation", "source", "checked", "confidence",
)  # fmt: skip
_MAX_DATASETS: Final = 200


class OutputTermsError(ScanError):
    """The shipped table of terms on outputs is broken."""


@dataclass(frozen=True)
class OutputTerms:
    """A name that hints at a model, and what its terms say of its outputs.

    Attributes:
        pattern: What the name of a data set holds, in lower case.
        family: The model.
        terms: Title of its terms.
        distillation: What they say of models trained on outputs.
        licence: Id in licences.yaml, "" for the terms of a service.
    """

    pattern: re.Pattern[str]
    family: str
    terms: str
    distillation: Distillation
    licence: str


@functools.cache
def output_terms() -> tuple[OutputTerms, ...]:
    """The table that ships with Weighbridge.

    Raises:
        OutputTermsError: when it is broken.
    """
    name = "output_terms.csv"
    text = (importlib.resources.files("scanner") / "data" / name).read_text(encoding="utf-8")
    _, rows = read_table(text, name, "output-terms", _COLUMNS, OutputTermsError)
    try:
        return tuple(
            OutputTerms(
                re.compile(row["pattern"]), row["family"], row["terms"], Distillation(row["distillation"]),
                row["licence"],
            )
            for row in rows
        )  # fmt: skip
    except (re.error, ValueError) as error:
        raise OutputTermsError(f"{name}: {error}") from error


def output_hints(card: ModelCard) -> tuple[DatasetHint, ...]:
    """One hint per data set of the card whose name fits; the first row of the table that fits decides."""
    value = card.front_matter.get("datasets")
    names = value if isinstance(value, list) else [value]
    place = Location(card.path, detail="key datasets")
    hints = []
    for name in dict.fromkeys(plain(name) for name in names[:_MAX_DATASETS] if isinstance(name, str)):
        row = next((row for row in output_terms() if row.pattern.search(name.casefold())), None)
        if row is not None:
            hints.append(DatasetHint(name, place, row.family, row.terms, row.distillation))
    return tuple(hints)
