"""Which family of models a name, a config or a GGUF header points to.

A name is a claim and a config is text that anybody can write, so all of this is hypothesis: "consistent
with", never "is" or "was taken from". Where the same values are shared by several families, or by none,
there is no answer.

>>> table = family_table()
>>> table.of_name("DeepSeek-R1-Distill-Qwen-7B")[0].org
'deepseek-ai'
>>> table.of_shape(Shape("qwen3", 151936, None)).family.name
'Qwen3'
>>> table.of_shape(Shape("llama", 32000, 10000.0)).family is None
True
"""

from __future__ import annotations

import datetime
import functools
import importlib.resources
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from scanner.model_files import GgufArray, GgufHeader
from scanner.origins.names import ModelName
from scanner.origins.publishers import PublisherDataError, publisher_table, require_source
from scanner.origins.tables import Knowledge, read_table

_COLUMNS: Final = (
    "family", "org", "names", "words", "model_types", "vocabularies", "thetas", "shared", "source",
    "checked", "confidence",
)  # fmt: skip
_LONGEST_NAME: Final = 200
# What every developer's names may hold beside the family: sizes, numbers, single letters ("r", "v", "a3b").
_PLAIN_ATOM: Final = re.compile(r"\d.*|[a-z]")
_LETTERS: Final = re.compile(r"[a-z]+")
_YES: Final = {"yes": True, "no": False}


@dataclass(frozen=True)
class Shape:
    """What a config or header says that tells families apart.

    Attributes:
        model_type: `model_type` of config.json or `general.architecture` of GGUF.
        vocabulary: Number of tokens, 0 when not stated.
        theta: Base of the rotary position embedding, None when not stated.
    """

    model_type: str
    vocabulary: int
    theta: float | None


@dataclass(frozen=True)
class ModelFamily:
    """One row of the table.

    Attributes:
        name: Of the family.
        org: Its developer on the hub.
        pattern: Finds the family's name in a model's name in lower case.
        words: Other words of the developer's own model names.
        model_types: Architectures of its configs.
        vocabularies: Sizes of its vocabularies.
        thetas: Rotary bases, any when empty.
        is_shared: Whether others trained their own weights under the same values.
        source: Where the values come from; "" for general knowledge.
        checked: When.
        confidence: How they are known.
    """

    name: str
    org: str
    pattern: re.Pattern[str]
    words: frozenset[str]
    model_types: frozenset[str]
    vocabularies: frozenset[int]
    thetas: frozenset[float]
    is_shared: bool
    source: str
    checked: datetime.date
    confidence: Knowledge

    @property
    def stem(self) -> str:
        """The word that all its names have in common: "qwen" for "Qwen2 and Qwen2.5"."""
        return next(iter(_LETTERS.findall(self.name.lower())), "")

    def is_mentioned(self, text: str) -> bool:
        """Whether a name or a card's text names the family in any of its versions."""
        # Short words are parts of others: "phi" in "philosophy", "yi" in "trying".
        end = "" if len(self.stem) > 3 else "(?![a-z])"
        return re.search(rf"(?<![a-z]){re.escape(self.stem)}{end}", text.lower()) is not None

    def fits(self, shape: Shape) -> bool:
        """Whether config or header could be of this family."""
        if shape.model_type not in self.model_types or shape.vocabulary not in self.vocabularies:
            return False
        return not self.thetas or shape.theta is None or shape.theta in self.thetas


@dataclass(frozen=True)
class FamilyHypothesis:
    """The one family that a shape is consistent with, or why none is named.

    Attributes:
        family: None when the answer is withheld.
        reason: What matched, or why there is no answer.
    """

    family: ModelFamily | None
    reason: str


@dataclass(frozen=True)
class FamilyTable:
    """Every known family."""

    version: str
    families: tuple[ModelFamily, ...]

    def of_name(self, name: str) -> tuple[ModelFamily, ...]:
        """The families whose name stands in this text, the one that stands first coming first."""
        lowered = name.lower()[:_LONGEST_NAME]
        found = [(match.start(), row) for row in self.families if (match := row.pattern.search(lowered))]
        return tuple(row for _, row in sorted(found, key=lambda pair: pair[0]))

    def named_exactly(self, repository: str) -> ModelFamily | None:
        """The family of which this name could be a model of the developer's own: it holds no other word."""
        found = self.of_name(repository)
        if not found:
            return None
        rest = found[0].pattern.sub(" ", repository.lower()[:_LONGEST_NAME], count=1)
        words = {atom for atom in ModelName.of(rest).atoms if not _PLAIN_ATOM.fullmatch(atom)}
        return found[0] if words <= found[0].words else None

    def of_shape(self, shape: Shape) -> FamilyHypothesis:
        """The family that a config or header is consistent with."""
        size = shape.vocabulary or "unknown number of"
        said = f"architecture {shape.model_type or 'not stated'}, {size} tokens"
        if shape.theta is not None:
            said += f", rotary base {shape.theta:g}"
        fitting = [row for row in self.families if row.fits(shape)]
        makers = {row.org for row in fitting}
        if not fitting:
            return FamilyHypothesis(None, f"{said}: no family in the table has these values")
        if len(makers) > 1:
            return FamilyHypothesis(None, f"{said}: several families have these values")
        if any(row.is_shared for row in fitting):
            return FamilyHypothesis(None, f"{said}: others trained their own weights under these values")
        return FamilyHypothesis(fitting[0], said)


def shape_of_config(config: Mapping[str, object]) -> Shape:
    """The telling values of a config.json, or of its text part."""
    inner = config.get("text_config")
    parts = (config, inner if isinstance(inner, dict) else {})
    types = [part.get("model_type") for part in parts]
    sizes = [part.get("vocab_size") for part in parts]
    vocabulary = next((size for size in sizes if isinstance(size, int) and not isinstance(size, bool)), 0)
    name = next((text for text in types if isinstance(text, str)), "")
    theta = next((value for part in parts if (value := _theta(part)) is not None), None)
    return Shape(name[:_LONGEST_NAME], max(vocabulary, 0), theta)


def shape_of_header(header: GgufHeader) -> Shape:
    """The telling values of a GGUF header."""
    architecture = header.text("general.architecture")[:_LONGEST_NAME]
    tokens = header.metadata.get("tokenizer.ggml.tokens")
    theta = header.number(f"{architecture}.rope.freq_base")
    return Shape(
        architecture,
        tokens.length if isinstance(tokens, GgufArray) else 0,
        float(theta) if theta is not None else None,
    )


def family_owner(family: ModelFamily) -> str:
    """The name under which the table of publishers knows the family's developer."""
    row = publisher_table().find(family.org)
    return row.org if row else family.org


@functools.cache
def family_table() -> FamilyTable:
    """The table that ships with Weighbridge.

    Raises:
        PublisherDataError: when it is broken; the message names the row.
    """
    path = importlib.resources.files("scanner") / "data" / "model_families.csv"
    return parse_families(path.read_text(encoding="utf-8"))


def parse_families(text: str) -> FamilyTable:
    """The table written in this CSV.

    Raises:
        PublisherDataError: when the head, a column or a row is wrong.
    """
    version, rows = read_table(text, "model_families.csv", "model-families", _COLUMNS, PublisherDataError)
    return FamilyTable(version, tuple(_family(row) for row in rows))


def _family(row: Mapping[str, str]) -> ModelFamily:
    def items(column: str) -> list[str]:
        return [item for item in row[column].split(";") if item]

    try:
        if not (row["family"] and row["org"] and row["names"] and row["model_types"] and row["vocabularies"]):
            raise ValueError("family, org, names, model_types and vocabularies are required")
        confidence = Knowledge(row["confidence"])
        require_source(row["source"], confidence)
        return ModelFamily(
            name=row["family"],
            org=row["org"],
            pattern=re.compile(row["names"]),
            words=frozenset(atom for word in items("words") for atom in ModelName.of(word).atoms),
            model_types=frozenset(items("model_types")),
            vocabularies=frozenset(int(item) for item in items("vocabularies")),
            thetas=frozenset(float(item) for item in items("thetas")),
            is_shared=_YES[row["shared"]],
            source=row["source"],
            checked=datetime.date.fromisoformat(row["checked"]),
            confidence=confidence,
        )
    except (ValueError, KeyError, re.error) as error:
        raise PublisherDataError(f"model_families.csv, row '{row['family']}': {error}") from error


def _theta(part: Mapping[str, object]) -> float | None:
    """The rotary base, which transformers writes in three places, depending on its version."""
    for holder in (part, part.get("rope_parameters"), part.get("rope_scaling")):
        value = holder.get("rope_theta") if isinstance(holder, Mapping) else None
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
    return None
