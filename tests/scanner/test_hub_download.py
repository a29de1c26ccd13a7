"""Files arrive whole or not at all, resume where they were, and never land anywhere else."""

from __future__ import annotations

import dataclasses
import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from scanner.hub.folder import alone
from scanner.source import FetchOptions
from tests.fakes import RecordingProgress
from tests.hub_server import HubServer, answering, honest, in_turn
from tests.scanner.test_hub_fence import QUICK, get, refused

FILE = "/org/tiny/resolve/"
WEIGHTS = bytes(range(256)) * 4000
# A hub, a cache: fetches, and lives until it is killed if the hub does not deliver.
CHILD = """
import sys
from pathlib import Path
from scanner.references import ModelRef
from scanner.hub.folder import alone
from scanner.source import FetchOptions
from scanner.sources.hf import HubSource
HubSource().fetch(ModelRef.parse("hf://org/tiny"), FetchOptions(Path(sys.argv[2]), endpoint=sys.argv[1]))
"""


@pytest.fixture
def hub() -> Iterator[HubServer]:
    with HubServer() as server:
        server.add("org/tiny", {}, {"model.safetensors": WEIGHTS})
        yield server


@pytest.fixture
def options(hub: HubServer, tmp_path: Path) -> FetchOptions:
    return FetchOptions(tmp_path / "cache", endpoint=hub.url)


def cut_off(handler: BaseHTTPRequestHandler, after_bytes: int = len(WEIGHTS) // 2) -> None:
    """Announces the whole, sends a part, hangs up."""
    answering(200, [WEIGHTS[:after_bytes]], {"Content-Length": str(len(WEIGHTS))})(handler)


def asked_ranges(hub: HubServer) -> list[str]:
    pairs = zip(hub.paths(), hub.ranges, strict=True)
    return [asked for path, asked in pairs if path.startswith(f"GET {FILE}")]


def test_killed_fetch_is_taken_up_where_it_was(hub: HubServer, options: FetchOptions) -> None:
    half = len(WEIGHTS) // 2

    def stall_midway(handler: BaseHTTPRequestHandler) -> None:
        pieces = itertools.chain([WEIGHTS[:half]], itertools.repeat(b""))
        answering(200, pieces, {"Content-Length": str(len(WEIGHTS))}, pause_seconds=0.05)(handler)

    hub.behaves = {FILE: stall_midway}
    command = [sys.executable, "-c", CHILD, hub.url, str(options.cache)]
    child = subprocess.Popen(command)
    try:
        until = time.monotonic() + 60
        parts = options.cache / "hub" / "org--tiny" / "parts"
        while sum(path.stat().st_size for path in parts.glob("*.part")) < half - 8192:
            assert child.poll() is None
            assert time.monotonic() < until
            time.sleep(0.02)
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
    hub.behaves = {}
    hub.requests.clear()
    hub.ranges.clear()
    progress = RecordingProgress()
    snapshot = get(dataclasses.replace(options, progress=progress))
    (asked,) = asked_ranges(hub)
    begin = int(asked.removeprefix("bytes=").removesuffix("-"))
    assert half - 8192 <= begin <= half
    assert all(entry.matches_source for entry in snapshot.files)
    assert [job.done for job in progress.jobs] == [len(WEIGHTS)] * 2
    assert not parts.exists()


def test_connection_that_breaks_is_taken_up_in_the_same_run(hub: HubServer, options: FetchOptions) -> None:
    hub.behaves = {FILE: in_turn(cut_off, honest)}
    assert all(entry.matches_source for entry in get(options).files)
    assert asked_ranges(hub) == ["", f"bytes={len(WEIGHTS) // 2}-"]


def test_part_of_a_failed_run_is_kept_for_the_next(hub: HubServer, options: FetchOptions) -> None:
    once = dataclasses.replace(QUICK, attempts=1)
    hub.behaves = {FILE: cut_off}
    assert "could not deliver" in refused(options, limits=once)
    root = options.cache / "hub" / "org--tiny" / hub.repositories["org/tiny"].history[0]
    assert not (root / "model.safetensors").exists()
    hub.behaves = {}
    hub.ranges.clear()
    hub.requests.clear()
    assert all(entry.matches_source for entry in get(options).files)
    assert asked_ranges(hub) == [f"bytes={len(WEIGHTS) // 2}-"]


def test_short_body_of_a_fitting_length_is_an_error(hub: HubServer, options: FetchOptions) -> None:
    hub.serve = lambda path, data: data[:1000]
    shown = refused(options)
    assert "ended after 1000 of 1024000 bytes" in shown or "no bytes from 1000 on" in shown


def test_long_connection_that_breaks_often_is_not_given_up_while_it_moves(
    hub: HubServer, options: FetchOptions
) -> None:
    large = os.urandom(1024**2) * 5
    hub.add("org/tiny", {}, {"model.safetensors": large})

    def send_some(handler: BaseHTTPRequestHandler) -> None:
        asked = handler.headers.get("Range", "")
        begin = int(asked[6:-1]) if asked else 0
        headers = {"Content-Length": str(len(large) - begin)}
        if asked:
            headers["Content-Range"] = f"bytes {begin}-{len(large) - 1}/{len(large)}"
        answering(206 if asked else 200, [large[begin : begin + 1024**2 + 1]], headers)(handler)

    hub.behaves = {FILE: send_some}
    snapshot = get(options, limits=dataclasses.replace(QUICK, attempts=2))
    assert all(entry.matches_source for entry in snapshot.files)
    assert len(asked_ranges(hub)) == 5


def test_server_that_knows_no_ranges_sends_it_anew(hub: HubServer, options: FetchOptions) -> None:
    whole = answering(200, [WEIGHTS], {"Content-Length": str(len(WEIGHTS))})
    hub.behaves = {FILE: in_turn(cut_off, whole)}
    progress = RecordingProgress()
    assert all(entry.matches_source for entry in get(dataclasses.replace(options, progress=progress)).files)
    assert progress.jobs[0].done == len(WEIGHTS)


@pytest.mark.parametrize(
    "lie",
    [
        answering(206, [b"x"], {"Content-Range": "bytes 0-0/1024000"}),
        answering(206, [b"x"], {}),
        answering(416, [], {"Content-Range": "bytes */1000"}),
    ],
)
def test_answer_for_another_range_is_not_put_together(
    hub: HubServer, options: FetchOptions, lie: object
) -> None:
    assert callable(lie)
    hub.behaves = {FILE: in_turn(cut_off, lie, honest)}
    assert all(entry.matches_source for entry in get(options).files)
    assert asked_ranges(hub)[-1] == ""


def test_parts_that_do_not_fit_are_fetched_anew(hub: HubServer, options: FetchOptions) -> None:
    hub.behaves = {FILE: lambda handler: cut_off(handler, 1000)}
    refused(options, limits=dataclasses.replace(QUICK, attempts=1))
    (part,) = options.cache.rglob("*.part")
    part.write_bytes(b"?" * 1000)  # as a crash of the machine may leave it
    hub.behaves = {}
    progress = RecordingProgress()
    snapshot = get(dataclasses.replace(options, progress=progress))
    assert all(entry.matches_source for entry in snapshot.files)
    assert asked_ranges(hub)[-2:] == ["bytes=1000-", ""]
    assert progress.jobs[0].done == len(WEIGHTS)


@pytest.mark.parametrize("left", [len(WEIGHTS), len(WEIGHTS) + 1])
def test_part_that_is_as_long_or_longer_than_the_file_is_verified(
    hub: HubServer, options: FetchOptions, left: int
) -> None:
    hub.behaves = {FILE: lambda handler: cut_off(handler, 1000)}
    refused(options, limits=dataclasses.replace(QUICK, attempts=1))
    (part,) = options.cache.rglob("*.part")
    part.write_bytes(b"?" * left)
    hub.behaves = {}
    assert all(entry.matches_source for entry in get(options).files)


def test_wrong_bytes_are_fetched_once_and_left_to_the_finding(hub: HubServer, options: FetchOptions) -> None:
    hub.serve = lambda path, data: bytes(byte ^ 1 for byte in data)
    assert [entry.matches_source for entry in get(options).files] == [False]
    assert asked_ranges(hub) == [""]


def test_empty_file_is_a_file(hub: HubServer, options: FetchOptions) -> None:
    hub.add("org/tiny", {"py.typed": b""})
    assert get(options).local_path("py.typed").read_bytes() == b""


def test_several_files_are_fetched_at_a_time(hub: HubServer, options: FetchOptions) -> None:
    hub.add("org/tiny", {f"{number}.json": b"%d" % number for number in range(6)})
    at_once: list[int] = []
    running = 0

    def count(handler: BaseHTTPRequestHandler) -> None:
        nonlocal running
        running += 1
        at_once.append(running)
        time.sleep(0.1)
        honest(handler)
        running -= 1

    hub.behaves = {FILE: count}
    assert len(get(options).files) == 6
    assert 2 <= max(at_once) <= 4


def test_one_failure_stops_the_others(hub: HubServer, options: FetchOptions) -> None:
    slow = itertools.repeat(b"x" * 1000)
    hub.add("org/tiny", {"a.json": b"{}"}, {"model.safetensors": bytes(10**9 // 50)})
    hub.behaves = {
        f"{FILE}{hub.repositories['org/tiny'].history[-1]}/model": answering(200, slow, pause_seconds=0.01),
        f"{FILE}{hub.repositories['org/tiny'].history[-1]}/a": answering(404),
    }
    started = time.monotonic()
    assert "404" in refused(options)
    assert time.monotonic() - started < 10


def planted(options: FetchOptions, hub: HubServer, place: str, target: Path) -> None:
    commit = hub.repositories["org/tiny"].history[-1]
    link = options.cache / "hub" / place.replace("COMMIT", commit)
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(target)


@pytest.mark.parametrize(
    "place",
    [
        "org--tiny", "org--tiny/parts",
        "org--tiny/COMMIT", "org--tiny/COMMIT/sub", "org--tiny/COMMIT/sub/deep",
        "org--tiny/COMMIT/model.safetensors", "org--tiny/COMMIT/sub/deep/file.json",
    ],
)  # fmt: skip
@pytest.mark.parametrize("is_there", [True, False])
def test_link_that_somebody_planted_is_not_written_through(
    hub: HubServer, options: FetchOptions, tmp_path: Path, place: str, is_there: bool
) -> None:
    hub.add("org/tiny", {"sub/deep/file.json": b"{}"}, {"model.safetensors": WEIGHTS})
    outside = tmp_path / "outside"
    if is_there:
        (outside / "deep").mkdir(parents=True)
    planted(options, hub, place, outside)
    assert "is a link" in refused(options)
    assert not [path for path in outside.rglob("*") if path.name != "deep"]


def test_link_in_place_of_a_file_is_not_read_through(
    hub: HubServer, options: FetchOptions, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(WEIGHTS)  # of the right size, so that it would count as fetched
    planted(options, hub, "org--tiny/COMMIT/model.safetensors", secret)
    assert "is a link" in refused(options)
    get_offline = dataclasses.replace(options, offline=True)
    assert "is a link" in refused(get_offline)
    assert secret.read_bytes() == WEIGHTS


def test_link_in_place_of_a_part_is_not_written_through(
    hub: HubServer, options: FetchOptions, tmp_path: Path
) -> None:
    hub.behaves = {FILE: lambda handler: cut_off(handler, 1000)}
    refused(options, limits=dataclasses.replace(QUICK, attempts=1))
    (part,) = options.cache.rglob("*.part")
    outside = tmp_path / "outside"
    outside.write_bytes(b"mine")
    part.unlink()
    part.symlink_to(outside)
    hub.behaves = {}
    assert "is a link" in refused(options)
    assert outside.read_bytes() == b"mine"


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
def test_something_else_in_place_of_a_file_is_an_error(
    hub: HubServer, options: FetchOptions, make: object
) -> None:
    assert callable(make)
    commit = hub.repositories["org/tiny"].history[-1]
    root = options.cache / "hub" / "org--tiny" / commit
    root.mkdir(parents=True)
    make(root / "model.safetensors")
    assert "is no regular file" in refused(options)


def test_ten_gigabytes_of_readme_are_refused_before_they_come(
    hub: HubServer, options: FetchOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = 10 * 1000**3
    hub.entries = lambda entries: [{"type": "file", "path": "README.md", "size": size, "oid": "0" * 40}]
    usage = type("usage", (), {"free": size})  # the spare room is what is missing
    monkeypatch.setattr("scanner.remote.downloads.shutil.disk_usage", lambda path: usage)
    assert "10.0 GB to fetch and 10.0 GB free" in refused(options)
    assert not asked_ranges(hub)


def test_file_that_is_larger_than_the_tree_says_is_not_received(
    hub: HubServer, options: FetchOptions
) -> None:
    hub.entries = lambda entries: [dict(entries[0], size=10, lfs=None)]
    assert "announced 1024000 bytes, at most 10 are due" in refused(options)


def test_disk_that_fills_up_is_an_error(
    hub: HubServer, options: FetchOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    monkeypatch.setattr(signal, "signal", signal.signal)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        assert "File too large" in refused(options)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert all(entry.matches_source for entry in get(options).files)


def test_file_that_xet_offers_comes_through_the_client_and_is_held_to_its_size(
    hub: HubServer, options: FetchOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    # No Xet is spoken on loopback: what is tried here is all that stands around it. The hub offers the
    # file through Xet, we let the client fetch, and the client, as there is no Xet, takes the hub's way.
    monkeypatch.setattr("scanner.hub.download._xet_is_on", lambda: True)
    hub.entries = lambda entries: [entry | {"xetHash": "0" * 64} for entry in entries]
    snapshot = get(options)
    assert all(entry.matches_source for entry in snapshot.files)
    assert hub.paths(f"HEAD {FILE}")
    assert [path.name for path in Path(snapshot.root).rglob("*") if path.is_file()] == ["model.safetensors"]
    snapshot.local_path("model.safetensors").unlink()
    hub.serve = lambda path, data: data[:10]
    refused(options)


def test_mirror_never_leads_to_xet(hub: HubServer, options: FetchOptions) -> None:
    hub.entries = lambda entries: [entry | {"xetHash": "0" * 64} for entry in entries]
    get(options)
    assert not hub.paths(f"HEAD {FILE}")
    assert not [path for path in hub.paths() if "xet" in path]


def test_two_fetches_of_one_model_do_not_write_into_each_others_parts(
    hub: HubServer, options: FetchOptions
) -> None:
    folder = options.cache / "hub" / "org--tiny"
    folder.mkdir(parents=True)
    with ThreadPoolExecutor(1) as threads:
        with alone(folder):  # as another process would hold it
            fetching = threads.submit(get, options)
            with pytest.raises(TimeoutError):
                fetching.result(timeout=1.0)
            assert hub.paths("GET /api/")
            assert not asked_ranges(hub)
        assert all(entry.matches_source for entry in fetching.result().files)
