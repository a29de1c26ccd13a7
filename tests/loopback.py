"""What every hand-written server of the tests is made of: a thread on loopback, quiet, and always ended."""

from __future__ import annotations

import sys
import threading
from abc import ABC, abstractmethod
from http.server import ThreadingHTTPServer
from typing import Any, Self


class QuietHandler:
    """A handler's HTTP/1.1 without a log: tests read what the server noted of its requests."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Tests read `requests` instead."""


class LoopbackServer(ABC):
    """A server to be used as a context; its handlers find it as their `state`."""

    @abstractmethod
    def handler(self) -> type[QuietHandler]:
        """The class of its handlers."""

    def __enter__(self) -> Self:
        own: Any = type("Handler", (self.handler(),), {"state": self})
        self._server = _QuietServer(("127.0.0.1", 0), own)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def host(self) -> str:
        """Address and port."""
        return f"127.0.0.1:{self._server.server_address[1]}"


class _QuietServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Stays silent about clients that hang up; that is what they should do."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]
