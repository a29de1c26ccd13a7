"""What can go wrong with one request, told apart by what it means for the other requests."""

from __future__ import annotations

from probes.backend import BackendError


class RequestError(BackendError):
    """This request got no usable answer; others may.

    Attributes:
        status: HTTP status of the answer, 0 where there was none.
    """

    def __init__(self, message: str, *, status: int = 0, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.status = status


class RequestTimeoutError(RequestError):
    """The server took longer than a request may."""


class TryAgainError(RequestError):
    """The same request may succeed a little later.

    Attributes:
        pause_seconds: How long the server asks to wait, None where it does not say.
    """

    def __init__(self, message: str, *, status: int = 0, pause_seconds: float | None = None) -> None:
        super().__init__(message, status=status)
        self.pause_seconds = pause_seconds


class BrokenOffError(TryAgainError):
    """The connection ended within the answer: the server may have died of this very request."""


class KeyRefusedError(BackendError):
    """The server wants another API key; no request will succeed."""
