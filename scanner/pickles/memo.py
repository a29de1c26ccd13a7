"""The memo of a pickle: what it stores to use again, of which only what matters is held.

>>> memo = Memo()
>>> memo.store(0, "os")
>>> memo.load(0), len(memo)
('os', 1)
"""

from __future__ import annotations

from collections import deque
from typing import Final

from scanner.pickles.stand_ins import OPAQUE, Made
from scanner.pickles.stream import BrokenPickleError, GlobalUse

# Entries of the memo, and of the stack, beyond which strings are not held: 100 MB of the longest.
HELD_LIMIT: Final = 250_000
# How many of the last entries are looked through for the strings of a name just looked up.
_RECENT: Final = 8


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
        elif index > self._dense:
            self._beyond.add(index)
            if len(self._beyond) > self._limit:
                raise BrokenPickleError(f"it stores more than {self._limit} objects without an order")
        has_room = self._holds_all or len(self._held) < self._limit
        if isinstance(value, GlobalUse) or (has_room and (self._holds_all or _is_of_use(value))):
            self._held[index] = value
        else:
            self._held.pop(index, None)
            if len(self._held) >= self._limit and isinstance(value, str):
                self.has_dropped = True
                self._recent.append((index, value))

    def load(self, index: int) -> object:
        """What is kept under this number, or `OPAQUE` where it was of no use.

        Raises:
            KeyError: when nothing was stored under it.
        """
        if index >= self._dense and index not in self._beyond:
            raise KeyError(index)
        return self._held.get(index, OPAQUE)

    def hold(self, strings: tuple[str, str]) -> None:
        """Holds these beyond the limit: a name just looked up is often looked up again."""
        for index, value in self._recent:
            if value in strings:
                self._held[index] = value


def _is_of_use(value: object) -> bool:
    if isinstance(value, tuple):  # the shape of an array
        return len(value) <= _RECENT and all(type(item) is int for item in value)
    return isinstance(value, str | Made)
