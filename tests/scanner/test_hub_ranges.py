"""An inspection fetches stretches of files by commit, and takes nothing for them that is something else."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from scanner.fetching import inspect
from scanner.hub.fence import HubLimits
from scanner.manifest import Snapshot
from scanner.references import ModelRef
from scanner.source import FetchOptions, Source, SourceError
from scanner.sources.hf import HubSource
from tests.assets.safetensors_cases import safetensors_bytes
from tests.hub_server import HubServer, answering, honest, in_turn

WEIGHTS = "model.safetensors"
DATA_BYTES = 600_000
HEADER = {"w": {"dtype": "U8", "shape": [DATA_BYTES], "data_offsets": [0, DATA_BYTES]}}
MODEL = safetensors_bytes(HEADER, b"\xa5" * DATA_BYTES)
QUICK = HubLimits(silent_seconds=20.0, attempts=3, first_wait_seconds=0.01, longest_wait_seconds=0.1)
SHARD = "/org/tiny/resolve/{}/" + WEIGHTS


@pytest.fixture
def hub() -> Iterator[HubServer]:
    with HubServer() as server:
        server.add("org/tiny", {"config.json": b"{}", "README.md": b"# Tiny"}, {WEIGHTS: MODEL})
        yield server


@pytest.fixture
def options(hub: HubServer, tmp_path: Path) -> FetchOptions:
    return FetchOptions(tmp_path / "cache", endpoint=hub.url, token="hf_secret")


def read(options: FetchOptions, text: str = "hf://org/tiny") -> Snapshot:
    return HubSource(QUICK).inspect(ModelRef.parse(text), options)


def refused(options: FetchOptions) -> str:
    with pytest.raises(SourceError) as caught:
        read(options)
    assert caught.value.hint
    assert "hf_secret" not in f"{caught.value}{caught.value.hint}"
    return str(caught.value)


def shard(hub: HubServer) -> str:
    return SHARD.format(hub.repositories["org/tiny"].revisions["main"])


def test_texts_come_whole_and_weights_by_their_header(hub: HubServer, options: FetchOptions) -> None:
    snapshot = read(options)
    assert {entry.path: entry.is_whole for entry in snapshot.files} == {
        "README.md": True, "config.json": True, WEIGHTS: False,
    }  # fmt: skip
    weights = snapshot.find(WEIGHTS)
    assert weights is not None
    assert weights.size_bytes == len(MODEL)
    assert weights.bytes_read == 16 * 1024
    assert weights.source_digest is not None
    assert weights.source_digest.origin == f"hub tree at {snapshot.commit}"
    assert snapshot.open(WEIGHTS).read(16_000) == MODEL[:16_000]


def test_everything_is_asked_for_by_commit_though_the_branch_moves(
    hub: HubServer, options: FetchOptions
) -> None:
    first = hub.repositories["org/tiny"].revisions["main"]

    def move(path: str) -> None:
        if "/tree/" in path:
            hub.add("org/tiny", {"config.json": b'{"other": 1}'}, {WEIGHTS: b"other"})

    hub.after = move
    assert read(options).commit == first
    asked = hub.paths("GET /org/tiny/resolve/")
    assert asked
    assert all(f"/resolve/{first}/" in each for each in asked)


def test_token_does_not_follow_to_another_host_and_the_range_does(
    hub: HubServer, options: FetchOptions
) -> None:
    with HubServer() as other:
        other.add("org/tiny", {}, {WEIGHTS: MODEL}, revision=hub.repositories["org/tiny"].revisions["main"])
        place = shard(hub)
        hub.behaves = {place: answering(302, headers={"Location": other.url + place})}
        assert read(options).partly_read[WEIGHTS].bytes_read == 16 * 1024
        assert [token for _, token in other.requests] == [""]
        assert other.ranges == ["bytes=0-16383"]
    assert any(token == "Bearer hf_secret" for _, token in hub.requests)


def test_server_that_ignores_ranges_is_refused_not_read(hub: HubServer, options: FetchOptions) -> None:
    headers = {"Content-Length": str(len(MODEL))}
    hub.behaves = {shard(hub): answering(200, [MODEL], headers)}
    assert "600" in refused(options)


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (200, ""),
        (206, ""),
        (206, "bytes 0-16383/99"),
        (206, f"bytes 1-16384/{len(MODEL)}"),
        (206, "bytes 0-16383/*"),
        (206, "\x1b[31mbytes"),
    ],
)
def test_other_bytes_than_asked_for_are_refused(
    hub: HubServer, options: FetchOptions, status: int, told: str
) -> None:
    headers = {"Content-Range": told} if told else {}
    hub.behaves = {shard(hub): answering(status, [MODEL[:16384]], headers)}
    said = refused(options)
    assert f"asked for bytes 0-16383/{len(MODEL)}" in said
    assert said.isprintable()


def test_range_that_ends_early_is_asked_for_again_and_then_refused(
    hub: HubServer, options: FetchOptions
) -> None:
    short = answering(206, [MODEL[:100]], {"Content-Range": f"bytes 0-16383/{len(MODEL)}"})
    hub.behaves = {shard(hub): in_turn(short, honest)}
    assert read(options).partly_read[WEIGHTS].bytes_read == 16 * 1024
    hub.behaves = {shard(hub): short}
    assert "ended after 100 of 16384 bytes" in refused(options)


def test_server_that_sends_without_end_is_stopped_at_the_size_listed(
    hub: HubServer, options: FetchOptions
) -> None:
    config = shard(hub).replace(WEIGHTS, "config.json")
    hub.behaves = {config: answering(200, (b"x" * 65536 for _ in range(10_000)))}
    assert "2 bytes" in refused(options)


def test_busy_hub_is_asked_again(hub: HubServer, options: FetchOptions) -> None:
    hub.behaves = {shard(hub): in_turn(answering(503), answering(429), honest)}
    assert read(options).partly_read[WEIGHTS].bytes_read == 16 * 1024


def test_gated_repository_says_so(hub: HubServer, options: FetchOptions) -> None:
    hub.repositories["org/tiny"].gated = "manual"
    assert "access is gated" in refused(options)


def test_pieces_never_lie_where_a_scan_would_look(hub: HubServer, options: FetchOptions) -> None:
    snapshot = read(options)
    assert Path(snapshot.root).relative_to(options.cache).parts[0] == "inspected"
    assert (Path(snapshot.root) / WEIGHTS).stat().st_size == 16 * 1024  # no holes on the disk
    whole = HubSource(QUICK).fetch(ModelRef.parse("hf://org/tiny"), options)
    assert whole.is_whole


def test_link_in_the_place_of_a_file_is_not_written_through(
    hub: HubServer, options: FetchOptions, tmp_path: Path
) -> None:
    root = Path(read(options).root)
    precious = tmp_path / "precious"
    precious.write_text("mine")
    (root / "config.json").unlink()
    (root / "config.json").symlink_to(precious)
    refused(options)
    assert precious.read_text() == "mine"


def test_inspecting_again_reads_the_same(hub: HubServer, options: FetchOptions) -> None:
    assert read(options) == read(options)


def test_offline_mode_is_refused_with_the_way_out(options: FetchOptions) -> None:
    with pytest.raises(SourceError, match="an inspection asks the hub") as caught:
        read(dataclasses.replace(options, offline=True))
    assert "weighbridge scan" in caught.value.hint


def test_patterns_and_part_narrow_an_inspection(hub: HubServer, options: FetchOptions) -> None:
    snapshot = read(dataclasses.replace(options, ignore=("*.md",)))
    assert [entry.path for entry in snapshot.files] == ["config.json", WEIGHTS]
    assert ("left_out", "README.md") in snapshot.source


def test_sources_that_cannot_read_parts_name_the_scan() -> None:
    class Other(Source):
        scheme = "other"

        def fetch(self, ref: ModelRef, options: FetchOptions) -> Snapshot:
            raise NotImplementedError

    with pytest.raises(SourceError, match="only read whole") as caught:
        Other().inspect(ModelRef.parse("other://x"), FetchOptions(Path("cache")))
    assert "weighbridge scan" in caught.value.hint


def test_unknown_kind_of_source_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="unknown kind of source"):
        inspect(ModelRef.parse("nowhere://x"), FetchOptions(tmp_path))


def test_hundred_shards_cost_a_request_each_and_little_more(hub: HubServer, options: FetchOptions) -> None:
    shards = {f"model-{number:05d}-of-00100.safetensors": MODEL for number in range(1, 101)}
    hub.add("org/tiny", {"config.json": json.dumps({}).encode()}, shards)
    read(options)
    asked = [each for each in hub.paths("GET /org/tiny/resolve/") if each.endswith(".safetensors")]
    assert len(asked) == 100
    ranges = (re.fullmatch(r"bytes=(\d+)-(\d+)", each) for each in hub.ranges if each)
    assert sum(int(each[2]) - int(each[1]) + 1 for each in ranges if each) <= 100 * 16 * 1024
