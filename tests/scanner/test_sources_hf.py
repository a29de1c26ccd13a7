"""The hub source, with the hub's real client against a server on loopback."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from scanner.check import CheckContext
from scanner.checks import integrity_mismatch
from scanner.evidence import EvidenceStore
from scanner.fetching import fetch
from scanner.findings import Finding, Outcome, Severity
from scanner.manifest import Snapshot
from scanner.references import ModelRef
from scanner.source import FetchOptions, SourceError
from scanner.sources.hf import HubSource
from tests.fakes import RecordingProgress
from tests.hub_server import HubServer
from tests.scanner.test_hub_fence import QUICK

SMALL = {"config.json": b'{"model_type": "llama"}', "README.md": b"# Tiny\n"}
LARGE = {"model.safetensors": bytes(range(256)) * 1000, "original/consolidated.pth": b"old" * 100}


@pytest.fixture
def hub() -> Iterator[HubServer]:
    with HubServer() as server:
        yield server


@pytest.fixture
def options(hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FetchOptions:
    # The client must neither find nor touch what the person who runs the tests has.
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "elsewhere"))
    return FetchOptions(tmp_path / "cache", endpoint=hub.url)


def integrity(snapshot: Snapshot, tmp_path: Path) -> list[Finding]:
    context = CheckContext(snapshot, EvidenceStore(tmp_path / "evidence"))
    return [item for item in integrity_mismatch.CHECK.run(context) if isinstance(item, Finding)]


def get(text: str, options: FetchOptions) -> Snapshot:
    return fetch(ModelRef.parse(text), options)


def test_every_file_is_fetched_by_commit_and_hashed(
    hub: HubServer, options: FetchOptions, tmp_path: Path
) -> None:
    commit = hub.add("org/tiny", SMALL, LARGE)
    snapshot = get("hf://org/tiny", options)
    assert snapshot.commit == commit
    assert [entry.path for entry in snapshot.files] == sorted({**SMALL, **LARGE})
    assert all(entry.matches_source for entry in snapshot.files)
    assert {entry.source_digest.algorithm for entry in snapshot.files if entry.source_digest} == {
        "sha256", "git-sha1",
    }  # fmt: skip
    assert snapshot.local_path("model.safetensors").read_bytes() == LARGE["model.safetensors"]
    assert all(f"/resolve/{commit}/" in path for path in hub.paths() if "/resolve/" in path)
    assert [finding.outcome for finding in integrity(snapshot, tmp_path)] == [Outcome.PASS]
    assert dict(snapshot.source)["gated"] == "false"
    assert dict(snapshot.source)["author"] == "org"


def test_tree_is_listed_once_even_over_pages(hub: HubServer, options: FetchOptions) -> None:
    hub.page_size = 1
    commit = hub.add("org/tiny", SMALL, LARGE)
    assert len(get("hf://org/tiny", options).files) == 4
    assert len(hub.paths("GET /api/models/org/tiny/tree")) == 4
    assert hub.paths("GET /api/models/org/tiny/tree")[0].endswith(commit)


def test_flipped_bytes_behind_a_true_etag_fail_integrity(
    hub: HubServer, options: FetchOptions, tmp_path: Path
) -> None:
    hub.add("org/tiny", SMALL, LARGE)
    hub.serve = lambda path, data: bytes(byte ^ 0xFF for byte in data)
    snapshot = get("hf://org/tiny", options)
    failed = integrity(snapshot, tmp_path)
    assert [finding.outcome for finding in failed] == [Outcome.FAIL] * 4
    assert {finding.severity for finding in failed} == {Severity.CRITICAL}
    assert {finding.locations[0].path for finding in failed} == {*SMALL, *LARGE}


def test_one_flipped_byte_fails_integrity_for_that_file_only(
    hub: HubServer, options: FetchOptions, tmp_path: Path
) -> None:
    hub.add("org/tiny", SMALL, LARGE)
    hub.serve = lambda path, data: data[:-1] + b"!" if path == "README.md" else data
    snapshot = get("hf://org/tiny", options)
    assert [entry.path for entry in snapshot.files if entry.matches_source is False] == ["README.md"]
    (finding,) = integrity(snapshot, tmp_path)
    assert finding.outcome is Outcome.FAIL
    entry = snapshot.find("README.md")
    assert entry is not None
    assert entry.git_sha1 is not None
    assert entry.source_digest is not None
    assert entry.git_sha1 in finding.message
    assert entry.source_digest.value in finding.message


def test_bytes_changed_in_the_cache_are_seen_on_the_next_scan(hub: HubServer, options: FetchOptions) -> None:
    hub.add("org/tiny", SMALL, LARGE)
    path = get("hf://org/tiny", options).local_path("model.safetensors")
    path.write_bytes(bytes(len(LARGE["model.safetensors"])))
    again = get("hf://org/tiny", options)
    assert [entry.path for entry in again.files if entry.matches_source is False] == ["model.safetensors"]


def test_second_fetch_downloads_nothing(hub: HubServer, options: FetchOptions) -> None:
    hub.add("org/tiny", SMALL, LARGE)
    first = get("hf://org/tiny", options)
    hub.requests.clear()
    assert get("hf://org/tiny", options) == first
    assert not [path for path in hub.paths() if "/resolve/" in path]


def test_stopped_fetch_takes_up_at_the_missing_file(hub: HubServer, options: FetchOptions) -> None:
    hub.add("org/tiny", SMALL, LARGE)
    first = get("hf://org/tiny", options)
    first.local_path("README.md").unlink()
    first.local_path("model.safetensors").write_bytes(b"half")
    hub.requests.clear()
    assert all(entry.matches_source for entry in get("hf://org/tiny", options).files)
    fetched = {path.rsplit("/", 1)[1] for path in hub.paths("GET /org/tiny/resolve/")}
    assert fetched == {"README.md", "model.safetensors"}


def test_branch_that_moves_between_calls_does_not_mix_commits(hub: HubServer, options: FetchOptions) -> None:
    old = hub.add("org/tiny", SMALL, LARGE)

    def move(path: str) -> None:
        if path == "/api/models/org/tiny":
            hub.add("org/tiny", {**SMALL, "README.md": b"# Other\n"}, {"model.safetensors": b"other"})

    hub.after = move
    snapshot = get("hf://org/tiny", options)
    assert snapshot.commit == old
    assert all(entry.matches_source for entry in snapshot.files)
    hub.after = lambda path: None
    assert get("hf://org/tiny", options).commit != old


def test_tag_commit_and_pull_request_resolve(hub: HubServer, options: FetchOptions) -> None:
    main = hub.add("org/tiny", SMALL, LARGE)
    proposed = hub.add("org/tiny", SMALL, {"model.safetensors": b"from outside"}, revision="refs/pr/7")
    assert get(f"hf://org/tiny@{main}", options).commit == main
    snapshot = get("hf://org/tiny@refs/pr/7", options)
    assert snapshot.commit == proposed
    assert ("unmerged_revision", "refs/pr/7") in snapshot.source
    assert "unmerged_revision" not in dict(get("hf://org/tiny", options).source)


def test_one_weight_file_can_be_asked_for(hub: HubServer, options: FetchOptions, tmp_path: Path) -> None:
    hub.add("org/tiny", SMALL, LARGE)
    snapshot = get("hf://org/tiny/model.safetensors", options)
    assert {entry.path for entry in snapshot.files} == {*SMALL, "model.safetensors"}
    assert ("left_out", "original/consolidated.pth") in snapshot.source
    assert snapshot.missing == ()
    assert not [path for path in hub.paths() if "consolidated" in path]
    with pytest.raises(SourceError, match="nothing at 'other.gguf'"):
        get("hf://org/tiny/other.gguf", options)


def test_gated_repository_says_how_to_get_access(hub: HubServer, options: FetchOptions) -> None:
    hub.add("org/tiny", SMALL, LARGE)
    hub.repositories["org/tiny"].gated = "manual"
    with pytest.raises(SourceError, match="gated") as caught:
        get("hf://org/tiny", options)
    assert "ask for access" in caught.value.hint


@pytest.mark.parametrize("kind", ["gated", "private"])
def test_repository_for_the_chosen_is_fetched_with_their_token_only(
    hub: HubServer, options: FetchOptions, kind: str
) -> None:
    hub.add("org/tiny", SMALL, LARGE)
    repository = hub.repositories["org/tiny"]
    repository.gated, repository.is_private = ("manual", False) if kind == "gated" else (False, True)
    repository.granted = frozenset({"hf_chosen"})
    for token in ("", "hf_other"):
        with pytest.raises(SourceError, match="gated|no such repository, or it is private") as caught:
            get("hf://org/tiny", dataclasses.replace(options, token=token))
        if kind == "gated":
            assert ("your token has no access" if token else "no token was given") in str(caught.value)
    snapshot = get("hf://org/tiny", dataclasses.replace(options, token="hf_chosen"))
    assert all(entry.matches_source for entry in snapshot.files)
    assert dict(snapshot.source)[kind] == ("manual" if kind == "gated" else "true")


def test_token_is_sent_and_never_kept(hub: HubServer, options: FetchOptions) -> None:
    hub.add("org/tiny", SMALL, LARGE)
    snapshot = get("hf://org/tiny", dataclasses.replace(options, token="hf_secret"))
    assert {token for _, token in hub.requests} == {"Bearer hf_secret"}
    assert "hf_secret" not in repr(snapshot)
    kept = [path for path in options.cache.rglob("*") if path.is_file()]
    assert not [path for path in kept if b"hf_secret" in path.read_bytes()]


def test_no_token_means_no_token(
    hub: HubServer, options: FetchOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_of_the_machine")
    hub.add("org/tiny", SMALL)
    get("hf://org/tiny", options)
    assert {token for _, token in hub.requests} == {""}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("hf://a--b/c", "not a name that the hub allows"),
        ("hf://org/none", "no such repository"),
        ("hf://org/tiny@nope", "no revision 'nope'"),
        (f"hf://org/tiny@{'0' * 40}", "no revision"),
        ("hf://tiny", "not a repository"),
        ("hf:///org/tiny", "not a repository"),
        ("hf://o%rg/tiny", "not a name that the hub allows"),
    ],
)
def test_what_is_not_there_is_an_error_with_a_hint(
    hub: HubServer, options: FetchOptions, text: str, problem: str
) -> None:
    hub.add("org/tiny", SMALL, LARGE)
    with pytest.raises(SourceError, match=problem) as caught:
        get(text, options)
    assert caught.value.hint


def test_disabled_repository_is_an_error(hub: HubServer, options: FetchOptions) -> None:
    hub.add("org/tiny", SMALL)
    hub.repositories["org/tiny"].is_disabled = True
    with pytest.raises(SourceError, match="disabled"):
        get("hf://org/tiny", options)


def test_failing_hub_never_yields_what_an_earlier_fetch_left(hub: HubServer, options: FetchOptions) -> None:
    hub.add("org/tiny", SMALL, LARGE)
    get("hf://org/tiny", options)
    hub.fails = {"/api/": 500}
    with pytest.raises(SourceError, match="500") as caught:
        HubSource(QUICK).fetch(ModelRef.parse("hf://org/tiny"), options)
    assert "offline" in caught.value.hint


@pytest.mark.parametrize("status", [500, 501, 503, 404])
def test_failing_downloads_never_yield_a_stale_file(
    hub: HubServer, options: FetchOptions, status: int
) -> None:
    hub.add("org/tiny", SMALL, LARGE)
    first = get("hf://org/tiny", options)
    first.local_path("model.safetensors").write_bytes(b"stale bytes of another length")
    hub.fails = {"/org/tiny/resolve/": status}
    with pytest.raises(SourceError, match="could not deliver"):
        HubSource(QUICK).fetch(ModelRef.parse("hf://org/tiny"), options)
    assert not first.local_path("model.safetensors").exists()


def test_unreachable_hub_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"127\.0\.0\.1:9 could not deliver"):
        get("hf://org/tiny", FetchOptions(tmp_path, endpoint="http://127.0.0.1:9"))


def test_password_of_a_mirror_is_not_shown(tmp_path: Path) -> None:
    with pytest.raises(SourceError) as caught:
        get("hf://org/tiny", FetchOptions(tmp_path, endpoint="http://user:pass@127.0.0.1:9"))
    assert "pass@" not in f"{caught.value} {caught.value.hint}"


def test_something_that_is_no_hub_is_an_error(hub: HubServer, options: FetchOptions) -> None:
    hub.add("org/tiny", SMALL)
    tree = hub.repositories["org/tiny"].find("main")
    assert tree is not None
    object.__setattr__(tree, "tree", lambda: ["<html>"])
    with pytest.raises(SourceError, match=r"does not answer like a hub"):
        get("hf://org/tiny", options)


def test_path_that_leaves_the_folder_is_refused(
    hub: HubServer, options: FetchOptions, tmp_path: Path
) -> None:
    hub.add("org/tiny", {**SMALL, "../../../escaped.txt": b"outside"})
    with pytest.raises(SourceError, match="outside the model's folder"):
        get("hf://org/tiny", options)
    assert not list(tmp_path.rglob("escaped.txt"))


def test_offline_takes_what_the_cache_holds(hub: HubServer, options: FetchOptions) -> None:
    commit = hub.add("org/tiny", SMALL, LARGE)
    online = get("hf://org/tiny", options)
    hub.add("org/tiny", {"README.md": b"# Newer\n"}, LARGE)
    hub.requests.clear()
    offline = get("hf://org/tiny", dataclasses.replace(options, offline=True))
    assert hub.requests == []
    assert offline.commit == commit
    assert offline.files == online.files
    assert commit in dict(offline.source)["resolved_from_cache"]


def test_offline_without_an_earlier_fetch_is_an_error(options: FetchOptions) -> None:
    with pytest.raises(SourceError, match="not in the cache"):
        get("hf://org/tiny", dataclasses.replace(options, offline=True))


def test_offline_names_the_files_that_are_gone(hub: HubServer, options: FetchOptions, tmp_path: Path) -> None:
    hub.add("org/tiny", SMALL, LARGE)
    get("hf://org/tiny", options).local_path("README.md").unlink()
    offline = get("hf://org/tiny", dataclasses.replace(options, offline=True))
    assert offline.missing == ("README.md",)
    (finding,) = integrity(offline, tmp_path)
    assert (finding.outcome, finding.severity) == (Outcome.FAIL, Severity.HIGH)


def test_damaged_listing_is_an_error(hub: HubServer, options: FetchOptions) -> None:
    commit = hub.add("org/tiny", SMALL)
    get("hf://org/tiny", options)
    (options.cache / "hub" / "org--tiny" / f"{commit}.json").write_text('{"repository": 1}')
    with pytest.raises(SourceError, match="not a HubListing"):
        get("hf://org/tiny", dataclasses.replace(options, offline=True))


def test_too_small_a_disk_is_told_before_fetching(
    hub: HubServer, options: FetchOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.add("org/tiny", SMALL, LARGE)
    usage = type("usage", (), {"free": 1000})
    monkeypatch.setattr("scanner.remote.downloads.shutil.disk_usage", lambda path: usage)
    with pytest.raises(SourceError, match="GB free"):
        get("hf://org/tiny", options)
    assert not [path for path in hub.paths() if "/resolve/" in path]


def test_progress_counts_every_byte_fetched_and_hashed(hub: HubServer, options: FetchOptions) -> None:
    hub.add("org/tiny", SMALL, LARGE)
    progress = RecordingProgress()
    snapshot = get("hf://org/tiny", dataclasses.replace(options, progress=progress))
    assert [(job.title, job.unit) for job in progress.jobs] == [("Fetching", "bytes"), ("Hashing", "bytes")]
    assert [job.done for job in progress.jobs] == [snapshot.total_bytes] * 2
    assert [job.total for job in progress.jobs] == [snapshot.total_bytes] * 2


def test_mirror_is_not_bypassed_and_the_clients_settings_are_put_back(
    hub: HubServer, options: FetchOptions
) -> None:
    from huggingface_hub import constants

    before = (constants.HF_HUB_DISABLE_XET, constants.HF_HUB_DISABLE_TELEMETRY)
    during: list[tuple[bool, bool]] = []
    hub.after = lambda path: during.append((constants.HF_HUB_DISABLE_XET, constants.HF_HUB_DISABLE_TELEMETRY))
    hub.add("org/tiny", SMALL)
    get("hf://org/tiny", options)
    assert set(during) == {(True, True)}
    assert before == (constants.HF_HUB_DISABLE_XET, constants.HF_HUB_DISABLE_TELEMETRY)


def test_listing_beside_the_files_is_readable(hub: HubServer, options: FetchOptions) -> None:
    commit = hub.add("org/tiny", SMALL, LARGE)
    get("hf://org/tiny", options)
    kept = json.loads((options.cache / "hub" / "org--tiny" / f"{commit}.json").read_text())
    assert kept["commit"] == commit
    assert {file["path"] for file in kept["files"]} == {*SMALL, *LARGE}


def test_bytes_of_an_older_commit_are_named_as_such(
    hub: HubServer, options: FetchOptions, tmp_path: Path
) -> None:
    older = hub.add("org/tiny", SMALL, LARGE)
    get("hf://org/tiny", options)
    new = {name: data[::-1] for name, data in LARGE.items()}
    hub.add("org/tiny", {**SMALL, "README.md": b"# Tini\n"}, new)
    stale = {**SMALL, **LARGE}
    hub.serve = lambda path, data: stale[path] if path != "original/consolidated.pth" else b"x" * len(data)
    findings = integrity(get("hf://org/tiny", options), tmp_path)
    told = {finding.locations[0].path: finding.message for finding in findings}
    assert set(told) == {"README.md", *LARGE}
    for path in ("README.md", "model.safetensors"):
        assert told[path].endswith(f"; these are the bytes of commit {older}")
    assert "bytes of commit" not in told["original/consolidated.pth"]


def test_extra_file_in_the_folder_is_named(hub: HubServer, options: FetchOptions, tmp_path: Path) -> None:
    hub.add("org/tiny", SMALL, LARGE)
    snapshot = get("hf://org/tiny", options)
    snapshot.local_path("modeling_tiny.py").write_text("import os")
    (failed,) = integrity(get("hf://org/tiny", options), tmp_path)
    assert (failed.outcome, failed.rule, failed.severity) == (Outcome.FAIL, "EXTRA", Severity.HIGH)
    assert failed.locations[0].path == "modeling_tiny.py"


def test_branch_that_went_back_is_told_until_it_moves_on(
    hub: HubServer, options: FetchOptions, tmp_path: Path
) -> None:
    dates = {hub.add("org/tiny", SMALL): "2026-01-01T00:00:00.000Z"}
    older = next(iter(dates))
    newer = hub.add("org/tiny", {**SMALL, "README.md": b"# New\n"})
    dates[newer] = "2026-02-01T00:00:00.000Z"
    hub.info = lambda fields: {**fields, "lastModified": dates[str(fields["sha"])]}
    assert [finding.outcome for finding in integrity(get("hf://org/tiny", options), tmp_path)] == [
        Outcome.PASS
    ]
    hub.repositories["org/tiny"].revisions["main"] = older
    for _ in range(2):
        (failed,) = integrity(get("hf://org/tiny", options), tmp_path)
        assert (failed.outcome, failed.rule) == (Outcome.FAIL, "OLDER")
        assert older in failed.message
        assert newer in failed.message
    hub.repositories["org/tiny"].revisions["main"] = newer
    assert [finding.outcome for finding in integrity(get("hf://org/tiny", options), tmp_path)] == [
        Outcome.PASS
    ]


def test_older_commit_that_was_asked_for_by_its_id_is_no_fall_back(
    hub: HubServer, options: FetchOptions, tmp_path: Path
) -> None:
    older = hub.add("org/tiny", SMALL)
    hub.add("org/tiny", {**SMALL, "README.md": b"# New\n"})
    hub.info = lambda fields: {
        **fields,
        "lastModified": f"202{5 + (fields['sha'] != older)}-01-01T00:00:00.000Z",
    }
    get("hf://org/tiny", options)
    assert [f.outcome for f in integrity(get(f"hf://org/tiny@{older}", options), tmp_path)] == [Outcome.PASS]
