"""Why a server could not deliver: with its status, and whether asking again may help."""

from __future__ import annotations

import email.utils
import time
from collections.abc import Mapping

from scanner.source import SourceError


class StatusError(SourceError):
    """The server answered with a status that is no success.

    Attributes:
        status: HTTP status.
        headers: Of the answer.
    """

    def __init__(self, message: str, status: int, headers: Mapping[str, str], *, hint: str) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.headers = headers


class TryAgainError(SourceError):
    """There was no whole answer; the next try may get one.

    Attributes:
        pause_seconds: How long the server asks to be left alone, or None.
        has_progressed: Whether this try brought bytes that the next one need not fetch again.
    """

    def __init__(
        self, message: str, *, pause_seconds: float | None = None, has_progressed: bool = False
    ) -> None:
        super().__init__(message, hint="try again later; fetching takes up where it stopped")
        self.pause_seconds = pause_seconds
        self.has_progressed = has_progressed


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a Retry-After header asks for, as a number or as a date; None when it cannot be read.

    Source: RFC 9110, 10.2.3.
    """
    told = headers.get("Retry-After", "").strip()
    if told.isdecimal():
        return float(told[:9])
    try:
        return max(0.0, email.utils.parsedate_to_datetime(told).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


def one_line(error: object) -> str:
    """The text of an error as one printable line of bounded length."""
    text = " ".join(str(error).split())[:200] or type(error).__name__
    return "".join(character if character.isprintable() else "?" for character in text)
