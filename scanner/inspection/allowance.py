"""How many bytes one inspection may still read, shared by its threads.

>>> allowance = Allowance(100)
>>> allowance.take(60), allowance.take(60)
(True, False)
"""

from __future__ import annotations

import threading


class Allowance:
    """A number of bytes that only goes down.

    Attributes:
        whole_bytes: What it was at first.
    """

    def __init__(self, whole_bytes: int) -> None:
        self.whole_bytes = whole_bytes
        self._left = whole_bytes
        self._lock = threading.Lock()

    @property
    def used_bytes(self) -> int:
        """How many were taken."""
        return self.whole_bytes - self._left

    def take(self, size_bytes: int) -> bool:
        """Takes so many, or none and False when there are fewer."""
        with self._lock:
            if size_bytes > self._left:
                return False
            self._left -= size_bytes
            return True
