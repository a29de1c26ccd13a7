"""Asks a server over HTTP: bounded in bytes and seconds, patient where that helps, never led elsewhere.

No proxy from the environment, no redirect, no cookie; the API key goes to the server and is struck out of
everything that comes back.
"""

from __future__ import annotations

import asyncio
import email.utils
import time
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from probes.backend import EngineLostError
from probes.endpoint.address import Address
from probes.endpoint.failures import (
    BrokenOffError,
    KeyRefusedError,
    RequestError,
    RequestTimeoutError,
    TryAgainError,
)
from probes.endpoint.wire import read_refusal, safe_line

if TYPE_CHECKING:
    import httpx2
    import tenacity

T = TypeVar("T")

# A reply of 8192 tokens with log-probabilities takes about 2 MB.
MOST_ANSWER_BYTES: Final = 16 * 1024**2
_CONNECT_SECONDS: Final = 10.0
_BUSY: Final = frozenset({429, 502, 503, 504})
_KEY_WANTED: Final = frozenset({401, 403})
_MOST_TRIES_BROKEN_OFF: Final = 3
_FIRST_PAUSE_SECONDS: Final = 0.5
_LONGEST_PAUSE_SECONDS: Final = 15.0
_TURN_SECONDS: Final = 0.2
# Shorter keys are place-holders ("EMPTY", "none") that may well be words of a reply.
_SECRET_LENGTH: Final = 12


@dataclass(frozen=True)
class Answer:
    """A whole HTTP answer with status 200.

    Attributes:
        body: Its bytes, at most `MOST_ANSWER_BYTES`.
        server: The Server header, "" without one.
    """

    body: bytes
    server: str


@dataclass(frozen=True)
class Limits:
    """How hard to lean on a server.

    Attributes:
        timeout_seconds: How long one request may take, all in all.
        patience_seconds: How long a server that turns requests down or cannot be reached is tried again.
        concurrency: Connections at once.
    """

    timeout_seconds: float
    patience_seconds: float
    concurrency: int


class Client:
    """One server, asked from one event loop that lives as long as the client."""

    def __init__(self, address: Address, *, api_key: str, limits: Limits) -> None:
        import httpx2

        self._address = address
        self._secret = api_key.encode() if len(api_key) >= _SECRET_LENGTH else b""
        self._limits = limits
        # A loop of its own: a batch must not disturb a loop that the caller's thread may have.
        self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        headers = {"Host": address.label, "Accept-Encoding": "identity", "Accept": "application/json"}
        if api_key:
            headers["Authorization"] = f"Bearer {api_key}"
        self._http = httpx2.AsyncClient(
            headers=headers,
            trust_env=False,
            follow_redirects=False,
            timeout=httpx2.Timeout(limits.timeout_seconds, connect=_CONNECT_SECONDS, pool=None),
            limits=httpx2.Limits(max_connections=limits.concurrency),
        )

    def run(self, work: Coroutine[object, object, T]) -> T:
        """What the coroutine returns; Ctrl-C ends every request in flight."""
        return self._runner.run(_interruptible(work))

    async def get(self, path: str, *, is_in_api: bool = True) -> Answer:
        """The answer to a GET, tried once.

        Raises:
            RequestError: when there was none, or one with another status than 200.
            KeyRefusedError: when the server refuses the API key.
        """
        return await self._once("GET", path if not is_in_api else self._address.path + path, None)

    async def post(self, path: str, body: bytes, *, patience_seconds: float | None = None) -> Answer:
        """The answer to a POST of JSON, tried again while the server is busy or cannot be reached.

        Raises:
            RequestError: when this request got none, or one with another status than 200.
            EngineLostError: when the server turned requests down, or could not be reached, for too long.
            KeyRefusedError: when the server refuses the API key.
        """
        import tenacity

        patience = self._limits.patience_seconds if patience_seconds is None else patience_seconds
        retrying = tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception_type(TryAgainError),
            wait=_Pause(),
            stop=_Stop(patience),
            reraise=True,
        )
        try:
            return await retrying(self._once, "POST", self._address.path + path, body)
        except BrokenOffError:
            raise
        except TryAgainError as error:
            raise EngineLostError(
                f"{error}, after {patience:g} s of trying",
                hint="start the server again and run the same command: it takes up where it stopped",
            ) from error

    def close(self) -> None:
        """Ends every connection; can be called twice."""
        if not self._http.is_closed:
            self._runner.run(self._http.aclose())
        self._runner.close()

    async def _once(self, method: str, path: str, body: bytes | None) -> Answer:
        import httpx2

        where = self._address.label
        try:
            # The library's own limits are for one read; a server that trickles would never reach them.
            async with asyncio.timeout(self._limits.timeout_seconds):
                return await self._exchange(method, path, body)
        except (TimeoutError, httpx2.ReadTimeout, httpx2.WriteTimeout) as error:
            raise RequestTimeoutError(
                f"the server {where} gave no whole answer within {self._limits.timeout_seconds:g} s"
            ) from error
        except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
            raise TryAgainError(f"the server {where} cannot be reached ({safe_line(error)})") from error
        except (httpx2.NetworkError, httpx2.RemoteProtocolError) as error:
            raise BrokenOffError(
                f"the server {where} broke off within its answer ({safe_line(error)})"
            ) from error
        except httpx2.HTTPError as error:
            raise RequestError(f"the server {where} cannot be asked ({safe_line(error)})") from error

    async def _exchange(self, method: str, path: str, body: bytes | None) -> Answer:
        headers = {"Content-Type": "application/json"} if body is not None else {}
        async with self._http.stream(
            method,
            self._address.root + path,
            content=body,
            headers=headers,
            extensions={"sni_hostname": self._address.host},
        ) as response:
            found = bytearray()
            # Raw: a packed answer could unfold to any size, and was not asked for.
            async for piece in response.aiter_raw():
                found += piece
                if len(found) > MOST_ANSWER_BYTES:
                    raise RequestError(
                        f"the answer is longer than {MOST_ANSWER_BYTES // 1024**2} MiB and was not read on"
                    )
        answer = bytes(found).replace(self._secret, b"[API key]") if self._secret else bytes(found)
        _require_success(response, answer, path)
        return Answer(answer, safe_line(response.headers.get("server", "")))


async def _interruptible(work: Coroutine[object, object, T]) -> T:
    """Has the loop turn a few times a second: Python looks at signals only then."""

    async def turn() -> None:
        while True:
            await asyncio.sleep(_TURN_SECONDS)

    turning = asyncio.create_task(turn())
    try:
        return await work
    finally:
        turning.cancel()


def _require_success(response: httpx2.Response, body: bytes, path: str) -> None:
    status = response.status_code
    if status == 200:
        return
    told = f"HTTP {status} for {path}"
    if status in _KEY_WANTED:
        raise KeyRefusedError(
            f"the server refuses the API key ({told})", hint="give the key that the server was started with"
        )
    if response.is_redirect:
        raise RequestError(f"the server sends requests elsewhere ({told}), which is not followed")
    reason = read_refusal(body)
    message = f"the server answered {told}" + (f": {reason}" if reason else "")
    if status in _BUSY:
        raise TryAgainError(message, status=status, pause_seconds=_retry_after(response.headers))
    raise RequestError(message, status=status)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a Retry-After header asks for, as a number or as a date."""
    told = headers.get("retry-after", "").strip()
    if told.isascii() and told.isdigit():
        return float(told[:9])
    try:
        return max(0.0, email.utils.parsedate_to_datetime(told).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


class _Pause:
    """Doubling pauses with jitter, or what the server asks for where that is longer."""

    def __init__(self) -> None:
        import tenacity

        self._growing = tenacity.wait_exponential_jitter(
            multiplier=_FIRST_PAUSE_SECONDS, max=_LONGEST_PAUSE_SECONDS, jitter=_FIRST_PAUSE_SECONDS
        )

    def __call__(self, state: tenacity.RetryCallState) -> float:
        failure = state.outcome.exception() if state.outcome else None
        asked = failure.pause_seconds if isinstance(failure, TryAgainError) else None
        return max(self._growing(state), asked or 0.0)


class _Stop:
    """Ends the tries of one request: after some seconds of turning down, or some answers broken off."""

    def __init__(self, patience_seconds: float) -> None:
        self._patience_seconds = patience_seconds
        self._first_failure: float | None = None

    def __call__(self, state: tenacity.RetryCallState) -> bool:
        now = time.monotonic()
        self._first_failure = now if self._first_failure is None else self._first_failure
        if state.outcome and isinstance(state.outcome.exception(), BrokenOffError):
            return state.attempt_number >= _MOST_TRIES_BROKEN_OFF
        return now - self._first_failure + state.upcoming_sleep > self._patience_seconds
