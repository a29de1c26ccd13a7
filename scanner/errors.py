"""The one error base: what went wrong, where, and what the user can do about it.

>>> str(ScanError("model.gguf: not readable", hint="check the file's permissions"))
'model.gguf: not readable'
"""

from __future__ import annotations

from typing import ClassVar


class ScanError(Exception):
    """The job cannot be done; `cli` turns it into one line, a hint and an exit code.

    Attributes:
        hint: What the user can do next, a full sentence without the final stop, or "".
        stops_midway: True when a job that was under way could not be finished (a full disk): the
            answer is then INCOMPLETE, where False means that the input or call was wrong.
    """

    stops_midway: ClassVar[bool] = False

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class InvalidValueError(ScanError, ValueError):
    """A value of the vocabulary was built or decoded with parts that contradict each other."""


class CheckTimeoutError(ScanError):
    """A check used up its time limit; the runner records it as ERROR."""


class NotAvailableError(ScanError):
    """Something a check needs is not here (an engine, a device, a data file).

    Raised inside a check, it becomes a NOT_RUN finding with the message as its reason.
    """


class BudgetSpentError(NotAvailableError):
    """The questions or tokens that the user allowed for this scan are used up; what was answered stays."""
