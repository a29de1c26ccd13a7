"""Whether a commit is the publisher's or anybody's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from scanner.source import FetchOptions
from tests.hub_server import HubServer, answering
from tests.scanner.test_hub_fence import get


@pytest.fixture
def hub() -> Iterator[HubServer]:
    with HubServer() as server:
        yield server


@pytest.fixture
def options(hub: HubServer, tmp_path: Path) -> FetchOptions:
    return FetchOptions(tmp_path / "cache", endpoint=hub.url)


def standing(options: FetchOptions, revision: str) -> list[tuple[str, str]]:
    facts = get(options, f"hf://org/tiny@{revision}").source
    return [fact for fact in facts if fact[0] in ("on_main", "named_by", "unmerged_revision")]


def test_commits_of_main_are_known_as_such_whatever_their_age(hub: HubServer, options: FetchOptions) -> None:
    hub.page_size = 2
    commits = [hub.add("org/tiny", {"config.json": b"%d" % number}) for number in range(7)]
    for commit in (commits[0], commits[3], commits[-1]):
        assert standing(options, commit) == [("on_main", "yes")]


def test_commit_of_a_pull_request_is_not_on_main_and_its_request_is_named(
    hub: HubServer, options: FetchOptions
) -> None:
    hub.add("org/tiny", {"config.json": b"{}"})
    proposed = hub.add("org/tiny", {"config.json": b"[]"}, revision="refs/pr/7")
    assert standing(options, proposed) == [("on_main", "no"), ("named_by", "refs/pr/7")]
    assert standing(options, "refs/pr/7") == [
        ("unmerged_revision", "refs/pr/7"), ("on_main", "no"), ("named_by", "refs/pr/7"),
    ]  # fmt: skip


def test_merged_pull_request_is_on_main(hub: HubServer, options: FetchOptions) -> None:
    commit = hub.add("org/tiny", {"config.json": b"{}"})
    hub.repositories["org/tiny"].revisions["refs/pr/7"] = commit
    assert ("on_main", "yes") in standing(options, "refs/pr/7")


def test_commit_that_nothing_points_to_any_more_is_not_on_main(hub: HubServer, options: FetchOptions) -> None:
    orphan = hub.add("org/tiny", {"config.json": b"[]"}, revision="gone")
    hub.add("org/tiny", {"config.json": b"{}"})
    del hub.repositories["org/tiny"].revisions["gone"]
    assert standing(options, orphan) == [("on_main", "no")]


def test_head_of_another_branch_is_named(hub: HubServer, options: FetchOptions) -> None:
    hub.add("org/tiny", {"config.json": b"{}"})
    commit = hub.add("org/tiny", {"config.json": b"[]"}, revision="v2")
    assert standing(options, commit) == [("on_main", "no"), ("named_by", "refs/heads/v2")]


def test_nothing_is_asked_for_branches(hub: HubServer, options: FetchOptions) -> None:
    hub.add("org/tiny", {"config.json": b"{}"})
    hub.add("org/tiny", {"config.json": b"[]"}, revision="v2")
    assert standing(options, "v2") == []
    assert standing(options, "main") == []
    assert not hub.paths("GET /api/models/org/tiny/commits")


@pytest.mark.parametrize("status", [200, 404, 500])
def test_hub_that_does_not_tell_leaves_it_unknown_and_the_fetch_whole(
    hub: HubServer, options: FetchOptions, status: int
) -> None:
    commit = hub.add("org/tiny", {"config.json": b"{}"})
    hub.behaves = {"/api/models/org/tiny/commits": answering(status, [b"<html>"])}
    assert standing(options, commit) == [("on_main", "unknown")]


def test_history_without_end_leaves_it_unknown(hub: HubServer, options: FetchOptions) -> None:
    proposed = hub.add("org/tiny", {"config.json": b"[]"}, revision="refs/pr/7")
    hub.add("org/tiny", {"config.json": b"{}"})
    link = f'<{hub.url}/api/models/org/tiny/commits/main>; rel="next"'
    page = b'[{"id": "%s"}]' % (b"0" * 40)
    hub.behaves = {"/api/models/org/tiny/commits": answering(200, [page], {"Link": link})}
    assert standing(options, proposed) == [("on_main", "unknown")]
