"""The memo of a pickle: what it stores to use again, of which only what matters is held.

>>> memo = Memo()
>>> memo.store(0, "os")
>>> memo.load(0), len(memo)
('os', 1)
"""

from __future__ import annotations

import math
from collections import deque
from typing import Final

from scanner.pickles.stand_ins import OPAQUE, Fields, Heavy, Made, Table, weight_of
from scanner.pickles.stream import BrokenPickleError, GlobalUse

# Entries of the memo, and of the stack, beyond which strings are not held: 100 MB of the longest.
HELD_LIMIT: Final = 250_000
# Tables with fields of numpy types: an honest file has some hundred, and they are held whatever else is.
_FIELDS_LIMIT: Final = 100_000
# Weights that are told apart between one power of two and the next.
_STEPS: Final = 8
# How many of the last entries are looked through for the strings of a name just looked up.
_RECENT: Final = 8


class Weights:
    """How heavy the tuples are that a memo does not hold, to an eighth of a power of two, in a byte each."""

    def __init__(self) -> None:
        self._codes = bytearray()
        self._beyond: dict[int, int] = {}

    def store(self, index: int, weight: float, dense: int) -> None:
        """Keeps the weight of the tuple of this number, when all numbers below `dense` were given."""
        code = int(min(_STEPS * math.log2(weight), 255))
        codes = self._codes
        if index >= dense:
            self._beyond[index] = code
            return
        if index >= len(codes):
            codes.extend(bytes(index + 1 - len(codes)))
        codes[index] = code

    def forget(self, index: int) -> None:
        """Something else has this number now."""
        if index < len(self._codes):
            self._codes[index] = 0
        self._beyond.pop(index, None)

    def load(self, index: int) -> object:
        """What stands for the tuple of this number, or for anything else that is not held."""
        code = self._codes[index] if index < len(self._codes) else self._beyond.get(index, 0)
        return Heavy(2 ** (code / _STEPS)) if code else OPAQUE


class Memo:
    """What a pickle has stored to use again, by number.

    Only what a name or a call can be made of is held, and no more than `limit` of it, unless `holds_all`.
    """

    def __init__(self, *, holds_all: bool = False, limit: int = HELD_LIMIT) -> None:
        self._held: dict[int, object] = {}
        self._recent: deque[tuple[int, object]] = deque(maxlen=_RECENT)
        self._dense = 0  # every number below was stored
        self._beyond: set[int] = set()
        self._holds_all, self._limit = holds_all, limit
        self._fields = 0
        self._weights = Weights()
        self.has_dropped = False

    def __len__(self) -> int:
        return self._dense + len(self._beyond)

    def store(self, index: int, value: object) -> None:
        """Keeps `value` under this number.

        Raises:
            BrokenPickleError: when a million numbers are left out between those used.
        """
        if index == self._dense:
            self._dense += 1
            self._beyond.discard(index)
        else:
            self._weights.forget(index)
        if index > self._dense:
            self._beyond.add(index)
            if len(self._beyond) > self._limit:
                raise BrokenPickleError(f"it stores more than {self._limit} objects without an order")
        if type(value) is Table:
            self._store_table(index, value)
            return
        has_room = self._holds_all or len(self._held) < self._limit
        if isinstance(value, GlobalUse) or (has_room and (self._holds_all or _is_of_use(value))):
            self._held[index] = value
        else:
            self._held.pop(index, None)
            if type(value) is tuple or type(value) is Heavy:
                self._weights.store(index, weight_of(value), self._dense)
                return
            if len(self._held) >= self._limit and isinstance(value, str):
                self.has_dropped = True
                self._recent.append((index, value))

    def _store_table(self, index: int, table: Table) -> None:
        """Remembers where a table lies: it is stored before it is filled, and may be of use only then."""
        self._held.pop(index, None)
        if table.stored_at not in (-1, index):  # under one of its numbers it could be changed unseen
            table.fields = OPAQUE
        table.stored_at = index
        if self._holds_all:
            self._held[index] = table
        elif isinstance(table.fields, Fields):
            self.hold_table(table)

    def hold_table(self, table: Table) -> None:
        """Holds this table, which tells the fields of a type of numpy, if it was stored.

        Raises:
            BrokenPickleError: when it is one of too many.
        """
        if table.stored_at < 0 or self._held.get(table.stored_at) is table:
            return
        self._held[table.stored_at] = table
        self._fields += 1
        if self._fields > _FIELDS_LIMIT:
            raise BrokenPickleError(f"it describes more than {_FIELDS_LIMIT} types with fields")

    def load(self, index: int) -> object:
        """What is kept under this number, or `OPAQUE` where it was of no use.

        Raises:
            KeyError: when nothing was stored under it.
        """
        if index >= self._dense and index not in self._beyond:
            raise KeyError(index)
        return self._held[index] if index in self._held else self._weights.load(index)

    def hold(self, strings: tuple[str, str]) -> None:
        """Holds these beyond the limit: a name just looked up is often looked up again."""
        for index, value in self._recent:
            if value in strings:
                self._held[index] = value


def _is_of_use(value: object) -> bool:
    if isinstance(value, tuple):  # the shape of an array
        return len(value) <= _RECENT and all(type(item) is int for item in value)
    return isinstance(value, str | Made)
