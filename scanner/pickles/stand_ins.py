"""What stands on the stack of a pickle that is read and not loaded, in the place of objects.

>>> lean([GlobalUse("os", "system", 0), "x" * 900]) == (GlobalUse("os", "system", 0), OPAQUE)
True
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from scanner.pickles.stream import GlobalUse

# Tuples longer than this are never the arguments that have to be understood.
_SMALL: Final = 32
# In longer tuples, and of longer strings in any tuple, only the names of globals are looked at.
_READ_ITEMS: Final = 8
_READ_LETTERS: Final = 64
_HEAD: Final = 16


class Opaque:
    """Stands for any object whose content does not matter here."""


@dataclass(slots=True)
class Made:
    """Stands for the result of a call, with what is needed to find the length of a raw array.

    `items` is what was stored in it as in a table, for machines that keep tables; `is_built` says that it
    has got its attributes, after which no honest pickle changes it; `is_endless` that it has more items than
    anybody can wait for.
    """

    maker: GlobalUse | None
    args: tuple[object, ...] = ()
    state: object = None
    items: dict[object, object] | None = None
    is_built: bool = False
    is_endless: bool = False


@dataclass(frozen=True)
class Stored:
    """Stands for what lies beside the pickle under a persistent id."""

    key: object


@dataclass(frozen=True, slots=True)
class Constant:
    """Stands for a byte string, or for text too long to be a name, of which only the beginning is kept."""

    head: bytes

    @classmethod
    def of(cls, data: bytes) -> Constant:
        """A stand-in for these bytes."""
        return cls(data[:_HEAD])


@dataclass(frozen=True, slots=True)
class Fields:
    """Stands for the fields of a numpy type: whether objects are among them, and where the last one ends."""

    has_objects: bool
    end: int


class Table(dict[object, object]):
    """Stands for a table: what it means to numpy, should it be a state, and few of its entries.

    Attributes:
        fields: What it tells of the fields of a type; None while it is empty, `OPAQUE` when it tells nothing.
        is_misplaced: Whether it has a random number generator stand outside of its numbers.
        is_used: Whether a type has it for its fields already.
        stored_at: Its number in the memo; -1 before it has one.
    """

    __slots__ = ("fields", "is_misplaced", "is_used", "stored_at")

    def __init__(self) -> None:
        super().__init__()
        self.fields: object = None
        self.is_misplaced = self.is_used = False
        self.stored_at = -1


@dataclass(frozen=True, slots=True)
class Heavy(Opaque):
    """Stands for a tuple that is not kept, of which only its weight is known; see `weight_of`."""

    weight: float


class Changeable(Opaque):
    """Stands for a byte array: later instructions may change it, so nobody knows what it will hold."""


OPAQUE: Final = Opaque()
_HEAVY: Final = frozenset({str, tuple, Table})


def small(items: list[object]) -> object:
    """A tuple with everything in it, unless it is too long to matter."""
    return tuple(items) if len(items) <= _SMALL else OPAQUE


def lean(items: list[object]) -> object:
    """A tuple without what nobody will ask for, so that tuples of tuples take no memory."""
    if len(items) > _SMALL:
        return Heavy(1 + sum(map(weight_of, items)))
    letters = _READ_LETTERS if len(items) <= _READ_ITEMS else 0
    return tuple([lean_item(item, letters) if type(item) in _HEAVY else item for item in items])


def lean_item(item: object, letters: int = _READ_LETTERS) -> object:
    """One value that is kept in another: long strings, tables, and tuples that hold such stay opaque."""
    if isinstance(item, str):
        return item if len(item) <= letters else OPAQUE
    if isinstance(item, tuple):
        is_light = len(item) <= _READ_ITEMS and _HEAVY.isdisjoint(map(type, item))
        return item if is_light or _is_array_type(item) else Heavy(weight_of(item))
    if isinstance(item, Table):
        return item if isinstance(item.fields, Fields) or item.is_misplaced else OPAQUE
    return item


def weight_of(value: object) -> float:
    """How many values are looked at to hash this one: those in a tuple, each as often as it is in there."""
    if type(value) is not tuple:
        return value.weight if type(value) is Heavy else 1
    weight: float = 1 + len(value)
    for item in value:
        if type(item) is tuple or type(item) is Heavy:
            weight += weight_of(item) - 1
    return weight


def _is_array_type(item: tuple[object, ...]) -> bool:
    """Whether this may be an element type of numpy and the shape of the array that each element is."""
    if len(item) != 2 or not isinstance(item[0], Made) or not isinstance(item[1], tuple):
        return False
    return len(item[1]) <= _READ_ITEMS and all(type(size) is int for size in item[1])
