"""What comes out when the weights of two models are compared; how, says `scanner.weights.comparing`.

>>> same = Compared("layers.0.w", Relation(Kind.IDENTICAL, cosine=1.0), is_matrix=True)
>>> [each.role for each in Comparison((same,), (), ()).of_kind(Kind.IDENTICAL)]
['layers.#.w']
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from scanner.weights.naming import role_of


class Kind(enum.Enum):
    """What became of a tensor of the base."""

    IDENTICAL = "identical"
    ROUNDED = "rounded"  # to another format of floats, or within what rounding does
    QUANTISED = "quantised"
    LOW_RANK = "low_rank"
    CHANGED = "changed"
    REORDERED = "reordered"
    UNRELATED = "unrelated"
    RESHAPED = "reshaped"
    NOT_COMPARED = "not_compared"


@dataclass(frozen=True)
class Relation:
    """What a tensor has to do with that of the base.

    Attributes:
        kind: In a word.
        cosine: Of the numbers, their mean taken off; 1 for identical ones, 0 for unrelated ones.
        relative_change: Norm of the difference over the norm of the base's numbers.
        rank: Of the difference, for LOW_RANK.
    """

    kind: Kind
    cosine: float = 1.0
    relative_change: float = 0.0
    rank: int = 0


@dataclass(frozen=True)
class Compared:
    """One tensor of both models.

    Attributes:
        name: As the new model has it.
        relation: What the two have to do with each other.
        is_matrix: Whether it has rows and columns.
        form: What else is to be said: other number formats, rows that were added, why it was not compared.
        rows_changed: How many rows differ, where that was counted, else 0.
        is_sampled: Whether equality was seen on a sample only.
        is_resized: Whether one of them has more rows, or columns, than the other.
    """

    name: str
    relation: Relation
    is_matrix: bool
    form: str = ""
    rows_changed: int = 0
    is_sampled: bool = False
    is_resized: bool = False

    @property
    def role(self) -> str:
        """Its name without the number of its layer."""
        return role_of(self.name)


@dataclass(frozen=True)
class Comparison:
    """Every tensor of both models, and the names of those that only one has."""

    tensors: tuple[Compared, ...]
    added: tuple[str, ...]
    absent: tuple[str, ...]

    def of_kind(self, *kinds: Kind) -> list[Compared]:
        """The tensors that became this."""
        return [each for each in self.tensors if each.relation.kind in kinds]
