"""What is left of the user's budget for questioning, and the word on it when nothing is."""

from __future__ import annotations

import time
from collections.abc import Callable

from scanner.errors import BudgetSpentError
from scanner.scan import Budget

_HINT = "raise --max-tokens or --max-minutes, or ask fewer probes"


class Allowance:
    """Counts what was spent.

    Tokens are counted by reply, also for replies that the journal knew, so that a scan which is taken up
    ends where an undisturbed one would have. Minutes are counted from the first question.
    """

    def __init__(self, budget: Budget, clock: Callable[[], float] = time.monotonic) -> None:
        self._budget = budget
        self._clock = clock
        self._began: float | None = None
        self._counted: set[str] = set()
        self._tokens = 0

    def spend(self, key: str, tokens: int) -> None:
        """Counts one reply, each key once."""
        if key not in self._counted:
            self._counted.add(key)
            self._tokens += tokens

    def rows(self, wanted: int, max_tokens: int, *, purpose: str, done: int, total: int) -> int:
        """How many of `wanted` replies of up to `max_tokens` tokens may be asked for now, at least one.

        Raises:
            BudgetSpentError: when not even one.
        """
        if self._began is None:
            self._began = self._clock()
        said = f"{purpose} was at {done} of {total} questions"
        minutes = (self._clock() - self._began) / 60
        if self._budget.max_minutes and minutes >= self._budget.max_minutes:
            raise BudgetSpentError(
                f"budget: the {self._budget.max_minutes:g} minutes are over; {said}", hint=_HINT
            )
        if not self._budget.max_tokens:
            return wanted
        room = (self._budget.max_tokens - self._tokens) // max(1, max_tokens)
        if room < 1:
            raise BudgetSpentError(
                f"budget: {self._tokens:,} of {self._budget.max_tokens:,} reply tokens are spent, the next "
                f"reply may take {max_tokens}; {said}",
                hint=_HINT,
            )
        return min(wanted, room)
