"""Asks servers for files: bounded in bytes and seconds, patient, and never led to hand a token elsewhere.

Redirects are followed by hand, so that a credential stays with the host it was given for, encryption is
never dropped on the way, and no server can send us to what listens on this machine alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self, TypeVar
from urllib.parse import urljoin, urlsplit

from scanner.remote.addresses import is_same_origin, leads_home, require_askable, shown_url
from scanner.remote.failures import StatusError, TryAgainError, one_line, retry_after
from scanner.source import Access, SourceError

if TYPE_CHECKING:
    import httpx2
    import tenacity

T = TypeVar("T")

_MOST_REDIRECTS: Final = 10
_CONNECT_SECONDS: Final = 15.0
_BUSY: Final = frozenset({429, 500, 502, 503, 504})
_MOST_TRIES: Final = 50
_HINTS: Final[Mapping[int, str]] = {
    401: "give the credential of this server by --credential",
    403: "ask for access, then give the credential of this server by --credential",
    404: "check the name; private models need a --credential",
}


@dataclass(frozen=True)
class Patience:
    """How long a server is borne with.

    Attributes:
        tries: Tries in a row that bring nothing new.
        stall_seconds: Longest time without a byte, and the time in which 1 KiB must come.
        first_pause_seconds: Pause before the second try; it doubles from try to try.
        longest_pause_seconds: Longest pause, whatever the server asks for.
    """

    tries: int = 4
    stall_seconds: float = 30.0
    first_pause_seconds: float = 0.5
    longest_pause_seconds: float = 30.0


@dataclass(frozen=True)
class Answer:
    """A whole answer with a status of success.

    Attributes:
        body: Its bytes.
        headers: Its headers, names in lower case.
        url: The address that gave it in the end.
    """

    body: bytes
    headers: Mapping[str, str]
    url: str


class Client:
    """One HTTP client for one fetch; use it as a context."""

    def __init__(self, access: Access, patience: Patience) -> None:
        import httpx2

        self._access = access
        self.patience = patience
        # Proxies come from the environment, as for the hub's client; this machine is never asked through one.
        direct = {f"all://{host}": None for host in ("localhost", "127.0.0.1", "[::1]")}
        self._http = httpx2.Client(
            headers={"Accept-Encoding": "identity", "User-Agent": "weighbridge"},
            follow_redirects=False,
            timeout=httpx2.Timeout(
                patience.stall_seconds, connect=min(_CONNECT_SECONDS, patience.stall_seconds)
            ),
            mounts=direct,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def get(self, url: str, headers: Mapping[str, str], *, limit_bytes: int) -> Answer:
        """The answer to a GET, tried again while the server is busy or breaks off.

        Raises:
            StatusError: when it has another status than success.
            SourceError: when there is none, or it is longer than `limit_bytes`.
        """

        def once() -> Answer:
            with self.opened(url, headers) as response:
                require_success(response)
                body = bytearray()
                for piece in response.iter_raw():
                    body += piece
                    if len(body) > limit_bytes:
                        raise SourceError(
                            f"{shown_url(url)}: an answer of more than {limit_bytes} bytes; not read on",
                            hint="do not use this server for this model; tell whoever runs it",
                        )
                return Answer(bytes(body), dict(response.headers), str(response.url))

        return self.patiently(once)

    def patiently(self, work: Callable[[], T]) -> T:
        """What `work` returns, called again as long as it raises TryAgainError and that is worthwhile."""
        import tenacity

        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(TryAgainError),
            wait=_Pause(self.patience),
            stop=_Stop(self.patience),
            reraise=True,
        )
        return retrying(work)

    @contextmanager
    def opened(self, url: str, headers: Mapping[str, str]) -> Iterator[httpx2.Response]:
        """The answer to a GET with its body unread, after every redirect.

        Raises:
            TryAgainError: when the server cannot be reached, breaks off or falls silent.
            SourceError: when it may not be asked, or redirects in a way that is not followed.
        """
        import httpx2

        given = dict(headers)
        try:
            for _ in range(_MOST_REDIRECTS):
                require_askable(url, self._access.plain_http_hosts)
                with self._http.stream("GET", url, headers=given) as response:
                    if not response.has_redirect_location:
                        yield response
                        return
                    target = urljoin(url, response.headers["location"])
                url, given = self._redirected(url, target, given)
        except httpx2.TimeoutException as error:
            raise TryAgainError(
                f"{shown_url(url)}: nothing came for {self.patience.stall_seconds:g} s"
            ) from error
        except (httpx2.NetworkError, httpx2.RemoteProtocolError) as error:
            raise TryAgainError(f"{shown_url(url)}: the connection failed ({one_line(error)})") from error
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
            raise SourceError(
                f"{shown_url(url)}: cannot be asked ({one_line(error)})", hint="check the address"
            ) from error
        raise SourceError(
            f"{shown_url(url)}: more than {_MOST_REDIRECTS} redirects", hint="tell whoever runs the server"
        )

    def _redirected(self, url: str, target: str, headers: dict[str, str]) -> tuple[str, dict[str, str]]:
        """Where to ask next, and with which headers."""
        if leads_home(url, target):
            raise SourceError(
                f"{shown_url(url)}: redirects to {urlsplit(target).hostname}, an address of this machine or "
                "its own network",
                hint="do not use this server; report it to whoever runs it",
            )
        if urlsplit(url).scheme == "https" and urlsplit(target).scheme == "http":
            raise SourceError(
                f"{shown_url(url)}: redirects to plain http ({shown_url(target)})",
                hint="do not use this server; report it to whoever runs it",
            )
        if not is_same_origin(url, target):
            headers = {name: value for name, value in headers.items() if name.lower() != "authorization"}
        return target, headers


def require_success(response: httpx2.Response) -> None:
    """Lets answers pass that are a success and come as they are.

    Raises:
        TryAgainError: when the server is busy.
        StatusError: when it refuses.
        SourceError: when it packed the answer although it was asked not to.
    """
    status, where = response.status_code, shown_url(str(response.url))
    if status in _BUSY:
        raise TryAgainError(
            f"{where}: the server is busy (HTTP {status})", pause_seconds=retry_after(response.headers)
        )
    if not 200 <= status < 300:
        raise StatusError(
            f"{where}: the server answered HTTP {status}; expected the file",
            status,
            dict(response.headers),
            hint=_HINTS.get(status, "check the address, or try again later"),
        )
    packed = response.headers.get("content-encoding", "identity").strip().lower()
    if packed not in ("", "identity"):
        raise SourceError(
            f"{where}: packed by {one_line(packed)} on the way, although that was not asked for",
            hint="fetch the file by another way, or switch off compression on the server",
        )


class _Pause:
    """Doubling pauses with jitter, or what the server asks for where that is longer."""

    def __init__(self, patience: Patience) -> None:
        import tenacity

        self._longest = patience.longest_pause_seconds
        self._growing = tenacity.wait_exponential_jitter(
            multiplier=patience.first_pause_seconds, max=self._longest, jitter=patience.first_pause_seconds
        )

    def __call__(self, state: tenacity.RetryCallState) -> float:
        failure = state.outcome.exception() if state.outcome else None
        asked = failure.pause_seconds if isinstance(failure, TryAgainError) else None
        return min(max(self._growing(state), asked or 0.0), self._longest)


class _Stop:
    """Ends the tries after some in a row that brought nothing, and after very many in any case."""

    def __init__(self, patience: Patience) -> None:
        self._tries = patience.tries
        self._in_vain = 0

    def __call__(self, state: tenacity.RetryCallState) -> bool:
        failure = state.outcome.exception() if state.outcome else None
        has_progressed = isinstance(failure, TryAgainError) and failure.has_progressed
        self._in_vain = 0 if has_progressed else self._in_vain + 1
        return self._in_vain >= self._tries or state.attempt_number >= _MOST_TRIES
