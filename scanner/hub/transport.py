"""What the hub's client speaks through: httpx in its line 1.x, httpx2 in 2.x, which are alike to us.

>>> origin("HTTPS://Host/path") == origin("https://host:443")
True
"""

from __future__ import annotations

import functools
import importlib
import ssl
from collections.abc import Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import httpx2

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


class Body(Protocol):
    """The body of one answer."""

    def chunks(self, library: ModuleType) -> Iterator[bytes]:
        """Its bytes, as they arrive."""

    def close(self) -> None:
        """Lets go of the connection."""


def transport_library() -> ModuleType:
    """What the hub's client speaks through, httpx or httpx2: its own error stems from theirs."""
    from huggingface_hub.errors import HfHubHTTPError

    name = HfHubHTTPError.__bases__[0].__module__.partition(".")[0]
    return importlib.import_module(name)


@functools.cache
def trusted_certificates() -> ssl.SSLContext:
    """The library's own choice of certificates; reading them takes longer than a small fetch."""
    context: ssl.SSLContext = transport_library().create_ssl_context()
    return context


def as_stream(body: Body, library: ModuleType) -> httpx2.SyncByteStream:
    """`body` as a stream that the library accepts: it takes none that is not of its own base class."""
    base = library.SyncByteStream

    class FencedStream(base):  # type: ignore[misc, valid-type]
        def __iter__(self) -> Iterator[bytes]:
            return body.chunks(library)

        def close(self) -> None:
            body.close()

    stream: httpx2.SyncByteStream = FencedStream()
    return stream


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port of an address; what is no address has an origin of its own."""
    try:
        parts = urlsplit(url)
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme, 0)
        return parts.scheme.lower(), (parts.hostname or "").lower(), port
    except ValueError:  # a port that is no number
        return "", "", -1


def secured(home: tuple[str, str, int]) -> tuple[str, str, int]:
    """The same host over TLS, where http://host sends everybody."""
    return ("https", home[1], 443) if home[0] == "http" and home[2] == 80 else home
