"""A list of what is wrong with a file in which no flood of one kind crowds out another.

>>> kept = ByRule(lambda word: word[0], 2)
>>> kept.extend(["aa", "ab", "ac", "b"])
>>> list(kept), kept.is_full("a")
(['aa', 'ab', 'b'], True)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class ByRule(Generic[T]):
    """Items, of each rule no more than the first `most`."""

    def __init__(self, rule_of: Callable[[T], Hashable], most: int) -> None:
        self._rule_of, self._most = rule_of, most
        self._kept: list[T] = []
        self._counts: Counter[Hashable] = Counter()

    def __iter__(self) -> Iterator[T]:
        return iter(self._kept)

    def __len__(self) -> int:
        return len(self._kept)

    def is_full(self, rule: Hashable) -> bool:
        """Whether no more of this rule is kept."""
        return self._counts[rule] >= self._most

    def append(self, item: T) -> None:
        """Keeps one more, unless there are enough of its rule."""
        rule = self._rule_of(item)
        if not self.is_full(rule):
            self._counts[rule] += 1
            self._kept.append(item)

    def extend(self, items: Iterable[T]) -> None:
        """Keeps several more, as `append` does."""
        for item in items:
            self.append(item)
