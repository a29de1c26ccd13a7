"""An HTTP server on loopback that misbehaves on order, one behaviour per request."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Behaviour = Callable[["Handler", dict[str, Any]], None]


def chat(text: object, **more: object) -> dict[str, Any]:
    """A well-formed chat answer."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return {"object": "chat.completion", "choices": [choice | more]}


class Handler(BaseHTTPRequestHandler):
    """Hands each request to the behaviour that the test chose."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        self.server.state.paths.append(self.path)
        known = self.server.state.documents.get(self.path)
        self.say(known if known is not None else {"detail": "Not Found"}, 200 if known is not None else 404)

    def do_POST(self) -> None:
        state = self.server.state
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        with state.lock:
            state.requests.append(body)
            state.headers.append(dict(self.headers))
            state.in_flight += 1
            state.most_in_flight = max(state.most_in_flight, state.in_flight)
        try:
            # One token is only asked for by the trial at the start.
            behaviour = state.at_start if body["max_tokens"] == 1 and "echo" not in body else state.behaviour
            behaviour(self, body)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the client left, as it should
        finally:
            with state.lock:
                state.in_flight -= 1

    def say(self, document: object, status: int = 200, **headers: str) -> None:
        """A JSON answer, whole."""
        self.send(json.dumps(document).encode(), status, **{"Content-Type": "application/json", **headers})

    def send(self, body: bytes, status: int = 200, *, length: int | None = None, **headers: str) -> None:
        """Any bytes, announced as of their length unless another is given."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def hang_up(self) -> None:
        """Ends the connection, whatever was announced."""
        self.close_connection = True
        self.connection.close()

    def log_message(self, format: str, *args: object) -> None:
        """Keeps the test's output clean."""


def good(handler: Handler, body: dict[str, Any]) -> None:
    """Says back the last user turn."""
    handler.say(chat(f"You said: {asked(body)}"))


def asked(body: dict[str, Any]) -> str:
    """What the request asks."""
    return str(body["messages"][-1]["content"]) if "messages" in body else str(body["prompt"])


@dataclass
class State:
    """What a test orders, and what it finds afterwards."""

    behaviour: Behaviour = good
    at_start: Behaviour = good
    documents: dict[str, Any] = field(default_factory=lambda: {"/v1/models": {"data": [{"id": "tiny"}]}})
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    in_flight: int = 0
    most_in_flight: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    released: threading.Event = field(default_factory=threading.Event)


class Server(ThreadingHTTPServer):
    """One per test."""

    daemon_threads = True
    request_queue_size = 64
    state: State

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that the handler closed itself is no error here."""


@contextmanager
def hostile_server() -> Iterator[tuple[str, State, Server]]:
    """Address, orders and the server itself; ended afterwards."""
    server = Server(("127.0.0.1", 0), Handler)
    server.state = State()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1", server.state, server
    finally:
        server.state.released.set()
        server.shutdown()
        server.server_close()
        thread.join()
