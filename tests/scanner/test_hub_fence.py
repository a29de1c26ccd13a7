"""What a hub may do to us is bounded: the hub's real client against hostile servers on loopback."""

from __future__ import annotations

import dataclasses
import itertools
import json
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from scanner.hub.fence import HubLimits
from scanner.hub.patience import asked_wait_seconds
from scanner.manifest import Snapshot
from scanner.references import ModelRef
from scanner.source import FetchOptions, SourceError
from scanner.sources.hf import HubSource
from tests.hub_server import HubServer, answering, honest, in_turn, silent

Behaviour = Callable[[BaseHTTPRequestHandler], None]

QUICK = HubLimits(
    connect_seconds=20.0,
    silent_seconds=20.0,
    answer_seconds=20.0,
    answer_bytes=200_000,
    slowest_bytes_per_second=1000.0,
    pages=20,
    files=50,
    redirects=3,
    attempts=3,
    first_wait_seconds=0.01,
    longest_wait_seconds=1.5,
)
# Only against servers that stall: an honest one on a busy machine may take longer.
IMPATIENT = dataclasses.replace(QUICK, silent_seconds=0.2, answer_seconds=0.4, attempts=2)
INFO = "/api/models/org/tiny"
TREE = "/api/models/org/tiny/tree/"
FILE = "/org/tiny/resolve/"
FILES = {"config.json": b"{}", "README.md": b"# Tiny\n" * 3000}


@pytest.fixture
def hub() -> Iterator[HubServer]:
    with HubServer() as server:
        server.add("org/tiny", FILES)
        yield server


@pytest.fixture
def options(hub: HubServer, tmp_path: Path) -> FetchOptions:
    return FetchOptions(tmp_path / "cache", endpoint=hub.url, token="hf_secret")


def get(options: FetchOptions, text: str = "hf://org/tiny", limits: HubLimits = QUICK) -> Snapshot:
    return HubSource(limits).fetch(ModelRef.parse(text), options)


def refused(options: FetchOptions, text: str = "hf://org/tiny", limits: HubLimits = QUICK) -> str:
    """What the one error says, after a look that nothing was written that should not be there."""
    before = _outside(options)
    with pytest.raises(SourceError) as caught:
        get(options, text, limits)
    assert _outside(options) == before
    assert caught.value.hint
    assert str(caught.value).isprintable()
    assert "hf_secret" not in f"{caught.value}{caught.value.hint}"
    return str(caught.value)


def _outside(options: FetchOptions) -> dict[Path, int]:
    """Every file with its size that is not of the repository, nor a whole file of it."""
    own = options.cache / "hub" / "org--tiny"
    notes = (own / "parts", own / "revisions")
    return {
        path: path.lstat().st_size
        for path in options.cache.parent.rglob("*")
        if path.is_file() and not path.is_symlink() and not own.is_symlink()
        and not (path.parent in (own, *notes) or _is_whole(own, path))
    }  # fmt: skip


def _is_whole(own: Path, path: Path) -> bool:
    """Whether the file is in a commit's folder and as long as the kept listing of that commit says."""
    if not path.is_relative_to(own):
        return False
    commit, _, name = path.relative_to(own).as_posix().partition("/")
    listing = json.loads((own / f"{commit}.json").read_text())
    return {"path": name, "size_bytes": path.lstat().st_size}.items() <= next(
        (each for each in listing["files"] if each["path"] == name), {}
    ).items()


def at(hub: HubServer, place: str, behaviour: Behaviour) -> None:
    """The honest hub, except there; the tree of the API lies below its model route, so the longest wins."""
    hub.behaves = {place: behaviour}
    if place == INFO:
        hub.behaves = {TREE: honest, **hub.behaves}


@pytest.mark.parametrize("place", [INFO, TREE, FILE])
def test_hub_that_never_answers_is_given_up(hub: HubServer, options: FetchOptions, place: str) -> None:
    at(hub, place, silent)
    assert "sent nothing for 0.2 s" in refused(options, limits=IMPATIENT)
    assert len(hub.paths(f"GET {place}")) >= IMPATIENT.attempts


@pytest.mark.parametrize("place", [INFO, TREE, FILE])
def test_hub_that_drips_is_given_up(hub: HubServer, options: FetchOptions, place: str) -> None:
    at(hub, place, answering(200, itertools.repeat(b" "), pause_seconds=0.02))
    shown = refused(options, limits=dataclasses.replace(IMPATIENT, attempts=1))
    assert "had not answered in full after 0.4 s" in shown or "bytes in 0.2 s" in shown


@pytest.mark.parametrize("place", [INFO, TREE, FILE])
def test_hub_that_never_stops_sending_is_stopped(hub: HubServer, options: FetchOptions, place: str) -> None:
    at(hub, place, answering(200, itertools.repeat(b" " * 65536)))
    assert "sent more than the" in refused(options)
    parts = [path.stat().st_size for path in options.cache.rglob("*.part")]
    assert all(size <= len(FILES["README.md"]) for size in parts)


@pytest.mark.parametrize("place", [INFO, TREE, FILE])
def test_announced_length_beyond_the_limit_is_not_received(
    hub: HubServer, options: FetchOptions, place: str
) -> None:
    at(hub, place, answering(200, [b"x"], {"Content-Length": str(10**13)}))
    assert "announced 10000000000000 bytes" in refused(options)


@pytest.mark.parametrize("place", [INFO, TREE, FILE])
def test_compressed_answers_are_refused_as_they_could_be_bombs(
    hub: HubServer, options: FetchOptions, place: str
) -> None:
    at(hub, place, answering(200, [b"\x1f\x8b" * 100], {"Content-Encoding": "gzip"}))
    assert "compressed (gzip)" in refused(options)


def test_hub_is_asked_not_to_compress(hub: HubServer, options: FetchOptions) -> None:
    seen: list[str] = []

    def look(handler: BaseHTTPRequestHandler) -> None:
        seen.append(handler.headers.get("Accept-Encoding", ""))
        honest(handler)

    hub.behaves = {"/": look}
    get(options)
    assert set(seen) == {"identity"}


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
@pytest.mark.parametrize("place", [INFO, TREE, FILE])
def test_passing_trouble_is_tried_again(
    hub: HubServer, options: FetchOptions, place: str, status: int
) -> None:
    at(hub, place, in_turn(answering(status), answering(status), honest))
    assert all(entry.matches_source for entry in get(options).files)


@pytest.mark.parametrize("status", [429, 500, 503])
@pytest.mark.parametrize("place", [INFO, TREE, FILE])
def test_lasting_trouble_is_one_error(hub: HubServer, options: FetchOptions, place: str, status: int) -> None:
    at(hub, place, answering(status, [b"<html>no</html>"]))
    assert f"answered {status}" in refused(options)


@pytest.mark.parametrize("place", [INFO, TREE, FILE])
@pytest.mark.parametrize(
    ("status", "code", "problem"),
    [
        (401, "", "401"),
        (403, "", "403"),
        (404, "", "404"),
        (404, "EntryNotFound", "404"),
        (401, "GatedRepo", "access is gated"),
        (403, "GatedRepo", "access is gated"),
        (418, "", "418"),
    ],
)
def test_lasting_answers_are_one_error_and_asked_for_once(
    hub: HubServer, options: FetchOptions, place: str, status: int, code: str, problem: str
) -> None:
    headers = {"X-Error-Code": code, "X-Error-Message": "\x1b[31mfrom the server"} if code else {}
    at(hub, place, answering(status, [b"[1, 2]"] if place == FILE and not code else [], headers))
    shown = refused(options)
    assert problem in shown or "not a hub's" in shown
    # Two files are asked for at the same time; nothing is asked for again.
    assert len(hub.paths(f"GET {place}")) <= (2 if place == FILE else 1)


def test_hub_that_asks_to_wait_is_waited_for(
    hub: HubServer, options: FetchOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []

    class Clock:
        def __init__(self, event: object) -> None: ...

        def __call__(self, seconds: float) -> None:
            waited.append(seconds)

    monkeypatch.setattr("tenacity.sleep_using_event", Clock)
    at(hub, INFO, in_turn(answering(429, headers={"Retry-After": "1"}), honest))
    get(options)
    assert waited == [1.0]


def test_hub_that_asks_to_wait_for_a_day_is_an_error_at_once(hub: HubServer, options: FetchOptions) -> None:
    at(hub, FILE, answering(429, headers={"Retry-After": "86400"}))
    assert "asks to wait 86400 s" in refused(options)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "-7"}, None),
        ({"Retry-After": "9" * 5000}, 999_999_999.0),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({"Retry-After": "soon"}, None),
        ({"RateLimit": '"api";r=0;t=55', "Retry-After": "7"}, 55.0),
        ({"RateLimit": '"api";r=3;t=55', "Retry-After": "7"}, 7.0),
    ],
)
def test_wait_is_read_from_either_header(headers: dict[str, str], seconds: float | None) -> None:
    assert asked_wait_seconds(headers) == seconds


def test_token_does_not_follow_to_another_host_and_the_bytes_may_come_from_there(
    hub: HubServer, options: FetchOptions
) -> None:
    with HubServer() as elsewhere:
        elsewhere.add("org/tiny", FILES)
        address = elsewhere.url.replace("127.0.0.1", "localhost")

        def redirect(handler: BaseHTTPRequestHandler) -> None:
            answering(302, headers={"Location": address + handler.path, "Content-Length": "0"})(handler)

        at(hub, FILE, redirect)
        assert all(entry.matches_source for entry in get(options).files)
        assert {token for _, token in hub.requests} == {"Bearer hf_secret"}
        assert {token for _, token in elsewhere.requests} == {""}


def test_token_does_not_follow_to_another_port_of_the_host(hub: HubServer, options: FetchOptions) -> None:
    with HubServer() as elsewhere:
        elsewhere.add("org/tiny", FILES)

        def redirect(handler: BaseHTTPRequestHandler) -> None:
            answering(307, headers={"Location": elsewhere.url + handler.path, "Content-Length": "0"})(handler)

        at(hub, FILE, redirect)
        get(options)
        assert elsewhere.requests
        assert {token for _, token in elsewhere.requests} == {""}


@pytest.mark.parametrize("place", [INFO, TREE])
def test_what_the_hub_tells_must_come_from_the_hub(hub: HubServer, options: FetchOptions, place: str) -> None:
    with HubServer() as elsewhere:
        elsewhere.add("org/tiny", FILES)

        def redirect(handler: BaseHTTPRequestHandler) -> None:
            answering(302, headers={"Location": elsewhere.url + handler.path, "Content-Length": "0"})(handler)

        at(hub, place, redirect)
        assert "leads to another host, http://127.0.0.1" in refused(options)
        assert not elsewhere.requests


def test_listing_that_goes_on_at_another_host_is_refused_and_no_token_sent(
    hub: HubServer, options: FetchOptions
) -> None:
    with HubServer() as elsewhere:
        link = f'<{elsewhere.url}{TREE}main>; rel="next"'
        at(hub, TREE, answering(200, [b"[]"], {"Link": link, "Content-Length": "2"}))
        assert "leads to another host" in refused(options)
        assert not elsewhere.requests


def test_listing_that_goes_on_for_ever_is_stopped(hub: HubServer, options: FetchOptions) -> None:
    link = f'<{hub.url}{TREE}main>; rel="next"'
    at(hub, TREE, answering(200, [b"[]"], {"Link": link, "Content-Length": "2"}))
    assert "lists without end: more than 20 pages" in refused(options)
    assert len(hub.paths(f"GET {TREE}")) == QUICK.pages


@pytest.mark.parametrize("place", [INFO, TREE, FILE])
def test_redirect_loop_is_an_error(hub: HubServer, options: FetchOptions, place: str) -> None:
    def redirect(handler: BaseHTTPRequestHandler) -> None:
        answering(302, headers={"Location": handler.path, "Content-Length": "0"})(handler)

    at(hub, place, redirect)
    assert "TooManyRedirects" in refused(options)


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/x", "//[::1", "http://\x00/"])
def test_redirect_to_what_is_no_web_address_is_an_error(
    hub: HubServer, options: FetchOptions, target: str
) -> None:
    at(hub, FILE, answering(302, headers={"Location": target, "Content-Length": "0"}))
    refused(options)


@pytest.mark.parametrize("place", [INFO, TREE, FILE])
@pytest.mark.parametrize(
    "head", [b"", b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n"]
)
def test_something_that_does_not_speak_http_is_an_error(
    hub: HubServer, options: FetchOptions, place: str, head: bytes
) -> None:
    at(hub, place, lambda handler: handler.wfile.write(head) and None)
    assert "could not deliver" in refused(options)


def test_endless_headers_are_an_error(hub: HubServer, options: FetchOptions) -> None:
    def behave(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            handler.wfile.write(b"X-More: " + b"x" * 1000 + b"\r\n")

    at(hub, INFO, behave)
    assert "could not deliver" in refused(options)


def test_large_file_never_lies_in_memory(hub: HubServer, options: FetchOptions) -> None:
    large = bytes(40 * 1024**2)
    hub.add("org/large", {}, {"README.md": large})
    get(options)  # imports what it needs
    tracemalloc.start()
    try:
        snapshot = get(options, "hf://org/large")
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert snapshot.total_bytes == len(large)
    # The server of the test runs in this process and sends its one copy.
    assert peak_bytes < 10 * 1024**2


@pytest.mark.parametrize(
    "endpoint", ["ftp://host", "host", "http://", "http://host:port", "http://host/?a=b", "http://h\n/"]
)
def test_endpoint_that_is_no_address_is_an_error(options: FetchOptions, endpoint: str) -> None:
    assert "not the address of a hub" in refused(dataclasses.replace(options, endpoint=endpoint))


def test_endpoint_may_have_a_path_and_a_slash(hub: HubServer, options: FetchOptions) -> None:
    hub.prefix = "/artifactory/api/huggingfaceml/models"
    snapshot = get(dataclasses.replace(options, endpoint=f"{hub.url}/"))
    assert all(entry.matches_source for entry in snapshot.files)
    assert dict(snapshot.source)["endpoint"] == hub.url


def test_password_of_the_endpoint_is_sent_to_it_and_shown_nowhere(
    hub: HubServer, options: FetchOptions
) -> None:
    endpoint = hub.url.replace("://", "://me:pass%40word@")
    with_password = dataclasses.replace(options, endpoint=endpoint, token="")
    snapshot = get(with_password)
    assert {token[:6] for _, token in hub.requests} == {"Basic "}
    hub.fails = {INFO: 403}
    shown = refused(with_password) + repr(snapshot)
    kept = b"".join(path.read_bytes() for path in options.cache.rglob("*") if path.is_file())
    assert "%40" not in shown
    assert b"%40" not in kept


def test_token_that_no_header_can_hold_is_an_error_that_does_not_show_it(options: FetchOptions) -> None:
    assert refused(dataclasses.replace(options, token="hf_secret\r\nX-Evil: 1"))


def test_two_hubs_at_the_same_time_are_not_mixed_up(hub: HubServer, options: FetchOptions) -> None:
    with HubServer() as second, ThreadPoolExecutor(2) as threads:
        second.add("org/tiny", {"config.json": b"[]"})
        others = dataclasses.replace(options, endpoint=second.url, cache=options.cache / "second")
        mine, theirs = threads.map(get, [options, others])
        assert dict(mine.source)["endpoint"] == hub.url
        assert dict(theirs.source)["endpoint"] == second.url
        assert all(entry.matches_source for entry in (*mine.files, *theirs.files))


def test_offline_mode_of_the_client_is_said(options: FetchOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert "the hub's client is in offline mode" in refused(options)


def test_client_is_put_back_as_it_was(hub: HubServer, options: FetchOptions) -> None:
    from huggingface_hub import get_session, set_client_factory
    from huggingface_hub.utils import _http

    before = _http._GLOBAL_CLIENT_FACTORY
    mine = type(get_session())
    set_client_factory(mine)
    try:
        get(options)
        hub.behaves = {INFO: answering(500)}
        refused(options)
        assert type(get_session()) is mine
    finally:
        set_client_factory(before)
