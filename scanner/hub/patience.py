"""Tries again what a hub may yet deliver, as often and as long as the limits allow, and no longer.

>>> asked_wait_seconds({"Retry-After": "120"})
120.0
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, Protocol

from scanner.remote.failures import retry_after
from scanner.source import SourceError

if TYPE_CHECKING:
    import tenacity

# The hub's own header: `RateLimit: "api";r=0;t=55`, nothing remains, and 55 s until it starts afresh.
_RATE_LIMIT: Final = re.compile(r"\br\s*=\s*0\s*;\s*t\s*=\s*(\d{1,9})\b")


class _Limits(Protocol):
    @property
    def attempts(self) -> int: ...
    @property
    def first_wait_seconds(self) -> float: ...
    @property
    def longest_wait_seconds(self) -> float: ...


class TemporaryHubError(SourceError):
    """The hub could not deliver, and may do so when asked again.

    Attributes:
        wait_seconds: How long the hub asks to wait, None when it says nothing.
    """

    wait_seconds: float | None = None


def asked_wait_seconds(headers: Mapping[str, str]) -> float | None:
    """How long an answer's headers ask to wait; None when they say nothing that can be read.

    Source: RFC 9110, 10.2.3 (seconds or a date); draft-ietf-httpapi-ratelimit-headers-09 as the hub uses it.
    """
    if match := _RATE_LIMIT.search(headers.get("RateLimit", "")):
        return float(match[1])
    return retry_after(headers)


def retrying(
    limits: _Limits,
    stopped: threading.Event | None = None,
    has_moved: Callable[[], bool] = lambda: False,
) -> tenacity.Retrying:
    """Calls a function again while it raises TemporaryHubError; the last error is raised as it is.

    Args:
        limits: How often and how long.
        stopped: Set when nobody waits for the outcome any more.
        has_moved: Whether something was gained since it was last asked; attempts then count afresh.
    """
    import tenacity

    failures = 0

    def is_enough(state: tenacity.RetryCallState) -> bool:
        nonlocal failures
        failures = 1 if has_moved() else failures + 1
        return failures >= limits.attempts or (stopped is not None and stopped.is_set())

    growing = tenacity.wait_exponential(multiplier=limits.first_wait_seconds, max=limits.longest_wait_seconds)

    def wait_seconds(state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.wait_seconds if isinstance(error, TemporaryHubError) else None
        return growing(state) if asked is None else asked

    return tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(TemporaryHubError),
        stop=is_enough,
        wait=wait_seconds,
        sleep=tenacity.sleep_using_event(stopped or threading.Event()),
        reraise=True,
    )
