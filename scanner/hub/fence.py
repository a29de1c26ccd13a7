"""Bounds what a hub may do to us: how long it takes, how much it sends, where it leads.

The hub's client by itself waits for ever, reads answers of any length into memory, obeys any
`Retry-After`, follows the pages of a listing without end, and sends the token to the host that a
listing names as its next page. Its retries differ from version to version. All of that is settled here,
for both of its lines alike: 1.x speaks through httpx, 2.x through httpx2, and the fence takes whichever
it finds.

Source: huggingface_hub 1.31.0, 1.33.0 and 2.4.0, utils/_http.py and utils/_pagination.py.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Final, cast

from scanner.hub.patience import TemporaryHubError, asked_wait_seconds
from scanner.hub.transport import as_stream, origin, secured, transport_library, trusted_certificates
from scanner.source import SourceError

if TYPE_CHECKING:
    import httpx2

# Set on a request for a file: how many bytes its answer may have. All other requests ask the API.
LIMIT: Final = "weighbridge_limit_bytes"
_TRY_AGAIN: Final = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True)
class HubLimits:
    """How patient we are with a hub.

    Attributes:
        connect_seconds: For a connection to stand.
        silent_seconds: Without a single byte.
        answer_seconds: For an answer of the API to be complete.
        answer_bytes: Of an answer of the API. Parsed JSON takes up to thirty times as much memory.
        slowest_bytes_per_second: Of a file, over each `silent_seconds`; slower counts as stalled.
        pages: Of one listing.
        files: Of one repository.
        redirects: One after another.
        attempts: For one thing that fails in a way that may pass.
        first_wait_seconds: Before the second attempt; doubles from then on.
        longest_wait_seconds: Before the next attempt, and the longest that a hub may ask for.
    """

    connect_seconds: float = 15.0
    silent_seconds: float = 30.0
    answer_seconds: float = 120.0
    answer_bytes: int = 16 * 1024**2
    slowest_bytes_per_second: float = 1024.0
    pages: int = 1000
    files: int = 100_000
    redirects: int = 10
    attempts: int = 4
    first_wait_seconds: float = 1.0
    longest_wait_seconds: float = 60.0


class Fence:
    """Stands between the hub's client and one endpoint; use `client` as the client's factory."""

    def __init__(self, endpoint: str, shown: str, limits: HubLimits) -> None:
        self._home = origin(endpoint)
        self._shown = shown
        self._limits = limits
        self._pages_left: int | None = None
        self._was_reached = False
        self._receiving = threading.local()

    def client(self) -> httpx2.Client:
        """A client of the library that the hub's client speaks through, fenced; its factory."""
        from huggingface_hub.utils import _http

        library = transport_library()
        fence = self

        class FencedClient(library.Client):  # type: ignore[misc, name-defined]
            def send(self, request: httpx2.Request, **settings: object) -> httpx2.Response:
                with fence.translated(request, library):
                    response: httpx2.Response = super().send(request, **settings)
                    return response

        def after(response: httpx2.Response) -> None:
            fence.after(response, library)

        return FencedClient(
            event_hooks={
                # The first is the client's own: it knows of offline mode.
                "request": [_http.hf_request_event_hook, self.before],
                "response": [after],
            },
            verify=trusted_certificates(),
            follow_redirects=True,
            max_redirects=self._limits.redirects,
        )

    @contextlib.contextmanager
    def counted(self) -> Iterator[None]:
        """Inside, only so many requests may be made as a listing may have pages."""
        self._pages_left = self._limits.pages
        try:
            yield
        finally:
            self._pages_left = None

    @contextlib.contextmanager
    def receiving(self, size_bytes: int) -> Iterator[None]:
        """Inside, and in this thread, the hub's client itself receives a file of this size."""
        self._receiving.bound = max(size_bytes, self._limits.answer_bytes)
        try:
            yield
        finally:
            del self._receiving.bound

    def before(self, request: httpx2.Request) -> None:
        """Looks at a request before it is sent, those of redirects too.

        Raises:
            SourceError: when it leads where it should not, or is one too many.
        """
        limits = self._limits
        if bound := getattr(self._receiving, "bound", None):
            request.extensions.setdefault(LIMIT, bound)
        if origin(str(request.url)) not in (self._home, secured(self._home)):
            request.headers.pop("Authorization", None)
            if LIMIT not in request.extensions:
                raise SourceError(
                    f"{self._shown} leads to another host, {_host(request)}, for {_what(request)}",
                    hint="name the host that shall be asked with --endpoint; a token is not sent elsewhere",
                )
        if self._pages_left is not None:
            self._pages_left -= 1
            if self._pages_left < 0:
                raise SourceError(
                    f"{self._shown} lists without end: more than {limits.pages} pages",
                    hint="do not use this repository or mirror; report it to its operator",
                )
        # Compressed answers could be a thousand times as long once unpacked.
        request.headers["Accept-Encoding"] = "identity"
        silent, connect = limits.silent_seconds, limits.connect_seconds
        request.extensions["timeout"] = {
            "connect": connect, "read": silent, "write": silent, "pool": silent,
        }  # fmt: skip

    def after(self, response: httpx2.Response, library: ModuleType) -> None:
        """Looks at an answer's head before its body is read, and puts bounds on the body.

        Raises:
            TemporaryHubError: when the hub asks to come again later.
            SourceError: when it asks for too long, or sends too much or in another coding.
        """
        self._was_reached = True
        request = response.request
        if response.status_code in _TRY_AGAIN:
            raise self._busy(response)
        coding = response.headers.get("Content-Encoding", "identity").strip().lower()
        if coding not in ("identity", ""):
            raise self._refused(request, f"sent it compressed ({_plain(coding)}) without being asked to")
        limit_bytes = self._limit_bytes(response)
        told = response.headers.get("Content-Length", "")
        if request.method != "HEAD" and told.isdecimal() and int(told[:19]) > limit_bytes:
            raise self._refused(request, f"announced {_plain(told)} bytes, at most {limit_bytes} are due")
        body = _Body(self, request, cast("httpx2.SyncByteStream", response.stream), limit_bytes)
        # The library accepts no stream that is not of its own base class.
        response.stream = as_stream(body, library)

    def _limit_bytes(self, response: httpx2.Response) -> int:
        limit = response.request.extensions.get(LIMIT)
        is_file = isinstance(limit, int) and response.is_success
        return limit if is_file and isinstance(limit, int) else self._limits.answer_bytes

    def body(
        self, request: httpx2.Request, stream: httpx2.SyncByteStream, limit_bytes: int
    ) -> Iterator[bytes]:
        """The chunks of `stream`, as long as they stay within the limits."""
        limits, is_file = self._limits, LIMIT in request.extensions
        started = window_started = time.monotonic()
        received = window_bytes = 0
        for chunk in stream:
            received += len(chunk)
            window_bytes += len(chunk)
            if received > limit_bytes:
                raise self._refused(request, f"sent more than the {limit_bytes} bytes that are due")
            now = time.monotonic()
            if not is_file and now - started > limits.answer_seconds:
                raise self.failed(request, f"had not answered in full after {limits.answer_seconds:g} s")
            if is_file and now - window_started > limits.silent_seconds:
                if window_bytes < limits.slowest_bytes_per_second * (now - window_started):
                    raise self.failed(request, f"sent {window_bytes} bytes in {limits.silent_seconds:g} s")
                window_started, window_bytes = now, 0
            yield chunk

    @contextlib.contextmanager
    def translated(self, request: httpx2.Request, library: ModuleType) -> Iterator[None]:
        """Turns the library's errors of transport into ours, so that only our patience tries again.

        Raises:
            TemporaryHubError: when it may pass.
            SourceError: when it will not.
        """
        kinds = {
            name: getattr(library, name)
            for name in ("TimeoutException", "ConnectError", "TransportError", "RequestError")
        }
        lasting = tuple(
            getattr(library, name)
            for name in ("TooManyRedirects", "UnsupportedProtocol", "ProxyError", "LocalProtocolError")
        )
        try:
            yield
        except lasting as error:
            raise self._refused(request, _named(error)) from error
        except kinds["TimeoutException"] as error:
            raise self.failed(request, f"sent nothing for {self._limits.silent_seconds:g} s") from error
        except kinds["ConnectError"] as error:
            # What was never reached is a wrong address rather than a passing trouble.
            kind = self.failed if self._was_reached else self._unreached
            raise kind(request, _named(error)) from error
        except kinds["TransportError"] as error:
            raise self.failed(request, _named(error)) from error
        except kinds["RequestError"] as error:
            raise self._refused(request, _named(error)) from error

    def failed(self, request: httpx2.Request, problem: str) -> TemporaryHubError:
        """The error that says that `request` failed in a way that may pass."""
        return TemporaryHubError(
            f"{self._shown} could not deliver {_what(request)}: {problem}",
            hint="try again later (fetching resumes), or scan in offline mode what the cache holds",
        )

    def _refused(self, request: httpx2.Request, problem: str) -> SourceError:
        return SourceError(
            f"{self._shown} could not deliver {_what(request)}: {problem}",
            hint="check the endpoint; if it is right, do not use this repository or mirror",
        )

    def _unreached(self, request: httpx2.Request, problem: str) -> SourceError:
        return SourceError(
            f"{self._shown} could not deliver {_what(request)}: {problem}",
            hint="check the endpoint's address and the network; --offline takes what the cache holds",
        )

    def _busy(self, response: httpx2.Response) -> SourceError:
        status = f"{response.status_code} {_plain(response.reason_phrase)}".strip()
        wait = asked_wait_seconds(response.headers)
        if wait is not None and wait > self._limits.longest_wait_seconds:
            return SourceError(
                f"{self._shown} answered {status} to {_what(response.request)} and asks to wait {wait:.0f} s",
                hint="try again after that time (fetching resumes); a token raises the hub's limits",
            )
        error = self.failed(response.request, f"answered {status}")
        error.wait_seconds = wait
        return error


class _Body:
    """The body of one answer, read through the fence."""

    def __init__(
        self, fence: Fence, request: httpx2.Request, stream: httpx2.SyncByteStream, limit_bytes: int
    ) -> None:
        self._fence, self._request, self._stream, self._limit_bytes = fence, request, stream, limit_bytes

    def chunks(self, library: ModuleType) -> Iterator[bytes]:
        with self._fence.translated(self._request, library):
            yield from self._fence.body(self._request, self._stream, self._limit_bytes)

    def close(self) -> None:
        self._stream.close()


def _host(request: httpx2.Request) -> str:
    return _plain(f"{request.url.scheme}://{request.url.host}")


def _what(request: httpx2.Request) -> str:
    return _plain(request.url.path)


def _named(error: BaseException) -> str:
    return _plain(f"{type(error).__name__}: {error}")


def _plain(text: str) -> str:
    line = "".join(character if character.isprintable() else "?" for character in text[:300])
    return line if len(text) <= 300 else f"{line}..."
